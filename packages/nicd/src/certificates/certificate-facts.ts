/** What a certificate says, for people and for status. @module */
import { X509Certificate } from "node:crypto";
import { parseSpiffeId, type SpiffeId } from "./spiffe-id.ts";

/** Facts of one certificate. Times are milliseconds since 1970. */
export interface CertificateFacts {
  /** Null when it has no SPIFFE id of this mesh's forms, as an authority's. */
  readonly id: SpiffeId | null;
  /** The URIs that it is for, as they stand there. */
  readonly uris: readonly string[];
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal, upper case. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the DER bytes, hexadecimal in pairs with colons. */
  readonly fingerprint: string;
  /** It may sign others. */
  readonly authority: boolean;
}

/**
 * Reads one certificate.
 *
 * @param certificate - PEM, or Node's object.
 * @throws Error of OpenSSL when it is not a certificate.
 */
export function certificateFacts(certificate: string | X509Certificate): CertificateFacts {
  const x509 = typeof certificate === "string" ? new X509Certificate(certificate) : certificate;
  const uris = urisOf(x509.subjectAltName);
  const [only] = uris;
  return {
    id: uris.length === 1 && only !== undefined ? parseSpiffeId(only) : null,
    uris,
    subject: x509.subject,
    issuer: x509.issuer,
    serial: x509.serialNumber,
    notBeforeMs: x509.validFromDate.getTime(),
    notAfterMs: x509.validToDate.getTime(),
    fingerprint: x509.fingerprint256,
    authority: x509.ca,
  };
}

/**
 * The URIs in Node's text of a subject alternative name. Node puts a name that has a comma or a quote in it into quotes; no SPIFFE id has either,
 * so where there is a quote there is no URI that counts.
 */
export function urisOf(subjectAltName: string | undefined): readonly string[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  return subjectAltName
    .split(", ")
    .filter((name) => name.startsWith("URI:"))
    .map((name) => name.slice(4));
}

/** The PEM blocks of a bundle, in order. */
export function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
