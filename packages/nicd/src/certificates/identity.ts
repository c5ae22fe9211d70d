/** A certificate that was found fit for use, with its key and the authorities to trust. @module */
import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { certificateFacts, certificatesIn } from "./certificate-facts.ts";
import type { SpiffeId } from "./spiffe-id.ts";

/** Contents of the three files. PEM. */
export interface IdentityFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
}

/** What a TLS end needs to show who it is and to know others. */
export interface Identity {
  /** Counts up with each reload, from 1. */
  readonly version: number;
  readonly id: SpiffeId;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** For servers (`setSecureContext`). */
  readonly tls: SecureContextOptions;
  /** For clients; made once. */
  readonly secureContext: SecureContext;
}

/**
 * Checks that the key is the certificate's, that its chain leads to one of the authorities, that nothing on the way is over or not yet valid, and
 * that it is for a node or service.
 *
 * @param nowMs - Milliseconds since 1970.
 * @throws TypeError that says which of these it is.
 */
export function checkIdentity(files: IdentityFiles, version: number, nowMs: number): Identity {
  const chain = certificatesIn(files.certificate).map((pem) => new X509Certificate(pem));
  const trusted = certificatesIn(files.authorities).map((pem) => new X509Certificate(pem));
  const [leaf] = chain;
  if (leaf === undefined) throw new TypeError("there is no certificate in the certificate file");
  if (trusted.length === 0) throw new TypeError("there is no certificate in the authorities' file");
  if (!leaf.checkPrivateKey(createPrivateKey(files.key))) throw new TypeError("the key is not the certificate's");
  checkChain(leaf, chain.slice(1), trusted, nowMs);
  const facts = certificateFacts(leaf);
  if (facts.id === null)
    throw new TypeError(`the certificate is not for one node or service: it says ${facts.uris.join(", ") || "no URI"}`);
  const tls: SecureContextOptions = {
    cert: files.certificate,
    key: files.key,
    ca: files.authorities,
    minVersion: "TLSv1.3",
    // A resumed session would keep a peer in whose certificate or authority is over: every connection is a full handshake.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  return {
    version,
    id: facts.id,
    notBeforeMs: facts.notBeforeMs,
    notAfterMs: facts.notAfterMs,
    tls,
    secureContext: createSecureContext(tls),
  };
}

function checkChain(leaf: X509Certificate, between: X509Certificate[], trusted: X509Certificate[], nowMs: number): void {
  let at = leaf;
  // Each authority between is used once at most.
  for (let left = between.length; left >= 0; left--) {
    checkDates(at, nowMs);
    const root = trusted.find((authority) => signed(at, authority) && authority.validToDate.getTime() > nowMs);
    if (root !== undefined) return;
    const next = between.find((authority) => authority !== at && signed(at, authority));
    if (next === undefined) break;
    at = next;
  }
  throw new TypeError(
    `no authority in the authorities' file that is valid now has signed '${oneLine(at.subject)}'; its issuer is '${oneLine(at.issuer)}'`,
  );
}

function signed(certificate: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function checkDates(certificate: X509Certificate, nowMs: number): void {
  const { subject, validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= nowMs) throw new TypeError(`'${oneLine(subject)}' ended ${validToDate.toISOString()}`);
  if (validFromDate.getTime() > nowMs) throw new TypeError(`'${oneLine(subject)}' begins ${validFromDate.toISOString()}`);
}

const oneLine = (name: string) => name.replaceAll("\n", ", ");
