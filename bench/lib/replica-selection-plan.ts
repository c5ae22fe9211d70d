/** Which measurements replica-selection.sh makes, and in which order: within a repetition all policies follow each other at every load, every other time in reverse. @module */
import { secondsFor } from "./replica-selection-events.ts";
import { type Common, type Point, slowStartMs } from "./replica-selection-setting.ts";

/** What is chosen on the command line. */
export interface PlanOptions {
  readonly scenarios: readonly string[];
  readonly policies: readonly string[];
  readonly loads: readonly number[];
  readonly reps: number;
  /** Of the soak; 0 for none. */
  readonly soakSeconds: number;
  /** Of the soak, before its seconds: code is compiled and the young generation has its size. */
  readonly soakWarmUp: number;
}

/** Where targets are judged. */
export const judgedLoad = 0.85;
/** Of scenarios in which something goes wrong: there is room for what a replica leaves to the others. */
const calmLoad = 0.6;
const equalReplicas = 4;
/** Of replicas that compute: two a node, so that two cores hold them and the daemons. */
const hogReplicas = 8;
/** Of what antagonists leave. */
export const hogLoad = 0.7;
/** The selectors that `hog` compares, of those that are chosen. */
const hogPolicies: readonly string[] = ["round-robin", "p2c", "prequal", "mitsu"];

/** All of them. */
export function planPoints({ scenarios, policies, loads, reps, soakSeconds, soakWarmUp }: PlanOptions, common: Common): readonly Point[] {
  const usual = {
    scenario: "varying",
    intervalMs: 1,
    brokerLost: false,
    replicas: common.replicas,
    speed: "varying",
    seconds: common.seconds,
    warmUp: common.warmUp,
    how: null,
  } as const;
  const points: Point[] = [];
  let turn = 0;
  const inTurn = (group: readonly Point[]): void => void points.push(...(turn++ % 2 === 0 ? group : group.toReversed()));
  const wanted = (name: string): boolean => scenarios.includes(name);
  for (let rep = 1; rep <= reps; rep++) {
    if (wanted("varying")) for (const load of loads) inTurn(policies.map((policy) => ({ ...usual, rep, policy, load })));
    if (wanted("hog")) {
      const hog = { ...usual, scenario: "hog", speed: "hog", replicas: hogReplicas, rep, load: hogLoad } as const;
      inTurn(policies.filter((policy) => hogPolicies.includes(policy)).map((policy) => ({ ...hog, policy })));
    }
    if (wanted("equal"))
      inTurn(
        policies.map((policy) => ({ ...usual, scenario: "equal", speed: "equal", replicas: equalReplicas, rep, policy, load: judgedLoad })),
      );
    if (wanted("age")) {
      const aged = { ...usual, scenario: "age", rep, load: judgedLoad } as const;
      inTurn([
        { ...aged, policy: "round-robin" },
        ...[1, 10, 100].map((intervalMs): Point => ({ ...aged, policy: "mitsu", intervalMs })),
        { ...aged, policy: "mitsu", brokerLost: true },
      ]);
    }
    for (const scenario of ["restart", "dead"] as const) {
      if (!wanted(scenario)) continue;
      const calm = { ...usual, scenario, speed: "equal", rep, policy: "mitsu", load: calmLoad } as const;
      const seconds = secondsFor(calm, slowStartMs);
      for (const how of scenario === "restart" ? (["term", "kill"] as const) : [null]) points.push({ ...calm, seconds, how });
    }
  }
  if (soakSeconds > 0) {
    const seconds = soakWarmUp + soakSeconds;
    points.push({ ...usual, scenario: "soak", rep: 1, policy: "mitsu", load: judgedLoad, seconds, warmUp: soakWarmUp });
  }
  return points;
}
