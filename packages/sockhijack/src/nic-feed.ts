/** A nicd's registration, which lasts as long as its stream: what it is told meanwhile. @module */
import type { NicReplica, NicRequest, NicState } from "@mitsu/ipc";
import { ipBytes, ipText, isLoopback } from "./kernel/ip.ts";
import { type Endpoint, isHere } from "./mesh/listening.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Nic } from "./mesh/nics.ts";
import { meshFeed } from "./mesh-feed.ts";

/**
 * Registers a nicd until `signal` aborts: also when it is killed, since the kernel closes its socket.
 *
 * @param pid Of the process at the other end of the socket, as the kernel says.
 * @returns its state, at once and after each change.
 * @throws {MitsuError} ERR_ADDRESS
 */
export async function* registration(
  mesh: Mesh,
  { port, addresses }: NicRequest,
  pid: number,
  signal: AbortSignal,
): AsyncGenerator<NicState> {
  for (const address of addresses) ipBytes(address);
  const nic: Nic = { pid, port, addresses };
  const leave = mesh.register(nic);
  try {
    yield* meshFeed(mesh, signal, () => stateFor(nic, mesh));
  } finally {
    leave();
  }
}

function stateFor(nic: Nic, mesh: Mesh): NicState {
  const active = mesh.nics.current === nic;
  return { active, service: mesh.nic?.service ?? "", replicas: mesh.endpoints.flatMap((one) => replicaFor(one, mesh)) };
}

/** A replica as nicd reaches it; none when it listens for another namespace only, or for datagrams. */
function replicaFor(endpoint: Endpoint, { nic, namespaces }: Mesh): NicReplica[] {
  const near = endpoint.netns === nic?.netns;
  const ip = near ? endpoint.local : endpoint.ip;
  if (endpoint.protocol !== "tcp" || (!near && isLoopback(ip))) return [];
  const { service, port, target, weight, up } = endpoint;
  return [{ service, port, address: ipText(ip), target, weight, up, here: isHere(endpoint, namespaces) }];
}
