/** Traced connections whose end the kernel's hooks did not see, as when their cgroup was detached in mid-life. @module */
import type { BpfMap } from "@mitsu/ebpf-ts";
import type { Flow } from "../coupling/flow.ts";

/** Finds and deletes them; one must be missing at two sweeps in a row, since a look may miss a socket that changes its state. */
export class LeftConnections {
  readonly #connections: Pick<BpfMap, "keys" | "delete">;
  #missing: ReadonlySet<bigint> = new Set();

  /** @param connections The kernel's map, keyed by the cookie of the end that was first. */
  constructor(connections: Pick<BpfMap, "keys" | "delete">) {
    this.#connections = connections;
  }

  /**
   * Sweeps once.
   *
   * @param flows All connections of attached programs as the last look found them.
   * @returns how many were deleted.
   */
  sweep(flows: readonly Flow[]): number {
    const alive = new Set(flows.flatMap(({ id, client, server }) => [id, client?.cookie, server?.cookie]));
    const missing = new Set<bigint>();
    let deleted = 0;
    for (const key of this.#connections.keys()) {
      const id = new DataView(key.buffer, key.byteOffset, 8).getBigUint64(0, true);
      if (alive.has(id)) continue;
      if (!this.#missing.has(id)) missing.add(id);
      else if (this.#connections.delete(key)) deleted++;
    }
    this.#missing = missing;
    return deleted;
  }
}
