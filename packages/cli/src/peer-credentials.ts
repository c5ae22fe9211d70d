/** Who is at the other end of a Unix socket, as the kernel vouches for it. @module */
import type { Socket } from "node:net";
import { getSystemErrorMessage } from "node:util";
import { exitStatus, MitsuError } from "./error.ts";
import { libc } from "./libc.ts";

/** A process as the kernel saw it when the connection was made. Source: unix(7), SO_PEERCRED and SO_PEERGROUPS. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;

/** The file descriptor below a connected socket, -1 when it is closed already. */
function fdOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
}

/**
 * Reads the peer's credentials.
 *
 * @throws {MitsuError} `ERR_IPC_PEER` when the socket is closed or not a Unix socket.
 */
export async function peerCredentials(socket: Socket): Promise<PeerCredentials> {
  const { getsockopt, errno } = await libc();
  const read = (name: number, capacity: number): DataView => {
    const value = new Uint8Array(capacity);
    const size = [capacity];
    if (getsockopt(fdOf(socket), SOL_SOCKET, name, value, size) !== 0) {
      throw new MitsuError(`cannot read the peer's credentials: ${getSystemErrorMessage(-errno())}`, {
        code: "ERR_IPC_PEER",
        hint: "the peer may have gone away; try again",
        exit: exitStatus.system,
      });
    }
    return new DataView(value.buffer, 0, size[0]);
  };
  const credentials = read(SO_PEERCRED, 12);
  const groups = read(SO_PEERGROUPS, 65536 * 4);
  return {
    pid: credentials.getInt32(0, true),
    uid: credentials.getUint32(4, true),
    gid: credentials.getUint32(8, true),
    groups: Array.from({ length: groups.byteLength / 4 }, (_, index) => groups.getUint32(index * 4, true)),
  };
}
