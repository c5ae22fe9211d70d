/** The user name that a client certificate gives. @module */
import type { Peer, PeerCertificate } from "../data-plane/data-plane.ts";
import { refusal } from "./judgement.ts";
import type { Judgement } from "./security.ts";

/** The parts of a SPIFFE id's path; undefined when the certificate has none, or more than one. [X.509-SVID §2] */
export function spiffePath({ uris }: PeerCertificate): readonly string[] | undefined {
  const ids = uris.filter((uri) => uri.toLowerCase().startsWith("spiffe:"));
  if (ids.length !== 1) return undefined;
  const path = /^spiffe:\/\/[a-z0-9._-]+((?:\/[A-Za-z0-9._-]+)+)$/i.exec(ids[0]!)?.[1];
  return path?.slice(1).split("/");
}

/**
 * Who a client is by its certificate, where the listener says that certificates name clients; undefined where it does not.
 * A SPIFFE id gives the last part of its path: `node/x` and `sa/x` of one trust domain are both `x`.
 * As in mosquitto (`use_identity_as_username`), user name, password and password file then count for nothing, and no certificate is a refusal.
 */
export function certificateJudgement({ listener, certificate }: Peer): Judgement | undefined {
  if (listener.certificateName === "none" || (!certificate && !listener.tls)) return undefined;
  if (!certificate) return refusal(0x87, "no client certificate");
  const username =
    listener.certificateName === "common-name"
      ? certificate.commonName
      : listener.certificateName === "subject"
        ? certificate.subject
        : spiffePath(certificate)?.at(-1);
  if (!username)
    return refusal(0x87, `the client certificate has no ${listener.certificateName === "spiffe" ? "SPIFFE id" : listener.certificateName}`);
  return { ok: true, identity: { username, by: "certificate", untilMs: certificate.notAfterMs, peerNode: undefined } };
}
