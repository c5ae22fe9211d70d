/** What of a client certificate identities are made of, read carefully. @module */
import type { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../data-plane/data-plane.ts";

/** Reads a certificate that has been verified. */
export function peerCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    commonName: commonNameOf(certificate),
    uris: urisOf(certificate.subjectAltName),
    subject: subjectOf(certificate.subject),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** Empty when there is none, when there are two, or when it holds control characters: none of them names anybody. */
function commonNameOf(certificate: X509Certificate): string {
  const { CN: name } = certificate.toLegacyObject().subject as { CN?: string | readonly string[] };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL in a name has cheated C programs.
  return typeof name === "string" && !/[\u0000-\u001f\u007f]/.test(name) ? name : "";
}

/** Node writes one name a line, as they stand in the certificate, least specific first. [RFC 2253 §2.1] */
function subjectOf(lines: string | undefined): string {
  return (lines ?? "").split("\n").reverse().join(",");
}

/**
 * The URIs in Node's text of a subject alternative name: `DNS:a, URI:b, URI:"with, comma"`. A name with a comma, a quote or a control character is quoted as
 * JSON quotes, so that no name can pretend to be two.
 *
 * @example
 * ```ts
 * urisOf('DNS:a.example, URI:spiffe://mesh.local/node/a'); // ["spiffe://mesh.local/node/a"]
 * ```
 */
export function urisOf(subjectAltName: string | undefined): readonly string[] {
  const uris: string[] = [];
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  const text = subjectAltName ?? "";
  while (entry.lastIndex < text.length) {
    const match = entry.exec(text);
    // Not as Node writes it: nothing of it is believed.
    if (match === null) return [];
    const [, kind, value = ""] = match;
    if (kind !== "URI") continue;
    try {
      uris.push(value.startsWith('"') ? (JSON.parse(value) as string) : value);
    } catch {
      return [];
    }
  }
  return uris;
}
