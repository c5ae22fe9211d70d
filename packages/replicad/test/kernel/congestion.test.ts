import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { parseCatalog } from "@mitsu/catalog";
import { NotSupportedError } from "@mitsu/cli/error";
import { clockMs, LoadWriter } from "@mitsu/replica-table";
import test, { type ExecutionContext } from "ava";
import { figure, NodeState } from "../../src/bus/node-state.ts";
import { KnownReplicas } from "../../src/known/known-replicas.ts";
import { meshPorts } from "../../src/mesh/mesh-ports.ts";
import { explain } from "../../src/select/explain.ts";
import { PortSelection } from "../../src/select/port-selection.ts";
import { NodeSignals } from "../../src/signals/node-signals.ts";
import { nodeStall } from "../../src/signals/node-stall.ts";
import { ReplicaSignals } from "../../src/signals/replica-signals.ts";
import { CgroupNode } from "./cgroup-node.ts";

/** Skips what this machine cannot do. */
function made(t: ExecutionContext, name: string): CgroupNode | null {
  try {
    return CgroupNode.make(t, name, 0.1);
  } catch (error) {
    if (!(error instanceof NotSupportedError) || process.env.MITSU_REQUIRE_KERNEL === "1") throw error;
    t.log(`skipped: ${error.message}`);
    t.pass();
    return null;
  }
}

/** A node's own signals of itself, sampled a thousand times a second until something holds. */
class Watched {
  readonly state: NodeState;
  readonly signals: NodeSignals;

  constructor(t: ExecutionContext, name: string, folder: string) {
    this.state = new NodeState(name);
    this.signals = new NodeSignals({ cgroup: folder });
    t.teardown(() => this.signals[Symbol.dispose]());
  }

  told(): string {
    const { figures } = this.state;
    const [some, throttled, queue] = [figure.cpuSome, figure.throttled, figure.runQueue].map((at) => figures[at]!.toFixed(2));
    return `PSI ${some}, throttled ${throttled}, run queue ${queue}`;
  }

  async until(t: ExecutionContext, what: string, holds: () => boolean): Promise<void> {
    const began = performance.now();
    for (let last = 0; ; ) {
      await turn();
      const nowMs = performance.now();
      if (nowMs - last < 1) continue;
      last = nowMs;
      this.signals.sample(this.state, nowMs);
      if (nowMs - began > 250 && holds()) break;
      if (nowMs - began > 4000) throw new Error(`not within 4 s: ${what}; ${this.told()}`);
    }
    t.log(`${what}: ${this.told()}, after ${(performance.now() - began).toFixed(0)} ms`);
  }
}

test.serial(
  "a replica that has not answered for a second is scored worse while an antagonist burns in its node's cgroup, and as before once it ended",
  async (t) => {
    const hogged = made(t, "hogged");
    if (hogged === null) return;
    const calm = CgroupNode.make(t, "calm", 0.1);
    const folder = mkdtempSync(join(tmpdir(), "replicad-hog-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const catalog = parseCatalog(`version: 1
nodes: { n1: { address: 10.0.0.1 }, n2: { address: 10.0.0.2 } }
services: { web: { ports: [80], replicas: [{ node: n1 }, { node: n2 }], cluster: { selector: mitsu, slow-start: 0, locality: off } } }`);
    let nowMs = clockMs();
    const known = new KnownReplicas(() => undefined);
    const nodes = [hogged, calm].map((group, at) => {
      const watched = new Watched(t, `n${at + 1}`, group.folder);
      const key = `10.0.0.${at + 1}:80`;
      const nicd = join(folder, `n${at + 1}.sock`);
      const load = LoadWriter.create(`${nicd}.load`, { capacity: 8 });
      const rows = watched.state.replicas;
      const stall = (): number => nodeStall(watched.state);
      const signals = new ReplicaSignals({ nicd, rows, here: (one) => one === key, kernel: null, clock: () => nowMs, stall });
      t.teardown(() => {
        signals[Symbol.dispose]();
        load.close();
      });
      const row = load.row(key);
      load.here(row, true);
      return { watched, signals, load, row, key };
    });
    const pass = (ms: number): void => {
      nowMs += ms;
      for (const { signals, watched } of nodes) {
        signals.sample();
        known.own(watched.state, nowMs);
      }
    };
    const [port] = meshPorts(catalog, "n1", []);
    const selection = new PortSelection(port!, { known, clients: () => 1, random: () => 0.5 }, nowMs);
    const costs = () => {
      const told = explain(selection, null, nowMs).candidates;
      return nodes.map(({ key }) => told.find(({ replica }) => replica === key)!.cost!);
    };
    const { watched } = nodes[0]!;

    for (const one of nodes) await one.watched.until(t, `${one.key} is calm`, () => nodeStall(one.watched.state) < 0.1);
    pass(200);
    for (let request = 0; request < 30; request++) {
      for (const { load, row } of nodes) load.begin(row, nowMs);
      pass(10);
      for (const { load, row } of nodes) load.end(row, nowMs, 10, "ok");
      pass(1);
    }
    pass(1300);
    const before = costs();
    t.true(Math.abs(before[0]! / before[1]! - 1) < 0.1, `alike at first: ${before}`);

    hogged.burn();
    await watched.until(
      t,
      "the antagonist burns",
      () => watched.state.figures[figure.cpuSome]! > 0.5 && watched.state.figures[figure.throttled]! > 0.5,
    );
    await nodes[1]!.watched.until(t, "the other node is calm", () => nodeStall(nodes[1]!.watched.state) < 0.1);
    pass(200);
    const meanwhile = costs();
    t.true(meanwhile[0]! > 1.5 * meanwhile[1]!, `costs ${meanwhile}`);
    t.is(selection.select(null, nowMs)?.replica.key, nodes[1]!.key);

    await hogged.calm();
    await watched.until(t, "it has ended", () => nodeStall(watched.state) < 0.1);
    pass(200);
    const after = costs();
    t.true(Math.abs(after[0]! / before[0]! - 1) < 0.15, `costs ${before}, then ${after}`);
  },
);
