/** Who the other end of a TLS connection is. @module */
import type { PeerCertificate, TLSSocket } from "node:tls";
import { parseSpiffeId, urisOf } from "../certificates/mod.ts";
import type { RefusalReason } from "./refusals.ts";

/** The peer, or why it is not one. */
export type PeerVerdict =
  | { readonly node: string; readonly notAfterMs: number }
  | { readonly reason: RefusalReason; readonly detail: string };

/** Judges the certificate of a socket whose handshake is done: its chain as OpenSSL found it, then {@link nodeIn}. */
export function peerOf(socket: TLSSocket, trustDomain: string): PeerVerdict {
  const certificate: PeerCertificate | Record<string, never> = socket.getPeerCertificate();
  if (certificate.raw === undefined) return { reason: "no-certificate", detail: "it showed no certificate" };
  if (!socket.authorized) {
    const error = String(socket.authorizationError);
    const detail = `${certificate.subjectaltname ?? "its certificate"}: ${error}`;
    if (error.includes("CERT_HAS_EXPIRED")) return { reason: "expired", detail };
    if (error.includes("CERT_NOT_YET_VALID")) return { reason: "not-yet-valid", detail };
    return { reason: "untrusted", detail };
  }
  return nodeIn(certificate.subjectaltname, Date.parse(certificate.valid_to), trustDomain);
}

/** The node that a certificate of the trust domain is for. @param subjectAltName - As Node writes it. */
export function nodeIn(subjectAltName: string | undefined, notAfterMs: number, trustDomain: string): PeerVerdict {
  const uris = urisOf(subjectAltName);
  const [only] = uris;
  const id = uris.length === 1 && only !== undefined ? parseSpiffeId(only) : null;
  const detail = `its certificate is for ${uris.join(", ") || "no URI"}`;
  if (id === null) {
    // Another trust domain's workloads may well have ids of other forms.
    const foreign = only?.startsWith("spiffe://") && !only.startsWith(`spiffe://${trustDomain}/`);
    return { reason: foreign ? "foreign-trust-domain" : "no-spiffe-id", detail };
  }
  if (id.trustDomain !== trustDomain) return { reason: "foreign-trust-domain", detail };
  if (id.kind !== "node") return { reason: "not-a-node", detail };
  return { node: id.name, notAfterMs };
}
