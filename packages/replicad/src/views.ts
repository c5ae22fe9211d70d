/** What replicad answers to those who ask. @module */
import type { ReplicadNode, ReplicadStatus } from "@mitsu/ipc";
import { brokerView } from "./bus/broker-view.ts";
import { type NodeState, nodeFigures } from "./bus/node-state.ts";
import type { LocalNode } from "./local-node.ts";

/** `status`. @param fixed What the daemon knows of itself. */
export function statusView(node: LocalNode, fixed: Pick<ReplicadStatus, "version" | "pid" | "startedAtMs">): ReplicadStatus {
  const { bus, publisher, table, state, overrides, tickets, kernel, reports } = node;
  const nowMs = performance.timeOrigin + performance.now();
  const others = [...table.nodes.values()].map(
    (entry): ReplicadNode => ({
      ...nodeView(entry.state),
      here: false,
      ageMs: entry.ageMs(nowMs),
      clockErrorMs: finite(entry.clock.errorMs(nowMs)),
      lost: entry.lost,
    }),
  );
  return {
    ...fixed,
    degraded: [...node.degraded()],
    mesh: node.catalog.mesh,
    node: state.name,
    broker: brokerView({ bus, publisher, table, overrides }),
    nodes: [{ ...nodeView(state), here: true, ageMs: 0, clockErrorMs: 0, lost: 0 }, ...others].toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    ),
    sources: [...node.signals.sources(), ...(kernel === null ? [] : [kernel.source()])],
    services: node.catalog.services.length,
    replicas: new Set([...node.selections.values()].flatMap(({ choices }) => [...choices.keys()])).size,
    overrides: overrides.size,
    kernel:
      kernel === null
        ? { state: "off", why: null, replicas: 0, writes: 0 }
        : { ...kernel.state, replicas: kernel.replicas, writes: kernel.writes },
    reports: { rows: reports.rows, writes: reports.writes },
    selections: tickets.made,
    waiting: tickets.waiting,
    forgotten: tickets.forgotten,
    unknownTickets: tickets.unknown,
  };
}

function nodeView({ name, cpus, replicas, figures }: NodeState): Pick<ReplicadNode, "name" | "cpus" | "replicas" | "figures"> {
  const told = nodeFigures.flatMap((figure, index) => (Number.isNaN(figures[index]!) ? [] : [[figure, figures[index]!] as const]));
  return { name, cpus, replicas: replicas.count, figures: Object.fromEntries(told) };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
