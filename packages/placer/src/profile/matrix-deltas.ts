/** What passed between readings of sockhijack's traffic matrix. @module */
import type { MatrixCell } from "@mitsu/ipc";

/** What passed between two services in a time. */
export interface CellDelta {
  readonly from: string;
  readonly to: string;
  readonly connections: number;
  /** Payload, both ways. */
  readonly bytes: number;
  /** Redirected messages, both ways, and their bytes. */
  readonly messages: number;
  readonly redirectedBytes: number;
}

const figures = ["connections", "bytes", "messages", "redirectedBytes"] as const;
type Figures = Record<(typeof figures)[number], number>;

const figuresOf = ({ connections, bytesOut, bytesIn, messages, redirectedBytes }: MatrixCell): Figures => ({
  connections,
  bytes: bytesOut + bytesIn,
  messages,
  redirectedBytes,
});

/**
 * Sums up what the counters grew by, reading after reading.
 *
 * Counters only grow, but for two reasons: the daemon was started anew with its maps gone, and then all that is there has passed since; or a
 * connection closed between the daemon's look at it and at the matrix, and then the figure comes back a moment later.
 * They are told apart by the daemon's pid.
 *
 * @example
 * ```ts
 * const deltas = new MatrixDeltas();
 * deltas.add(first.cells, pid);
 * deltas.add(second.cells, pid);
 * deltas.all(); // what passed between the two
 * ```
 */
export class MatrixDeltas {
  readonly #last = new Map<string, { readonly from: string; readonly to: string; readonly seen: Figures }>();
  readonly #sums = new Map<string, { readonly from: string; readonly to: string } & Figures>();
  #pid: number | undefined;
  /** How often counters began at 0 again. */
  resets = 0;

  /** Takes a reading; the first only says where the counters stand. */
  add(cells: readonly MatrixCell[], pid: number): void {
    const first = this.#pid === undefined;
    const restarted = !first && pid !== this.#pid;
    let fell = false;
    for (const cell of cells) {
      const key = JSON.stringify([cell.from, cell.to]);
      const now = figuresOf(cell);
      const was = this.#last.get(key)?.seen;
      const sum = this.#sums.get(key) ?? { from: cell.from, to: cell.to, connections: 0, bytes: 0, messages: 0, redirectedBytes: 0 };
      const reset = restarted && was !== undefined && (now.bytes < was.bytes || now.connections < was.connections);
      fell ||= reset;
      const seen: Figures = { ...now };
      for (const figure of figures) {
        const before = first ? now[figure] : reset ? 0 : (was?.[figure] ?? 0);
        sum[figure] += Math.max(0, now[figure] - before);
        seen[figure] = reset ? now[figure] : Math.max(now[figure], was?.[figure] ?? 0);
      }
      this.#last.set(key, { from: cell.from, to: cell.to, seen });
      this.#sums.set(key, sum);
    }
    if (fell) this.resets++;
    this.#pid = pid;
  }

  /** What passed since the first reading. */
  all(): CellDelta[] {
    return [...this.#sums.values()];
  }

  /** Mean size of a redirected message since the counters began, bytes; null when none was redirected. */
  meanMessageBytes(): number | null {
    let [messages, bytes] = [0, 0];
    for (const { seen } of this.#last.values()) {
      messages += seen.messages;
      bytes += seen.redirectedBytes;
    }
    return messages > 0 ? bytes / messages : null;
  }
}
