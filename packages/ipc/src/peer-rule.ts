/** Who may talk to a daemon: root, the daemon's own user, and the members of its group. @module */
import { type PeerCredentials, systemEnv } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** The id of a group in `/etc/group`; undefined when there is none of that name. */
export function groupId(name: string, readFile: (path: string) => Uint8Array = systemEnv.readFile): number | undefined {
  const lines = Buffer.from(readFile("/etc/group")).toString().split("\n");
  const gid = lines.map((line) => line.split(":")).find(([group]) => group === name)?.[2];
  return gid === undefined ? undefined : Number(gid);
}

/**
 * Refuses a peer that is neither root nor `own.uid` nor in group `own.gid`. The file mode says the same, but a mode can be loosened and a socket passed on.
 *
 * @throws {MitsuError} `ERR_IPC_DENIED`.
 */
export function checkPeer(
  peer: PeerCredentials,
  own: { readonly uid: number; readonly gid: number | undefined; readonly group: string },
): void {
  const member = own.gid !== undefined && (peer.gid === own.gid || peer.groups.includes(own.gid));
  if (peer.uid === 0 || peer.uid === own.uid || member) return;
  throw new MitsuError(`user ${peer.uid} may not talk to this daemon`, {
    code: "ERR_IPC_DENIED",
    hint: `run as root, or join group ${own.group}: usermod -aG ${own.group} <user>`,
    exit: exitStatus.rights,
  });
}
