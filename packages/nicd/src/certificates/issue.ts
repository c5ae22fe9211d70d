/** Certificates of nodes and services, signed by an authority. @module */
import { webcrypto } from "node:crypto";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Authority, backDatedMs, newSerial, privateKeyPem, signing } from "./authority.ts";
import { formatSpiffeId, type SpiffeId } from "./spiffe-id.ts";
import { x509 } from "./x509.ts";

/** Whom a certificate is for, and for how long. */
export interface CertificateRequest {
  readonly kind: SpiffeId["kind"];
  /** Of the node or service. */
  readonly name: string;
  /** 1 unless told: short, because there is no revocation list; `nicd cert rotate` from a timer renews it. Never beyond the authority's own end. */
  readonly days?: number;
  /** Milliseconds since 1970; the machine's clock unless told. */
  readonly now?: () => number;
}

/** A new certificate with its key. PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  /** PKCS #8: keep it with mode 0600. */
  readonly key: string;
}

/**
 * Makes a key and signs a certificate for it: an X.509-SVID, one URI in the subject alternative name, for servers and clients both (X509-SVID §4).
 *
 * @throws MitsuError `ERR_CA_EXPIRED` when the authority's own certificate is over.
 *
 * @example
 * ```ts
 * const authority = await loadAuthority("/var/lib/mitsu/ca");
 * const { certificate, key } = await issue(authority, { kind: "node", name: "node-a" });
 * ```
 */
export async function issue(
  authority: Authority,
  { kind, name, days = 1, now = Date.now }: CertificateRequest,
): Promise<IssuedCertificate> {
  const uri = formatSpiffeId({ kind, trustDomain: authority.trustDomain, name });
  if (authority.facts.notAfterMs <= now()) {
    throw new MitsuError(`cannot issue ${uri}: the authority's certificate ended ${new Date(authority.facts.notAfterMs).toISOString()}`, {
      code: "ERR_CA_EXPIRED",
      hint: "make a new authority with `nicd ca init` in another folder",
      exit: exitStatus.data,
    });
  }
  const library = await x509();
  const { ExtendedKeyUsage, KeyUsageFlags } = library;
  const keys = await webcrypto.subtle.generateKey(signing, true, ["sign", "verify"]);
  const issuer = new library.X509Certificate(authority.certificate);
  const certificate = await library.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ O: ["Mitsu"] }, { CN: [name.slice(0, 64)] }],
    issuer: issuer.subjectName,
    notBefore: new Date(Math.max(now() - backDatedMs, authority.facts.notBeforeMs)),
    notAfter: new Date(Math.min(now() + days * 86_400_000, authority.facts.notAfterMs)),
    signingAlgorithm: signing,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new library.BasicConstraintsExtension(false, undefined, true),
      new library.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new library.SubjectAlternativeNameExtension([{ type: "url", value: uri }]),
      await library.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await library.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await privateKeyPem(keys.privateKey, library) };
}
