/** One state, three ways to ask which replica: a connect() in the kernel, the library in process, and the daemon over its socket. All of one real daemon's knowledge. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { kernelTest } from "@mitsu/ebpf-ts/kernel-test";
import type { ReplicadReplica } from "@mitsu/ipc";
import { clockMs, LoadWriter } from "@mitsu/replica-table";
import { createSelector, LiveCandidate } from "@mitsu/selector";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ReplicadProcess } from "../daemon/support/replicad-process.ts";
import { KernelChoice } from "./kernel-choice.ts";

/** What nicd has seen of a replica: in flight there, and how long each of those before took. */
interface State {
  readonly inFlight: number;
  readonly tookMs: number;
}

const table: readonly (readonly [what: string, best: number, states: readonly [State, State, State]])[] = [
  [
    "the fewest in flight",
    1,
    [
      { inFlight: 6, tookMs: 5 },
      { inFlight: 1, tookMs: 5 },
      { inFlight: 4, tookMs: 5 },
    ],
  ],
  [
    "the fastest by far",
    2,
    [
      { inFlight: 4, tookMs: 40 },
      { inFlight: 4, tookMs: 30 },
      { inFlight: 3, tookMs: 4 },
    ],
  ],
  [
    "the idle one, though it is slower",
    0,
    [
      { inFlight: 0, tookMs: 9 },
      { inFlight: 8, tookMs: 4 },
      { inFlight: 9, tookMs: 4 },
    ],
  ],
];

kernelTest("three ways: kernel, library and daemon choose the same replica", async (t) => {
  const kernel = await KernelChoice.open(t, 3);
  const nicd = `${kernel.sandbox.directory}/nicd.sock`;
  const daemon = await ReplicadProcess.start(t, {
    mesh: readFileSync(`${kernel.sandbox.directory}/mesh.yaml`, "utf8"),
    nicd,
    sockhijack: kernel.sandbox.socket,
  });
  const keys = kernel.ports.map((port) => `127.0.0.1:${port}`);
  const replicas = async (): Promise<readonly ReplicadReplica[]> =>
    (await daemon.ask((client) => client.call("replicas", { service: "web" }))).replicas;
  const libraryChoice = async (): Promise<number> => {
    const nowMs = clockMs();
    const candidates = (await replicas())
      .filter(({ standing }) => standing !== "draining")
      .map((one) => {
        const candidate = new LiveCandidate(one.replica, { weight: one.weight, here: one.here });
        candidate.report(
          nowMs - one.ageMs!,
          { inFlight: one.inFlight!, serviceMs: one.serviceMs ?? 0, latencyMs: one.latencyMs ?? 0, workers: 0 },
          nowMs,
        );
        return candidate;
      });
    const { key } = createSelector("mitsu").select(candidates, { nowMs, random: Math.random, clients: 1, stickyKey: null });
    return keys.indexOf(key);
  };
  const daemonChoice = async (): Promise<number> => {
    const { ticket, port } = await daemon.ask((client) => client.call("select", { service: "web" }));
    await daemon.ask((client) => client.call("answered", { ticket, latencyMs: 1, outcome: "ok" }));
    return kernel.ports.indexOf(port);
  };
  const kernelChoice = async (): Promise<number> => (await kernel.connect(1))[0]!;
  const all = async (): Promise<number[]> => [await kernelChoice(), await libraryChoice(), await daemonChoice()];
  const loads = LoadWriter.create(`${nicd}.load`);
  const beats = setInterval(() => loads.beat(clockMs()), 20);
  t.teardown(() => {
    clearInterval(beats);
    loads.close();
  });
  loads.beat(clockMs());
  const rows = keys.map((key) => loads.row(key));
  for (const row of rows) loads.here(row, true);
  await until("the daemon reads nicd's table", async () => (await replicas()).every(({ inFlight }) => inFlight === 0), {
    seen: () => daemon.log,
  });
  const inFlightNow = [0, 0, 0];
  /** Requests one after the other for a second, enough of them to forget the state before; then those that stay in flight. */
  const flow = async (index: number, { inFlight, tookMs }: State): Promise<void> => {
    const row = rows[index]!;
    for (; inFlightNow[index]! > 0; inFlightNow[index]!--) loads.end(row, clockMs(), 0, "cancelled");
    const untilMs = clockMs() + 1000;
    for (let nowMs = clockMs(); nowMs < untilMs; ) {
      loads.begin(row, nowMs);
      const startMs = nowMs;
      await delay(tookMs);
      nowMs = clockMs();
      loads.end(row, nowMs, nowMs - startMs, "ok");
    }
    for (; inFlightNow[index]! < inFlight; inFlightNow[index]!++) loads.begin(row, clockMs());
  };
  for (const [what, best, states] of table) {
    await Promise.all(states.map((state, index) => flow(index, state)));
    const written = (await daemon.status()).kernel.writes;
    await until("all of it is known, in the kernel too", async () => {
      const known = await replicas();
      return (
        known.every(({ inFlight }, index) => inFlight === states[index]!.inFlight) && (await daemon.status()).kernel.writes > written + 1
      );
    });
    t.deepEqual(await all(), [best, best, best], `${what}: ${JSON.stringify(await replicas())}`);
  }
  await daemon.ask((client) => client.call("override", { replica: keys[0]!, draining: true }));
  const [, , last] = table;
  await until("the daemon drains it", async () => (await replicas())[0]!.standing === "draining");
  const chosen = await all();
  t.false(chosen.includes(last![1]), `none goes to the drained one: ${chosen}`);
});
