import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clockMs, LoadWriter } from "@mitsu/replica-table";
import test, { type ExecutionContext } from "ava";
import { maxReplicas, ReplicaRows, replicaFlags } from "../../src/bus/node-state.ts";
import { ReplicaSignals, type ReplicaSignalsOptions } from "../../src/signals/replica-signals.ts";

const key = "10.0.0.1:80";

/** A nicd of some processes, a clock that a test moves, and what is told of the replica. */
function node(t: ExecutionContext, options: Partial<ReplicaSignalsOptions> & { readonly before?: (socket: string) => void } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "replicad-signals-"));
  const socket = join(folder, "nicd.sock");
  options.before?.(socket);
  const rows = new ReplicaRows();
  const downs: string[] = [];
  let nowMs = clockMs();
  const writers = new Set<LoadWriter>();
  const signals = new ReplicaSignals({
    nicd: socket,
    rows,
    here: (one) => one === key,
    kernel: null,
    clock: () => nowMs,
    onDown: (one) => downs.push(one),
    ...options,
  });
  t.teardown(() => {
    signals[Symbol.dispose]();
    for (const writer of writers) writer.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const told = (one = key) => {
    const at = rows.rowOf(one);
    if (at < 0) return null;
    return {
      inFlight: rows.inFlight[at]!,
      serviceMs: rows.serviceMs[at]!,
      latencyMs: rows.latencyMs[at]!,
      failures: rows.failures[at]!,
      flags: rows.flags[at]!,
    };
  };
  return {
    socket,
    rows,
    downs,
    signals,
    told,
    /** Another process of nicd, found at the next look. */
    process: (name: string): LoadWriter => {
      const writer = LoadWriter.create(`${socket}${name}.load`, { capacity: 2048 });
      writers.add(writer);
      return writer;
    },
    now: () => nowMs,
    /** Time passes with all processes alive but those named. */
    pass: (ms: number, ...dead: LoadWriter[]): boolean => {
      nowMs += ms;
      for (const writer of writers) if (!dead.includes(writer)) writer.beat(nowMs);
      return signals.sample();
    },
  };
}

test("ReplicaSignals adds up what nicd's processes have in flight, and leaves out replicas of other nodes", (t) => {
  const { process, pass, now, rows, told } = node(t);
  const loads = [process(".0"), process(".1")];
  for (const load of loads) {
    load.begin(load.row(key), now());
    load.begin(load.row("10.0.0.2:80"), now());
    const said = load.row("[fd00::1]:80");
    load.here(said, true);
    load.begin(said, now());
  }
  loads[0]!.begin(loads[0]!.row(key), now());
  pass(200);
  t.is(told()!.inFlight, 3);
  t.is(told("[fd00::1]:80")!.inFlight, 2);
  t.is(rows.count, 2);
});

test("ReplicaSignals.sample() sees a request at the next call, and says that nothing changed when nothing did", (t) => {
  const { process, pass, now, told } = node(t);
  const load = process("");
  const row = load.row(key);
  t.true(pass(200));
  t.false(pass(1));
  load.begin(row, now());
  t.true(pass(1));
  t.is(told()!.inFlight, 1);
  load.end(row, now(), 1, "cancelled");
  t.true(pass(1));
  t.is(told()!.inFlight, 0);
  t.false(pass(1));
});

test("ReplicaSignals counts each connection of the kernel beside nicd's as a request in flight", (t) => {
  let active: number | null = 9;
  const { process, pass, now, told } = node(t, { kernel: { active: () => active, up: () => null } });
  const load = process("");
  const row = load.row(key);
  load.begin(row, now());
  load.connections(row, 6);
  pass(200);
  t.is(told()!.inFlight, 1 + 3);
  active = 5;
  pass(1);
  t.is(told()!.inFlight, 1);
  load.connections(row, 2);
  pass(1);
  t.is(told()!.inFlight, 1 + 3);
  active = null;
  pass(1);
  t.is(told()!.inFlight, 1);
});

test("ReplicaSignals takes failures from what was counted since it looks, a restart of nicd included", (t) => {
  let first: LoadWriter | undefined;
  const answer = (load: LoadWriter, times: number, outcome: "ok" | "failed"): void => {
    const row = load.row(key);
    for (let time = 0; time < times; time++) {
      load.begin(row, 0);
      load.end(row, 1, 1, outcome);
    }
  };
  const { process, pass, told } = node(t, {
    before: (socket) => {
      first = LoadWriter.create(`${socket}.load`);
      answer(first, 100, "failed");
    },
  });
  first!.beat(clockMs());
  pass(1);
  t.is(told()!.failures, 0);
  answer(first!, 10, "ok");
  answer(first!, 10, "failed");
  pass(1);
  t.true(Math.abs(told()!.failures - 0.5 * (1 - 0.95 ** 20)) < 1e-9);
  first!.close();
  const second = process("");
  answer(second, 100, "failed");
  pass(200);
  t.true(told()!.failures > 0.99);
});

test("ReplicaSignals tells the latency near the present number in flight", (t) => {
  const { process, pass, now, told } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  const some = (inFlight: number, ms: number): void => {
    for (let begun = 0; begun <= inFlight; begun++) load.begin(row, now());
    load.end(row, now(), ms, "ok");
    pass(1);
    for (let left = 0; left < inFlight; left++) load.end(row, now(), 0, "cancelled");
    pass(1);
  };
  for (let round = 0; round < 5; round++) {
    some(1, 2);
    some(8, 16);
  }
  t.is(told()!.latencyMs, 2);
  for (let begun = 0; begun < 7; begun++) load.begin(row, now());
  pass(1);
  t.is(told()!.latencyMs, 16);
});

test("ReplicaSignals tells busy time by request as the time that one takes, over both processes", (t) => {
  const { process, pass, now, told } = node(t);
  const loads = [process(".0"), process(".1")];
  const rows = loads.map((load) => load.row(key));
  pass(200);
  for (let round = 0; round < 50; round++) {
    for (const [index, load] of loads.entries()) {
      load.begin(rows[index]!, now());
      load.begin(rows[index]!, now());
      pass(2);
      load.end(rows[index]!, now(), 2, "ok");
      load.end(rows[index]!, now(), 2, "ok");
      pass(3);
    }
  }
  t.true(Math.abs(told()!.serviceMs - 1) < 1e-6, String(told()!.serviceMs));
});

test("ReplicaSignals says within the sample that nobody takes connects, once, and not of one that was refused before", (t) => {
  const { process, pass, now, told, downs } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  const refuse = (): void => {
    load.begin(row, now());
    load.end(row, now(), 0, "refused");
    pass(1);
  };
  refuse();
  t.is(told()!.flags, replicaFlags.down);
  refuse();
  t.deepEqual(downs, [key]);
  t.is(told()!.failures, 0);
});

test("ReplicaSignals.setUp() takes the replica for up until the next refusal", (t) => {
  const { process, pass, now, told, downs, signals } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  for (let round = 1; round <= 2; round++) {
    load.begin(row, now());
    load.end(row, now(), 0, "refused");
    pass(1);
    t.is(told()!.flags, replicaFlags.down);
    signals.setUp(key);
    pass(1);
    t.is(told()!.flags, 0);
    t.is(downs.length, round);
  }
});

test("ReplicaSignals.setUp() forgets how slow and bad the replica was that is another process now, and nothing of one that was up", (t) => {
  const { process, pass, now, told, signals } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  load.begin(row, now());
  pass(10);
  load.end(row, now(), 10, "failed");
  pass(1);
  const before = told()!;
  t.true(before.serviceMs > 0 && before.latencyMs === 10 && before.failures > 0);
  signals.setUp(key);
  pass(1);
  t.deepEqual(told(), before);
  load.begin(row, now());
  load.end(row, now(), 0, "refused");
  pass(1);
  signals.setUp(key);
  pass(1);
  t.deepEqual(told(), { inFlight: 0, serviceMs: 0, latencyMs: 0, failures: 0, flags: 0 });
  load.begin(row, now());
  pass(2);
  load.end(row, now(), 2, "ok");
  pass(1);
  t.like(told(), { serviceMs: 2, latencyMs: 2, failures: 0 });
});

test("ReplicaSignals takes one good answer more than were waited for when connects were refused for a sign of life", (t) => {
  const { process, pass, now, told } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  for (let begun = 0; begun < 3; begun++) load.begin(row, now());
  load.end(row, now(), 0, "refused");
  pass(1);
  // A server that ends answers what it has.
  for (let answers = 0; answers < 2; answers++) load.end(row, now(), 1, "ok");
  pass(1);
  t.is(told()!.flags, replicaFlags.down);
  for (const outcome of ["failed", "cancelled", "ok"] as const) {
    load.begin(row, now());
    load.end(row, now(), 1, outcome);
    pass(1);
    t.is(told()!.flags, outcome === "ok" ? 0 : replicaFlags.down, outcome);
  }
});

test("ReplicaSignals believes the kernel that a replica is down, and forgets a refusal when it is up again", (t) => {
  let up: boolean | null = true;
  const { process, pass, now, told, downs } = node(t, { kernel: { active: () => 0, up: () => up } });
  const load = process("");
  const row = load.row(key);
  pass(200);
  load.begin(row, now());
  load.end(row, now(), 0, "refused");
  pass(10);
  t.is(told()!.flags, replicaFlags.down);
  up = false;
  pass(10);
  t.is(told()!.flags, replicaFlags.down);
  up = true;
  pass(10);
  t.is(told()!.flags, 0);
  t.is(downs.length, 1);
});

test("ReplicaSignals leaves draining as it is", (t) => {
  const { process, pass, rows, told } = node(t);
  process("").row(key);
  pass(200);
  rows.flags[0] = replicaFlags.draining;
  pass(1);
  t.is(told()!.flags, replicaFlags.draining);
});

test("ReplicaSignals says where nicd is, dead ones without their requests in flight, and has another one within 200 ms", (t) => {
  const { process, pass, now, told, signals, socket } = node(t);
  const path = `${socket}.load`;
  t.deepEqual(signals.sources(), [{ name: "nicd", path, state: "away", why: `${path} is not there` }]);
  t.deepEqual(signals.degraded(), [`nicd does not say how busy replicas are: ${path} is not there`]);
  const load = process("");
  load.begin(load.row(key), now());
  pass(200);
  t.deepEqual(signals.sources(), [{ name: "nicd", path, state: "up", why: null }]);
  t.deepEqual(signals.degraded(), []);
  t.is(told()!.inFlight, 1);
  pass(900, load);
  t.is(told()!.inFlight, 1);
  pass(200, load);
  t.is(told()!.inFlight, 0);
  t.regex(signals.degraded()[0]!, /it has not been heard for a second$/);
  const other = process("");
  other.begin(other.row(key), now());
  other.begin(other.row(key), now());
  pass(200, load);
  t.is(told()!.inFlight, 2);
  t.deepEqual(signals.degraded(), []);
});

test("ReplicaSignals keeps telling a replica for five seconds after nicd gave it up, and then tells it no more", (t) => {
  const { process, pass, rows } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  load.release(row);
  pass(4900);
  t.is(rows.count, 1);
  pass(200);
  pass(200);
  t.is(rows.count, 0);
  load.row(key);
  pass(200);
  t.is(rows.count, 1);
});

test("ReplicaSignals.watch() tells replicas that only the kernel knows", (t) => {
  const active = new Map([[key, 3]]);
  const { signals, pass, told, rows } = node(t, { nicd: null, kernel: { active: (one) => active.get(one) ?? null, up: () => true } });
  t.deepEqual(signals.sources(), [{ name: "nicd", path: "", state: "off", why: null }]);
  t.is(rows.count, 0);
  signals.watch([key, "10.0.0.9:1"]);
  pass(200);
  t.is(rows.count, 1);
  t.is(told()!.inFlight, 3);
  active.clear();
  pass(5100);
  pass(200);
  t.is(rows.count, 0);
});

test("ReplicaSignals.watch() tells a replica that nicd never called as idle while a nicd counts", (t) => {
  const { process, signals, pass, told, rows } = node(t);
  signals.watch([key]);
  pass(200);
  t.is(rows.count, 0, "nobody counts");
  const load = process("");
  pass(200);
  pass(200);
  t.is(told()?.inFlight, 0);
  pass(5100);
  t.is(rows.count, 1);
  load.close();
  pass(200);
  pass(5100);
  pass(200);
  t.is(rows.count, 0);
});

test("ReplicaSignals takes a replica that has not answered for a second for slower by the share of time that tasks wait for a CPU", (t) => {
  let stall = 0;
  const { process, pass, told, now } = node(t, { stall: () => stall });
  const load = process("");
  const row = load.row(key);
  load.here(row, true);
  pass(200);
  for (let request = 0; request < 30; request++) {
    load.begin(row, now());
    pass(10);
    load.end(row, now(), 10, "ok");
    pass(1);
  }
  const serviceMs = told()!.serviceMs;
  t.true(serviceMs > 8 && serviceMs < 12, `${serviceMs}`);
  stall = 0.5;
  pass(200);
  t.is(told()!.serviceMs, serviceMs, "it shows itself how fast it is");
  pass(1100);
  t.is(told()!.serviceMs, 2 * serviceMs);
  stall = 1;
  pass(200);
  t.is(told()!.serviceMs, 4 * serviceMs, "some of its work waits for no CPU");
  stall = 0;
  pass(200);
  t.is(told()!.serviceMs, serviceMs);
});

test("ReplicaSignals counts only congestion that a replica's measured times do not have in them, and takes it for faster when that is over", (t) => {
  let stall = 0.5;
  const { process, pass, told, now } = node(t, { stall: () => stall });
  const load = process("");
  const row = load.row(key);
  load.here(row, true);
  pass(200);
  for (let request = 0; request < 30; request++) {
    load.begin(row, now());
    pass(10);
    load.end(row, now(), 10, "ok");
    pass(1);
  }
  const { serviceMs } = told()!;
  pass(1300);
  t.is(told()!.serviceMs, serviceMs, "as congested as when it was measured");
  stall = 0.75;
  pass(200);
  t.is(told()!.serviceMs, 2 * serviceMs);
  stall = 0;
  pass(200);
  t.is(told()!.serviceMs, serviceMs / 2);
});

test("ReplicaSignals tells of a request that is under way for long by its own time, whatever the congestion", (t) => {
  let stall = 0;
  const { process, pass, told, now } = node(t, { stall: () => stall });
  const load = process("");
  const row = load.row(key);
  load.here(row, true);
  pass(200);
  for (let request = 0; request < 30; request++) {
    load.begin(row, now());
    pass(10);
    load.end(row, now(), 10, "ok");
    pass(1);
  }
  stall = 0.75;
  load.begin(row, now());
  pass(1500);
  const atLook = told()!.serviceMs;
  t.true(atLook > 100 && atLook < 200, `${atLook}`);
  pass(1);
  t.true(Math.abs(told()!.serviceMs - atLook) < 1, "the same between two looks");
});

test("ReplicaSignals says how many replicas a message has no room for", (t) => {
  const { process, pass, rows, signals } = node(t, { here: () => true });
  const load = process("");
  for (let port = 1; port <= maxReplicas + 5; port++) load.row(`10.0.0.1:${port}`);
  pass(200);
  pass(1);
  t.is(rows.count, maxReplicas);
  t.deepEqual(signals.degraded(), ["5 replicas of this node are not told: a message has no room for more"]);
});

test("ReplicaSignals refuses a file that is no table with the reason, and goes on with the others", (t) => {
  const { process, pass, told, signals, socket } = node(t);
  writeFileSync(`${socket}.load`, "no table", { mode: 0o640 });
  pass(200);
  t.regex(signals.degraded()[0]!, /nicd\.sock\.load is no table: 8 bytes are less than a header$/);
  process(".1").row(key);
  pass(200);
  t.is(told()!.inFlight, 0);
  t.deepEqual(signals.degraded(), []);
});

test("ReplicaSignals takes nothing that is no count from a table", (t) => {
  const { process, pass, told } = node(t);
  const load = process("");
  const row = load.row(key);
  pass(200);
  load.begin(row, Number.NaN);
  load.connections(row, Number.NaN);
  pass(1);
  load.end(row, 1, Number.POSITIVE_INFINITY, "ok");
  pass(1);
  t.deepEqual(told(), { inFlight: 0, serviceMs: 0, latencyMs: 0, failures: 0, flags: 0 });
});
