/** Passes bytes both ways between two streams through filters: where {@link relay} lends them to a device, every piece is looked at here. @module */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Timer } from "@mitsu/reactor/timers";
import { TcpFilters } from "../wasm/tcp-filters.ts";
import type { WasmFilter } from "../wasm/wasm-filter.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import type { RelayEnds } from "./relay.ts";

/** What a connection ends with that a filter has closed: nobody else's fault. */
export const closedByFilter: Error = new Error("closed by a filter");
/** As without filters. */
const idleTimeoutMs = 3_600_000;

/**
 * Joins a client's stream and a replica's through filters.
 *
 * @param ended As of {@link relay}.
 * @returns Null when no filter looks at bytes; "refused" when one is not there that must.
 */
export function filteredRelay(
  plane: DataPlane,
  entry: Entry,
  filters: readonly WasmFilter[],
  client: ByteStream,
  replica: ByteStream,
  ended: (toReplicaBytes: number, toClientBytes: number, error: Error | null) => void,
): RelayEnds | "refused" | null {
  let [toReplicaBytes, toClientBytes, closed] = [0, 0, 0];
  let over = false;
  const idle = new Timer(() => end(new Error("idle for an hour"), false));
  const rearm = (): void => plane.reactor.timers.arm(idle, idleTimeoutMs);
  const through = TcpFilters.of(filters, entry, {
    toReplica(bytes, last) {
      toReplicaBytes += bytes.length;
      if (bytes.length > 0 && !replica.write(bytes, 0, bytes.length)) client.pause();
      if (last) replica.end();
    },
    toClient(bytes, last) {
      toClientBytes += bytes.length;
      if (bytes.length > 0 && !client.write(bytes, 0, bytes.length)) replica.pause();
      if (last) client.end();
    },
    // Later: what closes it may be in the middle of a callback.
    close: () => plane.reactor.defer(() => end(closedByFilter, false)),
  });
  if (through === null || through === "refused") return through;
  const end = (error: Error | null, byClient: boolean): void => {
    if (over) return;
    over = true;
    plane.reactor.timers.disarm(idle);
    plane.connections.tcp--;
    through.end(byClient);
    client.destroy(error !== null);
    replica.destroy(error !== null);
    ended(toReplicaBytes, toClientBytes, error);
  };
  const nothing = Buffer.alloc(0);
  const events = (pass: (bytes: Buffer, last: boolean) => void, other: ByteStream, isClient: boolean): ByteStreamEvents => ({
    onData(buffer, start, to) {
      if (over) return;
      rearm();
      pass(buffer.subarray(start, to), false);
    },
    onEnd: () => void (over || pass(nothing, true)),
    onDrain: () => void (over || other.resume()),
    onClose(error) {
      if (over) return;
      if (error !== null || ++closed === 2) end(error, isClient);
      else other.end();
    },
  });
  plane.connections.tcp++;
  rearm();
  through.begin();
  return {
    toReplica: events((bytes, last) => through.fromClient(bytes, last), replica, true),
    toClient: events((bytes, last) => through.fromReplica(bytes, last), client, false),
  };
}
