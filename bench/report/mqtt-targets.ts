/** What mqttnic must reach in mqtt.sh, each figure judged; the bounds are issue 5's. @module */
import { type Bound, judge, type Target } from "./judge.ts";
import { baseBroker, brokerNames, parsePoint, pointTitle } from "./mqtt-names.ts";
import { brokerRatio, isUnredirected, type MqttPoint } from "./mqtt-points.ts";
import type { MqttSample } from "./mqtt-samples.ts";
import { spread } from "./points.ts";

const own = { tcp: "mqttnic", redirect: "mqttnic-redirect" } as const;
type Way = keyof typeof own;
const ways: readonly Way[] = ["tcp", "redirect"];

const fans = ["fanout-q0", "fanout-q1", "fanin-q0"] as const;
/** Pipelined, on TCP: least messages a second over mosquitto's. Mixed has the bound of QoS 1, a third of its subscribers. */
const pipelined: Readonly<Record<string, number>> = {
  "fanout-q0-w16": 12,
  "fanout-q1-w16": 8,
  "fanin-q0-w16": 12,
  "fanout-q0-w16-full": 12,
  "fanout-q1-w16-full": 8,
  "fanin-q0-w16-full": 12,
  "fanout-mixed-w16-full": 8,
};
const oneAtATime: Readonly<Record<Way, number>> = { tcp: 1.15, redirect: 2 };
const fullOneAtATime = ["fanout-q0-w1-full", "fanout-q1-w1-full"] as const;
const feedback = { nodes: [64, 1024], rates: [100, 500, 1000, 3000] } as const;
const quantiles: Readonly<Record<Way, { readonly p50: number; readonly p99: number }>> = {
  tcp: { p50: 0.65, p99: 0.75 },
  redirect: { p50: 0.45, p99: 0.65 },
};
const mostTail = 2.2;

const title = (point: string, way: Way): string => `${pointTitle(point)}${way === "redirect" ? ", redirected" : ""}`;

/**
 * Judges a run of mqtt.sh. mosquitto on TCP is what all is compared with, behind the redirect too; what was not measured says so and is
 * never taken for met.
 *
 * @param skipped Points that the run left out because nobody could carry them.
 * @example
 * ```ts
 * judgeMqtt(parseMqtt(text).samples).filter((t) => t.state !== "met");
 * ```
 */
export function judgeMqtt(all: readonly MqttSample[], skipped: readonly string[] = []): readonly Target[] {
  const samples = all.filter((s) => !isUnredirected(s));
  const at = (point: string): readonly MqttSample[] => samples.filter((s) => s.point === point);
  const rate = (point: string, way: Way, least: number): Target =>
    judge(
      `${title(point, way)}: messages/s`,
      ["≥", least],
      brokerRatio(at(point), own[way], baseBroker, (s) => s.perSecond),
      " ×",
    );
  const single = [...fans.map((fan) => `${fan}-w1`), ...fullOneAtATime];
  const rounds = feedback.nodes.flatMap((nodes) =>
    feedback.rates.flatMap((rounds) => {
      const point = `feedback-${nodes}-${rounds}`;
      if (skipped.includes(point))
        return [{ name: title(point, "tcp"), want: "", measured: "no generator on one CPU sends so much", state: "no data" as const }];
      return ways.flatMap((way) => roundTargets(at(point), point, way));
    }),
  );
  const mine = all.filter((s) => Object.values<string>(own).includes(s.mode));
  const lost = mine.length > 0 ? spread([mine.reduce((sum, s) => sum + s.lost, 0)]) : undefined;
  return [
    ...Object.entries(pipelined).map(([point, least]) => rate(point, "tcp", least)),
    ...single.flatMap((point) => ways.map((way) => rate(point, way, oneAtATime[way]))),
    ...rounds,
    judge("messages lost and rounds unfinished in all of these", ["≤", 0, 0], lost, ""),
  ];
}

function roundTargets(here: readonly MqttSample[], point: string, way: Way): readonly Target[] {
  const bound = (limit: number): Bound => ["≤", limit];
  const name = title(point, way);
  const tails = here.filter((s) => s.mode === own[way] && s.times.count > 0).map((s) => s.times.p99Us / s.times.p50Us);
  return [
    judge(
      `${name}: p50`,
      bound(quantiles[way].p50),
      brokerRatio(here, own[way], baseBroker, (s) => s.times.p50Us),
      " ×",
    ),
    judge(
      `${name}: p99`,
      bound(quantiles[way].p99),
      brokerRatio(here, own[way], baseBroker, (s) => s.times.p99Us),
      " ×",
    ),
    judge(`${name}: p99 over p50`, bound(mostTail), tails.length > 0 ? spread(tails) : undefined, " ×"),
  ];
}

/** What must be known to read the table: who was not redirected, who had the generator at its limit, what was not carried. */
export function mqttRemarks(points: readonly MqttPoint[]): readonly string[] {
  const name = (mode: string): string => brokerNames[mode] ?? mode;
  return points.flatMap(({ point, brokers }) =>
    Object.entries(brokers).flatMap(([mode, f]) => {
      const where = `${name(mode)}, ${pointTitle(point)}`;
      const remarks: string[] = [];
      if (isUnredirected({ point, redirected: f.redirected }))
        remarks.push(`NOT REDIRECTED by sockhijack's own count, and not judged: ${where}`);
      if (f.saturated > 0) remarks.push(`The generator had no time left, so this is its limit, a lower bound: ${where}`);
      if (f.lost > 0)
        remarks.push(
          parsePoint(point).kind === "feedback"
            ? `Could not keep up, ${f.lost} rounds were not over a second after the end: ${where}`
            : `${f.lost} deliveries never came: ${where}`,
        );
      return remarks;
    }),
  );
}
