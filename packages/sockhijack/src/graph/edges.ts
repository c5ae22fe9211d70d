/** The service graph: who talks to whom, and how much of it passed between two readings of the traffic matrix. @module */
import type { MatrixCell } from "@mitsu/ipc";

/** Traffic from one service to another. */
export interface Edge {
  /** Service that connects; empty for programs outside the mesh. */
  readonly from: string;
  /** Service that it connects to. */
  readonly to: string;
  /** Connections made since the services were attached. */
  readonly connections: number;
  /** Both directions. */
  readonly bytesPerSecond: number;
  /** Redirected messages, both directions. */
  readonly messagesPerSecond: number;
  /** Of the bytes: 0 to 1; of all there have been when none passed between the readings. */
  readonly redirectedShare: number;
  /** Connects that a policy denied. */
  readonly denied: number;
}

const bytes = (cell: MatrixCell): number => cell.bytesOut + cell.bytesIn;
type Ends = Pick<Edge, "from" | "to">;
const key = ({ from, to }: Ends): string => `${from} ${to}`;
const order = (a: Ends, b: Ends): number => key(a).localeCompare(key(b));

/**
 * Edges with their rates, the busiest first.
 *
 * @param seconds Between the readings.
 * @example
 * ```ts
 * const edges = edgesOf(await matrix(), await matrixLater(), 1);
 * ```
 */
export function edgesOf(before: readonly MatrixCell[], after: readonly MatrixCell[], seconds: number): Edge[] {
  const earlier = new Map(before.map((cell) => [key(cell), cell]));
  const edges = after.map((cell): Edge => {
    const was = earlier.get(key(cell));
    const since = (count: (cell: MatrixCell) => number): number => Math.max(0, count(cell) - (was ? count(was) : 0));
    const passed = since(bytes);
    const share = passed > 0 ? since((c) => c.redirectedBytes) / passed : bytes(cell) > 0 ? cell.redirectedBytes / bytes(cell) : 0;
    return {
      from: cell.from,
      to: cell.to,
      connections: cell.connections,
      bytesPerSecond: passed / seconds,
      messagesPerSecond: since((c) => c.messages) / seconds,
      redirectedShare: Math.min(1, share),
      denied: cell.denied,
    };
  });
  return edges.toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond || b.connections - a.connections || order(a, b));
}
