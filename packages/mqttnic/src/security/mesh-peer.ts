/** Brokers of other nodes: client ids that begin with `$mesh/` are theirs alone. @module */
import { timingSafeEqual } from "node:crypto";
import { spiffePath } from "./certificate-name.ts";
import { refusal } from "./judgement.ts";
import { sha256 } from "./scram-keys.ts";
import type { ConnectAttempt, Judgement } from "./security.ts";

const prefix = "$mesh/";
const meshUser = "$mesh";

/** What peers are known by. */
export interface MeshPeers {
  /** Of peers without a certificate, as the password of the user `$mesh`. */
  readonly meshSecret: Buffer | undefined;
  /** Names of the other nodes. */
  readonly meshNodes: readonly string[];
}

/**
 * Judges whoever says to be a peer, by client id or user name; undefined for all others.
 * A peer is a node of the mesh that has a certificate of this node (`spiffe://<domain>/node/<name>`), or knows the mesh's secret.
 */
export function meshJudgement(
  { clientId, username, password, peer }: ConnectAttempt,
  { meshSecret, meshNodes }: MeshPeers,
): Judgement | undefined {
  if (!clientId.startsWith(prefix))
    return username === meshUser ? refusal(0x87, `the user ${meshUser} is for peers of the mesh`) : undefined;
  const node = clientId.slice(prefix.length);
  if (!meshNodes.includes(node)) return refusal(0x87, `the mesh has no other node "${node}"`);
  const path = peer.certificate && spiffePath(peer.certificate);
  const untilMs = path?.length === 2 && path[0] === "node" && path[1] === node ? peer.certificate!.notAfterMs : undefined;
  const knowsSecret =
    username === meshUser &&
    password !== undefined &&
    meshSecret !== undefined &&
    meshSecret.length > 0 &&
    timingSafeEqual(sha256(password), sha256(meshSecret));
  if (untilMs === undefined && !knowsSecret) {
    return refusal(0x87, `neither a certificate of the node "${node}" nor the secret of the mesh`);
  }
  return { ok: true, identity: { username: meshUser, by: "mesh", untilMs: untilMs ?? 0, peerNode: node } };
}
