/** Passes bytes both ways between two streams that nobody looks into. @module */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Timer } from "@mitsu/reactor/timers";
import type { StreamOwner } from "../devices/relay-device.ts";
import type { DataPlane } from "./data-plane.ts";

/** Tunnels without a byte either way are closed after so long, as Envoy's `idle_timeout` of TCP proxies. */
const idleTimeoutMs = 3_600_000;

/** Who is to be told of what happens on each of the two streams. */
export interface RelayEnds {
  readonly toClient: ByteStreamEvents;
  readonly toReplica: ByteStreamEvents;
}

/**
 * Joins a client's stream and a replica's. A slow reader holds its writer up; an end in one direction is passed on, the other goes on; an
 * error of one ends both.
 *
 * @param ended Called once, with the bytes passed to the replica and to the client, and the error if there was one.
 * @returns `toClient` takes the replica's events, `toReplica` the client's.
 */
export function relay(
  plane: DataPlane,
  client: ByteStream,
  replica: ByteStream,
  ended: (toReplicaBytes: number, toClientBytes: number, error: Error | null) => void,
): RelayEnds {
  const { device, operations } = plane.relays;
  let over = false;
  let closed = 0;
  const idle = new Timer(() => end(new Error("idle for an hour")));
  const rearm = (): void => plane.reactor.timers.arm(idle, idleTimeoutMs);
  const owner: StreamOwner = {
    passed: rearm,
    closed(error, { other }) {
      if (error !== null || ++closed === 2) end(error);
      else other?.stream.end();
    },
  };
  const [toReplica, toClient] = [device.lend(client, owner), device.lend(replica, owner)];
  const end = (error: Error | null): void => {
    if (over) return;
    over = true;
    plane.reactor.timers.disarm(idle);
    plane.connections.tcp--;
    operations.part(toReplica.number);
    for (const lent of [toReplica, toClient]) device.giveBack(lent);
    client.destroy(error !== null);
    replica.destroy(error !== null);
    ended(toReplica.bytes, toClient.bytes, error);
  };
  plane.connections.tcp++;
  rearm();
  operations.join(toReplica.number, toClient.number);
  return { toClient, toReplica };
}
