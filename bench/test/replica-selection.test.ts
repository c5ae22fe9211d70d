import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parseCatalog } from "../../packages/catalog/src/mod.ts";
import type { ReplicadStatus } from "../../packages/ipc/src/mod.ts";
import { freePort } from "../../packages/sockhijack/test/kernel/support/free-port.ts";
import type { ReplicaStats } from "../lib/replica-selection-ask.ts";
import { secondsFor, sharesOf } from "../lib/replica-selection-events.ts";
import { type HogLine, type Hogs, HogWatch } from "../lib/replica-selection-hogs.ts";
import { hogLoad, planPoints } from "../lib/replica-selection-plan.ts";
import type { Sample } from "../lib/replica-selection-point.ts";
import { type LoadLine, mergeLoads, spoiledBy } from "../lib/replica-selection-sample.ts";
import { type Common, meshOf, type Point, placesOf, rateOf, simulationArguments, slowStartMs } from "../lib/replica-selection-setting.ts";
import { renderSelectionChart } from "../report/replica-chart.ts";
import {
  keyOf,
  lowestOf,
  orderOf,
  parseSamples,
  predictionErrors,
  ratios,
  type Simulated,
  seenIn,
  slopeOf,
  toPoints,
} from "../report/replica-points.ts";
import { renderSelection } from "../report/replica-table.ts";
import { judgeSelection } from "../report/replica-targets.ts";

const common: Common = { nodes: 4, replicas: 8, workMs: 10, dwellMs: 1000, seconds: 20, warmUp: 4, security: "mtls", broker: "mqttnic" };
const plan = (scenarios: readonly string[], reps = 1): readonly Point[] =>
  planPoints({ scenarios, policies: ["round-robin", "p2c", "mitsu"], loads: [0.3, 0.85], reps, soakSeconds: 0, soakWarmUp: 120 }, common);
const [usual] = plan(["varying"]);

/** One client's line: latencies in milliseconds, each once. */
function loadLine(latenciesMs: readonly number[], over: Partial<LoadLine> = {}): LoadLine {
  return {
    sent: latenciesMs.length,
    counted: latenciesMs.length,
    ok: latenciesMs.length,
    throughput: 10,
    cpuSeconds: 0,
    failed: { refused: 0 },
    told: [],
    sumUs: latenciesMs.reduce((sum, one) => sum + one * 1000, 0),
    maxUs: Math.max(...latenciesMs) * 1000,
    overUs: 400,
    lateUs: { mean: 10, p99: 50, max: 90 },
    replicas: { 0: latenciesMs.length },
    cells: latenciesMs.map((one) => [one * 1000, 1] as const),
    ...over,
  };
}

/** A measurement in which all latencies are the same. */
function sample(over: Partial<Sample>, latencyMs: number, spoiled: readonly string[] = []): Sample {
  return {
    ...usual!,
    rate: 100,
    startSeconds: 2,
    seen: mergeLoads([loadLine([latencyMs])]),
    machine: { wallSeconds: 20, busySeconds: 10, ownSeconds: 9.9, stealSeconds: 0 },
    spoiled,
    cpu: { nicd: 1, replicad: 2, broker: 1, replicas: 0.1 },
    carried: 2000,
    retries: 0,
    messages: { sent: 8000, received: 24_000 },
    ageMs: { median: 3, most: 9 },
    replicaLateMs: { mean: 0.1, max: 1 },
    mostInFlight: [3],
    degraded: [],
    noted: {},
    ...over,
  };
}

const told = (policy: string, load: number, ms: number): Simulated => ({
  policy,
  load,
  responseMs: { mean: ms, p50: ms, p90: ms, p99: ms, p999: ms },
  throughputPerSecond: 1,
  runs: [],
});
const pointsOf = (samples: readonly Sample[], simulated: readonly Simulated[] = []) =>
  toPoints(samples, new Map(simulated.map((one) => [`varying ${one.policy} ${one.load}`, one])));

test("planPoints() has every policy at every load within a repetition, every other time in reverse", (t) => {
  const points = plan(["varying"], 2);
  t.deepEqual(points.map(({ rep, policy, load }) => `${rep} ${policy} ${load}`).slice(0, 6), [
    "1 round-robin 0.3",
    "1 p2c 0.3",
    "1 mitsu 0.3",
    "1 mitsu 0.85",
    "1 p2c 0.85",
    "1 round-robin 0.85",
  ]);
  t.is(points.length, 12);
  t.is(new Set(points.map((point) => `${point.rep} ${keyOf(point as Sample)}`)).size, 12);
});

test("planPoints() of the other scenarios: ages beside round robin, both ways of a restart, time enough for what happens", (t) => {
  const aged = plan(["age"]).map(({ policy, intervalMs, brokerLost }) => `${policy} ${intervalMs}${brokerLost ? " lost" : ""}`);
  t.deepEqual(aged, ["round-robin 1", "mitsu 1", "mitsu 10", "mitsu 100", "mitsu 1 lost"]);
  const [term, kill, dead] = plan(["restart", "dead"]);
  t.deepEqual([term!.how, kill!.how, dead!.how], ["term", "kill", null]);
  t.true(term!.seconds >= term!.warmUp + 8);
  t.true(secondsFor(dead!, slowStartMs) >= dead!.warmUp + 10);
});

test("meshOf() is a mesh file that Mitsu reads, with the policy, every replica, and retries where replicas go away", (t) => {
  for (const point of [...plan(["varying", "hog", "equal", "age", "restart", "dead"])]) {
    const { services, nodes } = parseCatalog(meshOf(point, common));
    const work = services.find(({ name }) => name === "work")!;
    t.is(nodes.length, 4);
    t.is(work.replicas.length, point.replicas);
    t.is(work.traffic.cluster.selector, point.policy as typeof work.traffic.cluster.selector);
    t.is(work.traffic.routes[0]!.retries.attempts > 0, point.scenario === "restart" || point.scenario === "dead");
  }
});

test("rateOf() is the load's share of the capacity at mean speed; placesOf() gives every replica an address of its own", (t) => {
  t.true(Math.abs(rateOf({ load: 0.85, replicas: 20, speed: "varying" }, common) - 1133.3) < 0.1);
  t.is(rateOf({ load: 0.5, replicas: 4, speed: "equal" }, common), 200);
  t.is(Math.round(rateOf({ load: 0.7, replicas: 8, speed: "hog" }, common)), 187);
  t.is(new Set(placesOf(20, 4).map(({ address, port }) => `${address}:${port}`)).size, 20);
});

test("simulationArguments() are what `replicad simulate` takes, and it answers with every policy at every load", (t) => {
  const program = new URL("../../packages/replicad/src/main.ts", import.meta.url).pathname;
  const seen = { networkMs: 0.25, delayMs: 1.5 };
  for (const point of [usual!, plan(["age"]).at(-1)!, plan(["equal"])[0]!]) {
    const short = { ...point, seconds: 2, warmUp: 1 };
    const argv = simulationArguments(short, common, seen, { policies: ["round-robin", "mitsu"], loads: [0.3, 0.6], runs: 2 });
    const ran = spawnSync(process.execPath, [program, ...argv], { encoding: "utf8" });
    t.is(ran.status, 0, ran.stderr);
    const { results } = JSON.parse(ran.stdout) as { readonly results: readonly Simulated[] };
    t.deepEqual(results.map(({ policy, load }) => `${policy} ${load}`).toSorted(), [
      "mitsu 0.3",
      "mitsu 0.6",
      "round-robin 0.3",
      "round-robin 0.6",
    ]);
    t.true(results.every(({ responseMs, runs }) => responseMs!.p99 > responseMs!.p50 && runs.length === 2));
  }
});

test("mergeLoads() takes percentiles of all clients' requests together, and the worst client's lateness", (t) => {
  const load = mergeLoads([
    loadLine([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], { failed: { refused: 0, 503: 2 }, told: [[7, "status"]] }),
    loadLine([100], { lateUs: { mean: 1, p99: 4000, max: 5000 }, failed: { 503: 1 }, told: [[3, "status"]] }),
  ]);
  t.like(load.latency, { p50: 6, p90: 10, p99: 100, max: 100 });
  t.is(load.ok, 11);
  t.deepEqual(load.failed, { 503: 3 });
  t.deepEqual(load.told, [
    [3, "status"],
    [7, "status"],
  ]);
  t.is(load.lateMs.p99, 4);
  t.is(mergeLoads([loadLine([], { maxUs: 0 })]).latency, null);
});

test("spoiledBy() names others on the CPUs, the hypervisor, a client that sent late, a replica that was late", (t) => {
  const load = mergeLoads([loadLine([1])]);
  const quiet = { wallSeconds: 10, busySeconds: 5, ownSeconds: 4.5, stealSeconds: 0 };
  t.deepEqual(spoiledBy(load, quiet, 0.1), []);
  const late = { ...load, lateMs: { mean: 1, p99: 20, max: 50 } };
  t.is(spoiledBy(late, { ...quiet, busySeconds: 9, stealSeconds: 1 }, 5).length, 4);
});

test("toPoints() leaves out repetitions that were spoiled, and says when all were; ratios() are within a repetition", (t) => {
  const [robin, mitsu] = pointsOf([
    sample({ policy: "round-robin", load: 0.85, rep: 1 }, 100),
    sample({ policy: "round-robin", load: 0.85, rep: 2 }, 200),
    sample({ policy: "mitsu", load: 0.85, rep: 1 }, 10),
    sample({ policy: "mitsu", load: 0.85, rep: 2 }, 10),
    sample({ policy: "mitsu", load: 0.85, rep: 3 }, 999, ["others used 1.00 cores"]),
  ]);
  t.is(mitsu!.latency!.p99, 10);
  t.false(mitsu!.spoiled);
  t.deepEqual(
    ratios(mitsu, robin, ({ seen }) => seen.latency?.p99),
    [0.1, 0.05],
  );
  const [spoiled] = pointsOf([sample({ policy: "mitsu" }, 10, ["steal"])]);
  t.true(spoiled!.spoiled);
  t.deepEqual(
    ratios(spoiled, robin, ({ seen }) => seen.latency?.p99),
    [],
  );
});

test("predictionErrors() are medians over loads below 1; orderOf() counts pairs that are clearly the other way round", (t) => {
  const samples = [
    sample({ policy: "mitsu", load: 0.85 }, 100),
    sample({ policy: "mitsu", load: 1.1 }, 1000),
    sample({ policy: "p2c", load: 0.85 }, 200),
    sample({ policy: "c3", load: 0.85 }, 104),
  ];
  const points = pointsOf(samples, [told("mitsu", 0.85, 110), told("mitsu", 1.1, 5000), told("p2c", 0.85, 100), told("c3", 0.85, 100)]);
  const [mitsu] = predictionErrors(points);
  t.true(Math.abs(mitsu!.by.p99 - 0.1) < 1e-9 && mitsu!.compared === 1);
  const order = orderOf(
    points.filter(({ first }) => first.load === 0.85),
    "p99",
  )!;
  t.deepEqual(order.measured, ["mitsu", "c3", "p2c"]);
  // mitsu and c3 are alike, mitsu and p2c are 10 % apart in one of the two only: none is clear.
  t.deepEqual(order.inverted, []);
  const clear = pointsOf(samples, [told("mitsu", 0.85, 150), told("p2c", 0.85, 100)]).filter(({ first }) => first.load === 0.85);
  t.deepEqual(orderOf(clear, "p99")!.inverted, [["mitsu", "p2c"]]);
  t.is(orderOf([], "p99"), null);
});

test("seenIn() takes the way from the least load, and how late news is beyond the interval", (t) => {
  const seen = seenIn([sample({ load: 0.3 }, 10), sample({ load: 0.85, ageMs: { median: 6, most: 7 }, intervalMs: 1 }, 10)]);
  t.deepEqual(seen, { networkMs: 0.2, delayMs: 3.5 });
});

test("slopeOf() is bytes a second by least squares; lowestOf() is of the first and of the last two minutes", (t) => {
  const series = Array.from({ length: 121 }, (_, at) => [at * 5, 1000 + at * 10 + (at % 2) * 5000] as const);
  t.true(Math.abs(slopeOf(series.filter((_, at) => at % 2 === 0)).bytesPerSecond - 2) < 1e-9);
  t.deepEqual(lowestOf(series), { first: 1000, last: 1960 });
});

test("sharesOf() is what a replica that came back got over the mean of the others, in half seconds from its first request on", (t) => {
  const stats = (firstBin: number, bins: readonly number[]): ReplicaStats => ({
    replica: 0,
    served: 0,
    arrived: 0,
    inFlight: 0,
    mostInFlight: 0,
    workSeconds: 0,
    lateMeanUs: 0,
    lateMaxUs: 0,
    firstBin,
    bins,
  });
  const others = [
    stats(
      0,
      Array.from({ length: 40 }, () => 10),
    ),
    stats(
      0,
      Array.from({ length: 40 }, () => 30),
    ),
  ];
  const own = stats(20, [0, 0, 2, 2, 2, 2, 2, 10, 10, 10, 10, 10, 20]);
  t.deepEqual(sharesOf(own, others, 1_000_000_000n), { backMs: 1200, shares: [0.1, 0.5] });
  t.deepEqual(sharesOf(stats(0, [0, 0]), others, 0n), { backMs: null, shares: [] });
});

test("judgeSelection() takes nothing for no data, and judges within repetitions", (t) => {
  t.deepEqual(new Set(judgeSelection([], null).map(({ state }) => state)), new Set(["no data"]));
  const state = (mitsu: number, name: RegExp): string | undefined =>
    judgeSelection(
      pointsOf([
        sample({ policy: "round-robin", load: 0.85, replicas: 20 }, 1000),
        sample({ policy: "prequal", load: 0.85, replicas: 20 }, 100),
        sample({ policy: "mitsu", load: 0.85, replicas: 20 }, mitsu),
      ]),
      null,
    ).find((target) => name.test(target.name))?.state;
  t.is(state(90, /over round robin, p99 at 0.85$/), "met");
  t.is(state(110, /over round robin, p99 at 0.85$/), "missed");
  t.is(state(110, /over prequal/), "missed");
});

test("judgeSelection(): a restart without a failed request, a dead replica that gets none, memory that is flat", (t) => {
  const death = {
    killedMs: 6000,
    sentBefore: 100,
    firstFailureMs: 6005,
    sentAfter: 3,
    sentLate: 0,
    lastSentMs: 6020,
    restartedMs: 10_000,
    backMs: 10_200,
    shares: [0.2, 0.5, 0.8, 0.9, 1, 1],
  };
  const resident = { "nicd-n1": Array.from({ length: 120 }, (_, at) => [at * 5, 1e8] as const) };
  const collected = { "nicd-n1": [1e8, 1.01e8] as const };
  const judged = (over: Partial<typeof death>, failed: Record<string, number> = {}) =>
    judgeSelection(
      pointsOf([
        sample({ scenario: "restart", policy: "mitsu", load: 0.6, how: "term", seen: { ...mergeLoads([loadLine([1])]), failed } }, 1),
        sample({ scenario: "dead", policy: "mitsu", load: 0.6, noted: { death: { ...death, ...over } } }, 1),
        sample({ scenario: "soak", policy: "mitsu", load: 0.85, seconds: 720, warmUp: 120, noted: { resident, collected } }, 1),
      ]),
      null,
    )
      .filter(({ name }) => /told to end|dead|soak/.test(name))
      .map(({ state }) => state);
  t.deepEqual(judged({}), ["met", "met", "met", "met", "met"]);
  t.deepEqual(judged({ sentLate: 1, shares: [0.9, 1, 1, 1] }, { 503: 1 }), ["missed", "missed", "missed", "met", "met"]);
  t.is(judged({ sentBefore: 0 })[1], "no data");
});

test("judgeSelection(): memory with and without garbage; less than ten minutes after the warm-up judge nothing", (t) => {
  const resident = { "nicd-n1": Array.from({ length: 120 }, (_, at) => [at * 5, 1e8 + at * 1e6] as const) };
  const soak = (seconds: number, last: number) =>
    judgeSelection(
      pointsOf([
        sample(
          {
            scenario: "soak",
            policy: "mitsu",
            load: 0.85,
            seconds,
            warmUp: 120,
            noted: { resident, collected: { "nicd-n1": [1e8, last], "replicad-n1": [2e8, 2e8] } },
          },
          1,
        ),
      ]),
      null,
    )
      .slice(-2)
      .map(({ state, measured }) => [state, measured]);
  t.deepEqual(
    soak(600, 1e8).map(([state]) => state),
    ["no data", "no data"],
  );
  t.deepEqual(
    soak(720, 1.019e8).map(([state]) => state),
    ["missed", "met"],
  );
  t.deepEqual(soak(720, 1.03e8)[1], ["missed", "3.00 % (nicd-n1)"]);
});

test("judgeSelection(): hog against all three others, and whether nodes see the antagonists", (t) => {
  const hogs = {
    onShare: 0.5,
    cpuSeconds: 8,
    on: { looks: 9, cpuSome: 0.9, throttled: 0.9 },
    off: { looks: 9, cpuSome: 0.3, throttled: 0.2 },
  };
  const hog = (policy: string, ms: number, over: Partial<Hogs> = {}): Sample =>
    sample({ scenario: "hog", speed: "hog", policy, load: hogLoad, noted: { hogs: { ...hogs, ...over } } }, ms);
  const others = [hog("p2c", 200), hog("prequal", 120), hog("mitsu", 100)];
  const states = (points: readonly Sample[]) =>
    judgeSelection(pointsOf(points), null)
      .filter(({ name }) => name.startsWith("hog"))
      .map(({ state }) => state);
  t.deepEqual(states([hog("round-robin", 300), ...others]), ["met", "met", "met", "met"]);
  t.deepEqual(states([hog("round-robin", 90, { off: { ...hogs.off, cpuSome: 0.8 } }), ...others]), ["missed", "met", "met", "missed"]);
  t.deepEqual(states([]), ["no data", "no data", "no data", "no data"]);
});

test("HogWatch sorts nodes' figures by whether their antagonist burns, and leaves out what is of both", (t) => {
  const status = (cpuSome: number) => ({ nodes: [{ here: true, figures: { cpuSome, throttled: cpuSome } }] }) as unknown as ReplicadStatus;
  const watch = new HogWatch(0n);
  for (const [atMs, first, second] of [
    [100, 9, 9],
    [900, 0.2, 0.8],
    [1200, 7, 7],
    [1900, 0.8, 0.2],
    [2600, 9, 9],
  ] as const)
    watch.take([status(first), status(second)], atMs);
  const lines = [
    { cpuSeconds: 1, onMs: [[1000, 2000]] },
    { cpuSeconds: 2, onMs: [[0, 1000]] },
  ] as const;
  t.deepEqual(watch.over(lines, 2), {
    onShare: 0.5,
    cpuSeconds: 3,
    on: { looks: 2, cpuSome: 0.8, throttled: 0.8 },
    off: { looks: 2, cpuSome: 0.2, throttled: 0.2 },
  });
});

test("renderSelection() says what a soak left of a daemon's memory, and how many connections that was for", (t) => {
  const noted = {
    resident: {
      "nicd-n1": [
        [0, 1e8],
        [5, 1e8],
      ],
    },
    collected: { "nicd-n1": [2 ** 20, 2 ** 21] },
    connections: { "nicd-n1": [254, 2818] },
  } as const;
  const points = pointsOf([sample({ scenario: "soak", policy: "mitsu", load: 0.85, seconds: 720, warmUp: 120, noted }, 1)]);
  const text = renderSelection({ common, seen: { networkMs: 0.2, delayMs: 1 }, points, errors: [], orders: [], targets: [] });
  t.regex(text, /memory: nicd-n1 .* in use 1\.0 MiB, in the end 2\.0 MiB, with 254 and 2818 connections$/m);
});

test("renderSelection() prints what was seen beside what was told; renderSelectionChart() draws every policy measured", (t) => {
  const samples = [sample({ policy: "round-robin", load: 0.85 }, 1000), sample({ policy: "mitsu", load: 0.85 }, 100)];
  const points = pointsOf(parseSamples(samples.map((one) => JSON.stringify(one)).join("\n")), [
    told("mitsu", 0.85, 90),
    told("round-robin", 0.85, 1100),
  ]);
  const text = renderSelection({
    common,
    seen: { networkMs: 0.2, delayMs: 1 },
    points,
    errors: predictionErrors(points),
    orders: [orderOf(points, "p99")!],
    targets: judgeSelection(points, orderOf(points, "p99")),
  });
  t.regex(text, /varying 0\.85 +mitsu +100 \| 90 −10 %/);
  t.regex(text, /0\.100 \| 0\.082/);
  t.regex(text, /order by p99 at 0\.85, measured: +mitsu < round-robin/);
  const picture = renderSelectionChart(points, "2 × <CPU>");
  for (const policy of ["mitsu", "round-robin"]) t.true(picture.includes(`class="seen ${policy}"`));
  t.true(picture.includes("2 × &lt;CPU>") && !picture.includes("NaN"));
  t.false(renderSelectionChart([], "").includes("NaN"));
});

/** Compiles one of the two programs without a warning. */
function compiled(t: ExecutionContext, name: string): string {
  const work = mkdtempSync(join(tmpdir(), "mitsu-replica-"));
  t.teardown(() => rmSync(work, { recursive: true }));
  const source = new URL(`../lib/${name}.c`, import.meta.url).pathname;
  const built = spawnSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", join(work, name), source, "-lm"], { encoding: "utf8" });
  t.is(built.status, 0, built.stderr);
  return join(work, name);
}

test("replica-load and replica-server: every request is answered after its work, one at a time, and what was asked is told", async (t) => {
  const [server, load] = [compiled(t, "replica-server"), compiled(t, "replica-load")];
  const port = await freePort();
  const replica = spawn(server, ["127.0.0.1", String(port), "3", "1"], { stdio: "ignore" });
  t.teardown(() => replica.kill("SIGKILL"));
  const asked = async (path: string): Promise<ReplicaStats> => {
    for (let tries = 0; ; tries++) {
      try {
        return (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as ReplicaStats;
      } catch (error) {
        if (tries > 5000) throw error;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  await asked("/begin?at=0&seed=1");
  const ran = spawnSync(load, ["127.0.0.1", String(port), "200", "0.5", "0", "7", "0", "2000"], { encoding: "utf8" });
  t.is(ran.status, 0, ran.stderr);
  const line = JSON.parse(ran.stdout) as LoadLine;
  const stats = await asked("/stats");
  t.deepEqual(line.replicas, { 3: line.ok });
  t.is(line.ok, line.sent);
  t.is(stats.served, line.ok);
  t.is(
    stats.bins.reduce((sum, count) => sum + count, 0),
    stats.arrived,
  );
  // Nobody is faster than the work, and one worker takes it one after the other.
  t.true(line.sumUs >= stats.workSeconds * 1e6);
  t.is(
    line.cells.reduce((sum, [, count]) => sum + count, 0),
    line.ok,
  );
  const over = once(replica, "exit");
  replica.kill("SIGTERM");
  t.deepEqual(await over, [0, null]);
});

test("replica-server that computes uses its share of each request's work as CPU time, one after the other", async (t) => {
  const [server, load] = [compiled(t, "replica-server"), compiled(t, "replica-load")];
  const port = await freePort();
  const replica = spawn(server, ["127.0.0.1", String(port), "3", "1", "1000", "0.2"], { stdio: "ignore" });
  t.teardown(() => replica.kill("SIGKILL"));
  for (let tries = 0; ; tries++) {
    const there = await fetch(`http://127.0.0.1:${port}/stats`).catch(() => null);
    if (there !== null) break;
    if (tries > 5000) throw new Error("the replica does not listen");
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ran = spawnSync(load, ["127.0.0.1", String(port), "100", "0.5", "0", "7", "0", "5000"], { encoding: "utf8" });
  const line = JSON.parse(ran.stdout) as LoadLine;
  t.is(line.ok, line.sent);
  const stats = (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as ReplicaStats;
  t.is(stats.served, line.ok);
  const [, ...fields] = readFileSync(`/proc/${replica.pid}/stat`, "latin1").split(") ")[1]!.split(" ").map(Number);
  const cpuSeconds = (fields[10]! + fields[11]!) / 100;
  t.true(cpuSeconds >= stats.workSeconds * 0.2 - 0.02, `${cpuSeconds} s of CPU for ${stats.workSeconds} s of work`);
  t.true(stats.workSeconds > 0.1);
});

test("replica-hog burns when its seed says so, ends by itself, and refuses to burn for hours", (t) => {
  const hog = compiled(t, "replica-hog");
  const burn = (seed: string) => JSON.parse(spawnSync(hog, [seed, "0", "0", "0.3", "50", "50"], { encoding: "utf8" }).stdout) as HogLine;
  const [one, again, other] = [burn("1"), burn("1"), burn("2")];
  t.deepEqual(one.onMs, again.onMs);
  t.notDeepEqual(one.onMs, other.onMs);
  const onMs = one.onMs.reduce((sum, [from, to]) => sum + to - from, 0);
  t.true(onMs > 0 && one.cpuSeconds > 0 && one.cpuSeconds * 1000 < onMs + 60, `${one.cpuSeconds} s in ${onMs} ms`);
  t.is(spawnSync(hog, ["1", "0", "0", "601", "50", "50"]).status, 64);
});

test("replica-load counts a connection that nobody takes as refused", async (t) => {
  const load = compiled(t, "replica-load");
  const ran = spawnSync(load, ["127.0.0.1", String(await freePort()), "100", "0.1", "0", "1", "0", "1000"], { encoding: "utf8" });
  const line = JSON.parse(ran.stdout) as LoadLine;
  t.true(line.counted > 0 && line.ok === 0);
  t.is(line.failed.refused, line.counted);
});

test("replica-selection.sh --help names every option that it reads, and wrong ones are refused", (t) => {
  const script = new URL("../replica-selection.sh", import.meta.url).pathname;
  const help = spawnSync("bash", [script, "--help"], { encoding: "utf8" });
  t.is(help.status, 0);
  for (const [, option] of readFileSync(script, "utf8").matchAll(/^ {4}(--[a-z-]+)(?: \| -h)?\)/gm))
    t.true(help.stdout.includes(`  ${option}`), option);
  const wrong = [
    ["--none"],
    ["--policies", "none"],
    ["--scenarios", "varying,none"],
    ["--loads", "x"],
    ["--broker", "none"],
    ["--replicad", "off"],
    ["--soak-warm-up", "x"],
  ];
  for (const argv of wrong) t.is(spawnSync("bash", [script, ...argv]).status, 64, argv.join(" "));
});
