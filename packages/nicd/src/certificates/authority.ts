/** A small certificate authority in a folder, for people who have none: `ca.crt`, and `ca.key` that only its owner can read. @module */
import { randomBytes, webcrypto } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type CertificateFacts, certificateFacts } from "./certificate-facts.ts";
import { formatSpiffeId } from "./spiffe-id.ts";
import { type X509Module, x509 } from "./x509.ts";

/** ECDSA on P-256 with SHA-256: what every TLS 1.3 end can do (RFC 8446 §9.1). */
export const signing = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Certificates are valid from this long ago, for nodes whose clocks are behind. */
export const backDatedMs: number = 5 * 60_000;

const dayMs = 86_400_000;

/** An authority that can sign. */
export interface Authority {
  /** PEM of its certificate. */
  readonly certificate: string;
  readonly facts: CertificateFacts;
  readonly trustDomain: string;
  readonly key: webcrypto.CryptoKey;
}

/** What a new authority is for. */
export interface AuthorityRequest {
  /** Of all SPIFFE ids under it: `mesh.local`. */
  readonly trustDomain: string;
  /** How long it is valid; 3650 unless told. */
  readonly days?: number;
  /** Milliseconds since 1970; the machine's clock unless told. */
  readonly now?: () => number;
}

/**
 * Makes an authority: `nicd ca init`. Its certificate has the trust domain's own SPIFFE id (X509-SVID §3.2) and may sign leaves only.
 *
 * @param dir - Made with mode 0700 when it is not there.
 * @throws MitsuError `ERR_CA_EXISTS` when there is one already: it would take everybody's trust away.
 *
 * @example
 * ```ts
 * const { notAfterMs } = await makeAuthority("/var/lib/mitsu/ca", { trustDomain: "mesh.local" });
 * ```
 */
export async function makeAuthority(
  dir: string,
  { trustDomain, days = 3650, now = Date.now }: AuthorityRequest,
): Promise<CertificateFacts> {
  // Refuses a bad trust domain before anything is written.
  formatSpiffeId({ kind: "node", trustDomain, name: "any" });
  const { X509CertificateGenerator, ...make } = await x509();
  const keys = await webcrypto.subtle.generateKey(signing, true, ["sign", "verify"]);
  const notBefore = now() - backDatedMs;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: ["Mitsu"] }, { CN: [`${trustDomain} CA`] }],
    notBefore: new Date(notBefore),
    notAfter: new Date(now() + days * dayMs),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new make.BasicConstraintsExtension(true, 0, true),
      new make.KeyUsagesExtension(make.KeyUsageFlags.keyCertSign | make.KeyUsageFlags.cRLSign, true),
      new make.SubjectAlternativeNameExtension([{ type: "url", value: `spiffe://${trustDomain}` }]),
      await make.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString("pem")}\n`;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const keyPath = join(dir, "ca.key");
  await writeFile(keyPath, await privateKeyPem(keys.privateKey, await x509()), { flag: "wx", mode: 0o600 }).catch(refuseExisting(keyPath));
  try {
    await writeFile(join(dir, "ca.crt"), pem, { flag: "wx", mode: 0o644 }).catch(refuseExisting(join(dir, "ca.crt")));
  } catch (error) {
    // This key signs nothing without its certificate.
    await rm(keyPath);
    throw error;
  }
  return certificateFacts(pem);
}

/** `nicd ca show`: the authority's certificate; its key is not touched. @throws MitsuError `ERR_CA_MISSING`, `ERR_CA_BAD` as {@link loadAuthority}. */
export async function showAuthority(dir: string): Promise<CertificateFacts> {
  const certificate = await read(dir, "ca.crt");
  try {
    return certificateFacts(certificate);
  } catch (cause) {
    throw bad(dir, cause);
  }
}

/**
 * Opens the authority in a folder, to sign with it.
 *
 * @throws MitsuError `ERR_CA_MISSING` without one, `ERR_CA_BAD` when its files are not what they should be.
 */
export async function loadAuthority(dir: string): Promise<Authority> {
  const [certificate, keyPem] = await Promise.all([read(dir, "ca.crt"), read(dir, "ca.key")]);
  try {
    const facts = certificateFacts(certificate);
    const [, trustDomain] = /^spiffe:\/\/([a-z0-9._-]+)$/.exec(facts.uris[0] ?? "") ?? [];
    if (!facts.authority || trustDomain === undefined)
      throw new TypeError("ca.crt is not the certificate of an authority of a trust domain");
    const { PemConverter } = await x509();
    const key = await webcrypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(keyPem), signing, false, ["sign"]);
    return { certificate, facts, trustDomain, key };
  } catch (cause) {
    throw bad(dir, cause);
  }
}

/** 16 random bytes as hexadecimal, the first bit 0: a positive number of at most 20 bytes (RFC 5280 §4.1.2.2). */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

/** PKCS #8 in PEM. */
export async function privateKeyPem(key: webcrypto.CryptoKey, { PemConverter }: X509Module): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

async function read(dir: string, name: string): Promise<string> {
  return readFile(join(dir, name), "utf8").catch((cause) => {
    throw new MitsuError(`cannot read the authority's ${join(dir, name)}: ${cause.code ?? cause.message}`, {
      code: "ERR_CA_MISSING",
      hint: "make an authority with `nicd ca init`, or name its folder",
      exit: exitStatus.data,
      cause,
    });
  });
}

function bad(dir: string, cause: unknown): MitsuError {
  return new MitsuError(`cannot use the authority in ${dir}: ${(cause as Error).message}`, {
    code: "ERR_CA_BAD",
    hint: "restore ca.crt and ca.key from a backup, or make an authority in another folder",
    exit: exitStatus.data,
    cause,
  });
}

function refuseExisting(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    if (cause.code !== "EEXIST") throw cause;
    throw new MitsuError(`cannot make an authority: ${path} is there already`, {
      code: "ERR_CA_EXISTS",
      hint: "make the new one in another folder, and let the nodes trust both while you change over",
      exit: exitStatus.data,
      cause,
    });
  };
}
