/** The watch, with a clock that the test turns, made-up sockhijacks, and a planner that the test writes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLog, type TestEnv, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import type { Plan } from "../../src/plan/plan.ts";
import { buildProblem, type ProblemParts } from "../../src/problem/build-problem.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { stateName } from "../../src/watch/state-file.ts";
import { type ReadProblem, Watch, type WatchOptions } from "../../src/watch/watch.ts";
import { FakeSockhijack, folderOf } from "./support/fake-sockhijack.ts";

/** Four services on two nodes that have room for two each; a and c run on n1, b and d on n2. */
const parts: ProblemParts = {
  name: "four",
  nodes: ["n1", "n2"].map((name) => ({ name, capacity: { cpu: 2 } })),
  services: ["a", "b", "c", "d"].map((name) => ({ name, requests: { cpu: 1 } })),
  assignment: { "a-0": "n1", "b-0": "n2", "c-0": "n1", "d-0": "n2" },
};
const read = (over: Partial<ProblemParts> = {}): ReadProblem => ({
  problem: buildProblem({ ...parts, ...over }),
  file: "/etc/mitsu/placement.yaml",
  sha256: "00",
});

/** Puts the pair that talks most on n1, and the others on n2. */
function bestPlan(problem: Problem): Plan {
  const { from, to } = problem.traffic.toSorted((one, other) => other.messagesPerSecond - one.messagesPerSecond)[0]!;
  const node = (name: string): string => (name === from || name === to ? "n1" : "n2");
  return { version: 1, assignment: Object.fromEntries(problem.services.map(({ name }) => [`${name}-0`, node(name)])) } as unknown as Plan;
}

interface Rig {
  readonly watch: Watch;
  readonly sockhijack: FakeSockhijack;
  readonly env: TestEnv;
  readonly folder: string;
  /** So many readings, 5 s apart, between which the pairs say so many messages a second. */
  readonly run: (times: number, perSecond: Readonly<Record<string, number>>) => Promise<void>;
  /** Another daemon in the place of this one, after so many seconds. */
  readonly restart: (afterS: number) => Promise<Rig>;
  readonly planner: { calls: Problem[]; make: (problem: Problem) => Plan | Promise<Plan> };
}

async function rig(
  t: ExecutionContext,
  over: Partial<WatchOptions> = {},
  problem: ReadProblem = read(),
  clock = { ms: 1_000_000 },
  before?: Rig,
): Promise<Rig> {
  const folder = before?.folder ?? folderOf(t);
  const sockhijack = before?.sockhijack ?? new FakeSockhijack(t, join(folder, "s.sock"));
  if (!before) await sockhijack.start();
  const env = testEnv({ now: () => clock.ms, nowNs: () => BigInt(Math.round(clock.ms * 1e6)), cwd: folder });
  const planner: Rig["planner"] = { calls: [], make: bestPlan };
  const watch = Watch.open(problem, {
    sockets: [sockhijack.socket],
    intervalMs: 5000,
    halfLifeMs: 60_000,
    threshold: 0.05,
    holdMs: 60_000,
    state: folder,
    maxUtilisation: 1,
    reserve: "requests",
    weight: 0.05,
    version: "0.1.0",
    env,
    log: createLog(env, { level: "debug" }),
    planner: async (asked) => {
      planner.calls.push(asked);
      return planner.make(asked);
    },
    ...over,
  });
  t.teardown(() => watch.close());
  const self: Rig = {
    watch,
    sockhijack,
    env,
    folder,
    planner,
    run: async (times, perSecond) => {
      for (let at = 0; at < times; at++) {
        clock.ms += 5000;
        for (const [pair, rate] of Object.entries(perSecond)) sockhijack.count(...(pair.split(" ") as [string, string]), 5 * rate);
        await watch.tick();
        await watch.planned();
      }
    },
    restart: async (afterS) => {
      await watch.close();
      clock.ms += afterS * 1000;
      return rig(t, over, problem, clock, self);
    },
  };
  return self;
}

test("tick() proposes to put two services together that talk across nodes, once that has been better for long enough", async (t) => {
  const { watch, run, planner, env } = await rig(t);
  t.like(watch.status(), {
    state: "none",
    warm: false,
    estimateAgeMs: null,
    gain: null,
    objective: { present: null, plan: null, proposal: null },
  });
  t.regex(watch.proposal().why, /no sockhijack answers/);
  await run(12, { "a b": 1000 });
  t.like(watch.status(), { warm: false, edges: 1, plans: 0, degraded: [] });
  t.regex(watch.proposal().why, /not warm yet/);
  await run(2, { "a b": 1000 });
  t.like(watch.status(), { warm: true, plans: 1, state: "holding" });
  t.true(watch.status().gain! > 0.9);
  t.regex(watch.proposal().why, /not for long enough/);
  t.is(watch.proposal().plan, null);
  await run(11, { "a b": 1000 });
  t.is(watch.status().state, "holding");
  await run(1, { "a b": 1000 });
  const status = watch.status();
  t.like(status, { state: "proposed", proposed: 1, replaced: 0, withdrawn: 0, plans: 1, sinceMs: env.now() });
  t.is(status.proposalGain, status.gain);
  t.true(Math.abs(status.messagesPerSecond - 1000) < 1 && Math.abs(status.bytesPerSecond - 100_000) < 100);
  const plan = JSON.parse(watch.proposal().plan!) as Plan;
  t.is(plan.assignment["a-0"], plan.assignment["b-0"]);
  t.deepEqual(plan.problem, { name: "four", file: "/etc/mitsu/placement.yaml", sha256: "00" });
  t.is(planner.calls.length, 1);
  t.like(planner.calls[0]!.traffic[0], { from: "a", to: "b", sources: ["sockhijack"] });
});

test("tick() makes no new plan while the traffic stays what it was, and no proposal where nothing is to be gained", async (t) => {
  const { watch, run, planner } = await rig(t);
  for (let at = 0; at < 100; at++) await run(1, { "a c": 1000 + (at % 3), "b d": 500 });
  t.is(planner.calls.length, 1);
  t.like(watch.status(), { state: "none", proposed: 0 });
  t.regex(watch.proposal().why, /gains 0\.000, less than the threshold/);
});

test("tick() withdraws a proposal that the traffic has left behind, and replaces it when another is much better", async (t) => {
  const { watch, run } = await rig(t);
  await run(30, { "a b": 1000 });
  t.is(watch.status().state, "proposed");
  const first = watch.proposal().plan;
  // b talks to c now: the proposal keeps a and b together, which gains nothing.
  await run(80, { "b c": 5000 });
  t.like(watch.status(), { state: "proposed", proposed: 1 });
  t.true(watch.status().replaced + watch.status().withdrawn >= 1);
  const second = JSON.parse(watch.proposal().plan!) as Plan;
  t.not(watch.proposal().plan, first);
  t.is(second.assignment["b-0"], second.assignment["c-0"]);
  // Those of one node talk: no plan is better than what is.
  await run(100, { "a c": 50_000 });
  t.like(watch.status(), { state: "none", withdrawn: 1 });
  t.is(watch.proposal().plan, null);
});

test("noisy, oscillating and adversarial traffic changes the proposal at most once a hold time, stationary noise once at all", async (t) => {
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const pairs = ["a b", "a c", "a d", "b c", "b d", "c d"];
  const traffic: Readonly<Record<string, (at: number) => Record<string, number>>> = {
    stationary: () => ({ "a b": 900 + 200 * random(), "a c": 300 + 100 * random(), "c d": 400 + 100 * random() }),
    oscillating: (at) => (at % 8 < 4 ? { "a b": 2000 } : { "b c": 2000 }),
    adversarial: (at) => ({ [pairs[Math.floor(at / 14) % pairs.length]!]: 10 ** (2 + (Math.floor(at / 14) % 4)) }),
    wild: () => ({ [pairs[Math.floor(random() * pairs.length)]!]: 10 ** (5 * random()) }),
  };
  for (const [kind, of] of Object.entries(traffic)) {
    const { watch, run, planner } = await rig(t);
    let [before, lastChange] = [0, Number.NEGATIVE_INFINITY];
    for (let at = 0; at < 250; at++) {
      await run(1, of(at));
      const { proposed, replaced, withdrawn } = watch.status();
      const changes = proposed + replaced + withdrawn;
      t.true(changes - before <= 1, kind);
      if (changes > before) {
        t.true(at - lastChange > 12, `${kind}: changes at readings ${lastChange} and ${at}`);
        lastChange = at;
      }
      before = changes;
    }
    t.log(`${kind}: ${before} changes, ${planner.calls.length} plans in 250 readings`);
    if (kind === "stationary") t.is(before, 1);
  }
});

test("a sockhijack that is away is told of, its estimate decays, and it comes back by itself, counters from 0", async (t) => {
  const { watch, run, sockhijack } = await rig(t);
  await run(13, { "a b": 1000 });
  const before = watch.status();
  await sockhijack.stop();
  await run(12, {});
  const away = watch.status();
  t.is(away.degraded.length, 1);
  t.regex(away.degraded[0]!, /^sockhijack at .*s\.sock is away: /);
  t.like(away, { warm: false, sources: [{ state: "away" }], estimateAgeMs: 60_000 });
  t.true(Math.abs(away.messagesPerSecond / before.messagesPerSecond - 0.5) < 0.01);
  await sockhijack.start();
  await run(3, { "a b": 1000 });
  const back = watch.status();
  t.like(back, { warm: true, degraded: [], sources: [{ state: "up", resets: 2 }] });
  t.true(back.messagesPerSecond > away.messagesPerSecond && back.messagesPerSecond < 1001);
});

test("sources add up, and services that the problem does not have are named and left out", async (t) => {
  const folder = folderOf(t);
  const [one, other] = [new FakeSockhijack(t, join(folder, "1.sock")), new FakeSockhijack(t, join(folder, "2.sock"))];
  await Promise.all([one.start(), other.start()]);
  const { watch, run } = await rig(t, { sockets: [one.socket, other.socket] });
  for (let at = 0; at < 15; at++) {
    one.count("a", "b", 500);
    other.count("a", "b", 1000);
    other.count("b", "stranger", 1);
    other.count("", "a", 7); // from outside the mesh
    await run(1, {});
  }
  const status = watch.status();
  t.like(status, { edges: 1, unknown: ["stranger"], degraded: [], warm: true });
  t.true(Math.abs(status.messagesPerSecond - 300) < 1);
  t.deepEqual(
    watch.traffic().map(({ from, to }) => [from, to]),
    [["a", "b"]],
  );
});

test("close() keeps estimate and proposal, and the next daemon goes on with them", async (t) => {
  const first = await rig(t);
  await first.run(30, { "a b": 1000 });
  const plan = first.watch.proposal().plan;
  const { sinceMs } = first.watch.status();
  const second = await first.restart(60);
  const begun = second.watch.status();
  t.like(begun, { state: "proposed", sinceMs, edges: 1, plans: 0 });
  t.true(Math.abs(begun.messagesPerSecond - 500) < 5, "one half-life has passed");
  t.is(second.watch.proposal().plan, plan);
  t.regex(second.watch.proposal().why, /not judged yet/);
  await second.run(2, { "a b": 1000 });
  t.like(second.watch.status(), { state: "proposed", warm: true, proposed: 0, withdrawn: 0 });
});

for (const [what, text] of [
  ["is cut off", '{"version":1,"savedAtMs":12,"sou'],
  ["is of another version", '{"version":2,"savedAtMs":12,"sources":{},"proposal":null}'],
  [
    "has rates that are no numbers",
    '{"version":1,"savedAtMs":12,"sources":{"x":{"coverage":1,"rates":[{"from":"a","to":"b"}]}},"proposal":null}',
  ],
] as const) {
  test(`a kept estimate that ${what} is told of, and begins anew`, async (t) => {
    const first = await rig(t);
    await first.run(30, { "a b": 1000 });
    await first.watch.close();
    const file = join(first.folder, stateName);
    writeFileSync(file, text);
    const second = await rig(t, {}, read(), { ms: 2_000_000 }, first);
    t.regex(second.env.err(), /WARN.*the kept estimate is damaged, and begins anew/i);
    t.like(second.watch.status(), { state: "none", edges: 0, degraded: [] });
    await second.watch.close();
    t.is((JSON.parse(readFileSync(file, "utf8")) as { version: number }).version, 1);
  });
}

test("a state that cannot be written is told of once, and everything goes on", async (t) => {
  const file = join(folderOf(t), "a-file");
  writeFileSync(file, "");
  const { watch, run, env } = await rig(t, { state: join(file, "below") });
  await run(30, { "a b": 1000 });
  t.like(watch.status(), { state: "proposed" });
  t.regex(watch.status().degraded.join(), /cannot be kept over a restart/);
  t.is(env.err().match(/cannot be kept/g)?.length, 1);
});

test("a plan that fails is told of once, tried again after a while, and mends", async (t) => {
  const { watch, run, planner, env } = await rig(t);
  planner.make = () => {
    throw new MitsuError("a must stand beside b, and not beside b", { code: "ERR_PLACER_INFEASIBLE" });
  };
  await run(40, { "a b": 1000 });
  const status = watch.status();
  t.deepEqual(status.degraded, ["the last plan failed: a must stand beside b, and not beside b"]);
  t.true(status.planFailures >= 2 && status.planFailures <= 3, `${status.planFailures} in 140 s`);
  t.is(env.err().match(/no plan could be made/g)?.length, 1);
  t.regex(watch.proposal().why, /must stand beside/);
  planner.make = bestPlan;
  await run(30, { "a b": 1000 });
  t.like(watch.status(), { state: "proposed", degraded: [] });
});

test("configure() withdraws a proposal that was carried out, or that the new rules forbid, and keeps another", async (t) => {
  const { watch, run } = await rig(t);
  await run(30, { "a b": 1000 });
  const { assignment } = JSON.parse(watch.proposal().plan!) as Plan;
  watch.configure(read());
  t.like(watch.status(), { state: "proposed", withdrawn: 0 });
  watch.configure(read({ assignment }));
  t.like(watch.status(), { state: "none", withdrawn: 1 });
  await run(30, { "a b": 1000 });
  t.like(watch.status(), { state: "none", proposed: 1 });

  watch.configure(read());
  await run(30, { "a b": 1000 });
  t.like(watch.status(), { state: "proposed", proposed: 2 });
  const apart = { service: "b", within: "node", weight: null };
  watch.configure(read({ services: parts.services.map((one) => (one.name === "a" ? { ...one, antiAffinity: [apart] } : one)) }));
  t.like(watch.status(), { state: "none", withdrawn: 2 });
});

test("a plan of a problem that was replaced while it was made is thrown away", async (t) => {
  const { watch, planner, run } = await rig(t);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Plan>();
  planner.make = () => {
    asked.resolve();
    return answer.promise;
  };
  const running = run(14, { "a b": 1000 });
  await asked.promise;
  watch.configure(read({ assignment: {} }));
  answer.resolve(bestPlan(planner.calls[0]!));
  await running;
  t.like(watch.status(), { planning: false, objective: { plan: null } });
});
