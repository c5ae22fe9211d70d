/** What the simulation does besides queueing: the same requests for every selector, feedback, probes, failures. */
import { selectorNames } from "@mitsu/selector";
import test from "ava";
import type { Outcome } from "../../src/simulate/outcome.ts";
import { type Setting, usualSetting } from "../../src/simulate/setting.ts";
import { simulate } from "../../src/simulate/simulate.ts";

const short: Setting = { ...usualSetting, servers: 5, clients: 10, durationMs: 6000, warmUpMs: 1000 };
const p99 = (over: Partial<Setting>): number => simulate({ ...short, ...over }).responseMs!.p99;

test("simulate() gives the same figures for the same seed, and others for another", (t) => {
  for (const selector of ["mitsu", "prequal"] as const) {
    t.deepEqual(simulate({ ...short, selector }), simulate({ ...short, selector }));
    t.notDeepEqual(simulate({ ...short, selector }), simulate({ ...short, selector, seed: 2 }));
  }
});

test("simulate() gives every selector the same arrivals, work and changes of speed: with one server all have the same times", (t) => {
  const one = [...selectorNames, "jsq" as const].map((selector) => simulate({ ...short, servers: 1, selector }));
  for (const { responseMs, requests, selector } of one) {
    t.deepEqual(responseMs, one[0]!.responseMs, selector);
    t.is(requests, one[0]!.requests);
  }
});

test("simulate() answers every request, and shares sum up to 1", (t) => {
  for (const selector of [...selectorNames, "jsq" as const]) {
    const { requests, failures, shares, offeredPerSecond } = simulate({ ...short, selector });
    t.is(failures, 0);
    t.true(Math.abs(requests / (offeredPerSecond * 5) - 1) < 0.1);
    t.true(Math.abs(shares.reduce((one, other) => one + other) - 1) < 1e-9);
  }
});

test("simulate() of slow servers: a fixed one gets its share of the load by round robin, less by mitsu and jsq", (t) => {
  const setting: Setting = { ...short, speed: { kind: "fixed", slow: 0.25, servers: 1 }, load: 0.7 };
  const share = (selector: Setting["selector"]): number => simulate({ ...setting, selector }).shares[0]!;
  t.true(Math.abs(share("round-robin") - 0.2) < 0.01);
  t.true(share("jsq") < 0.12);
  t.true(share("mitsu") < 0.12);
});

test("simulate() hears of servers as late as it is told: fresh reports are better than old ones, and old ones better than none for long", (t) => {
  const at = (intervalMs: number, lostAtMs = Number.POSITIVE_INFINITY): number =>
    p99({ selector: "mitsu", piggyback: false, servers: 10, clients: 25, feedback: { ...short.feedback, intervalMs, lostAtMs } });
  const [fresh, old] = [at(1), at(200)];
  t.log(fresh, old, at(1, 1000));
  t.true(fresh < old);
  t.not(at(1, 3000), fresh);
  t.is(at(1, 6000), fresh);
});

test("simulate() of servers that are silent while nothing changes: silence is no age, so response times are those of steady reports", (t) => {
  const at = (quietMs: number, selector: Setting["selector"]): Outcome =>
    simulate({ ...short, selector, servers: 10, clients: 25, durationMs: 12_000, feedback: { ...short.feedback, quietMs } });
  const [steady, quiet] = [at(0, "mitsu"), at(100, "mitsu")];
  t.log(steady.responseMs!.mean, quiet.responseMs!.mean);
  // A node that was quiet looks for changes every 10 ms only, so it is not quite the same.
  t.true(quiet.responseMs!.mean < 1.25 * steady.responseMs!.mean);
  t.deepEqual(at(100, "p2c"), at(0, "p2c"));
});

test("simulate() of a node's own replicas: no network, and reports also without a broker", (t) => {
  const far: Partial<Setting> = { network: { kind: "deterministic", mean: 5 }, load: 0.3, speed: { kind: "equal" } };
  const p50 = (over: Partial<Setting>): number => simulate({ ...short, ...far, ...over }).responseMs!.p50;
  const [apart, together] = [p50({ selector: "random" }), p50({ selector: "random", nodes: 1 })];
  t.true(Math.abs(apart - together - 10) < 0.5, "one node: no network at all");
  const remote = { ...far, selector: "mitsu", options: { "remote-cost-ms": 10 }, clients: 5 } as const;
  t.true(p50({ ...remote, nodes: 5 }) < p50(remote) - 5, "who knows what the network costs stays on the node where that is better");
  const lost = { selector: "mitsu", nodes: 1, feedback: { ...short.feedback, lostAtMs: 0 } } as const;
  t.deepEqual(simulate({ ...short, ...lost }), simulate({ ...short, ...lost, feedback: short.feedback }));
  t.not(p99({ ...lost, nodes: 2 }), p99({ ...lost, nodes: 2, feedback: short.feedback }));
});

test("simulate() of probes that the table answers: no time, no cost, as old as reports are", (t) => {
  const table = { ...short.probe, answers: "table" } as const;
  const asked = simulate({ ...short, selector: "prequal", probe: table });
  t.true(asked.probes > 2.9 * asked.requests);
  t.deepEqual(simulate({ ...short, selector: "prequal", probe: { ...table, delayMs: 50, costMs: 5 } }), asked);
  const old = { ...short.feedback, intervalMs: 200 };
  const mean = (over: Partial<Setting>): number => simulate({ ...short, selector: "prequal", probe: table, ...over }).responseMs!.mean;
  t.true(asked.responseMs!.mean < mean({ feedback: old }));
  const c3 = { selector: "c3", piggyback: true, probe: table } as const;
  t.notDeepEqual(mean(c3), mean({ ...c3, probe: short.probe }));
});

test("simulate() counts herds: clients that follow an old table run to the same server, jsq does not", (t) => {
  const late = { servers: 10, clients: 50, feedback: { ...short.feedback, intervalMs: 50 } };
  const random = simulate({ ...short, ...late, selector: "random" }).herd;
  const jsq = simulate({ ...short, ...late, selector: "jsq" }).herd;
  const prequal = simulate({ ...short, ...late, selector: "prequal", probe: { ...short.probe, delayMs: 30 } }).herd;
  t.log({ random, jsq, prequal });
  t.true(Math.abs(random - 1) < 0.15);
  t.true(prequal > 1.2 * random);
});

test("simulate() probes: each is counted, takes its time, and costs the server work", (t) => {
  const free = simulate({ ...short, selector: "prequal" });
  t.is(simulate({ ...short, selector: "p2c" }).probes, 0);
  t.true(free.probes > 2.9 * free.requests);
  t.true(p99({ selector: "prequal", probe: { ...short.probe, costMs: 1 } }) > free.responseMs!.p99);
});

test("simulate() adds the network's time both ways", (t) => {
  const quick = simulate({ ...short, selector: "jsq", load: 0.3, speed: { kind: "equal" } }).responseMs!;
  const far = simulate({ ...short, selector: "jsq", load: 0.3, speed: { kind: "equal" }, network: { kind: "deterministic", mean: 5 } })
    .responseMs!;
  t.true(Math.abs(far.p50 - quick.p50 - 10) < 1);
});

const crash = (how: "refused" | "silent", toMs = Number.POSITIVE_INFINITY): Setting["outages"] => [
  { server: 2, fromMs: 2000, toMs, how, drainMs: 0 },
];

test("simulate() of a crash: requests fail without a retry and do not with one; silence takes the time-out", (t) => {
  const refused = simulate({ ...short, load: 0.4, selector: "round-robin", outages: crash("refused") });
  t.true(refused.failures > 0);
  const retried = simulate({ ...short, load: 0.4, selector: "round-robin", outages: crash("refused"), retries: 3 });
  t.is(retried.failures, 0);
  t.true(retried.retries > 0);
  const silent = simulate({ ...short, load: 0.4, selector: "round-robin", outages: crash("silent"), retries: 3, timeoutMs: 700 });
  t.is(silent.failures, 0);
  t.true(silent.responseMs!.p999 > 700);
  t.true(retried.responseMs!.p999 < silent.responseMs!.p999);
});

test("simulate() of a server that refuses: its node tells all clients, and that it is back within 100 ms; else each finds out for itself", (t) => {
  const setting: Setting = {
    ...short,
    load: 0.4,
    speed: { kind: "equal" },
    retries: 1,
    selector: "round-robin",
    outages: crash("refused", 3000),
  };
  const told = simulate(setting);
  const alone = simulate({ ...setting, feedback: { ...short.feedback, failureMs: Number.POSITIVE_INFINITY } });
  t.log(told.retries, alone.retries);
  t.true(told.retries <= 8, "those that it had, and one or two");
  t.true(alone.retries >= told.retries + setting.clients - 2);
  t.is(told.sentToDead, 0);
  // Back at 3 s, and 10 s of slow start: of the 5 s it is gone for one, and has less than its share for three.
  t.true(told.shares[2]! > 0.02 && told.shares[2]! < 0.12, `${told.shares[2]}`);
});

test("simulate() of a server that comes back: it gets requests again", (t) => {
  const gone = simulate({ ...short, load: 0.4, outages: crash("refused", 2500), retries: 1 });
  t.true(gone.shares[2]! > 0.05);
});

test("simulate() of more load than there is: throughput is the capacity, and nothing is lost", (t) => {
  const { throughputPerSecond, offeredPerSecond, failures } = simulate({ ...short, selector: "jsq", speed: { kind: "equal" }, load: 1.3 });
  t.true(throughputPerSecond < offeredPerSecond / 1.2);
  t.true(Math.abs(throughputPerSecond / 500 - 1) < 0.06);
  t.is(failures, 0);
});

test("simulate() of bursts has the asked-for rate in the long run, and longer waits", (t) => {
  // The number of requests in bursts varies by 5 % in so long a time.
  const durationMs = 300_000;
  const steady = simulate({ ...short, selector: "jsq", durationMs, load: 0.4, speed: { kind: "equal" } });
  const bursty = simulate({
    ...short,
    selector: "jsq",
    durationMs,
    load: 0.4,
    speed: { kind: "equal" },
    arrivals: { kind: "bursty", onMs: 200, offMs: 600 },
  });
  t.true(Math.abs(bursty.requests / steady.requests - 1) < 0.15);
  t.true(bursty.responseMs!.p99 > 1.3 * steady.responseMs!.p99);
});
