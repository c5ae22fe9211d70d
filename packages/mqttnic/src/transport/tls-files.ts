/** Reads the files of a TLS listener, and names the one that is wrong. @module */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { TlsConfig } from "../config/broker-config.ts";

/** TLS files that fit each other. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly authorities: Buffer | undefined;
  readonly revoked: Buffer | undefined;
  /** By lower-case name. */
  readonly byServerName: ReadonlyMap<string, SecureContext>;
}

/**
 * Reads and checks all files.
 *
 * @throws {MitsuError} `ERR_CERT_BAD`.
 */
export async function readTlsFiles(tls: TlsConfig): Promise<TlsMaterial> {
  if (tls.requireCertificate && tls.authorities === undefined)
    throw new MitsuError("client certificates are required, but by no authority that is named", {
      code: "ERR_CERT_BAD",
      hint: "name a file with the authorities: cafile",
      exit: exitStatus.config,
    });
  const authorities = tls.authorities === undefined ? undefined : await readPem(tls.authorities);
  if (authorities !== undefined && tls.authorities !== undefined) checkCertificates(tls.authorities, authorities);
  const revoked = tls.revoked === undefined ? undefined : await readPem(tls.revoked);
  if (revoked !== undefined && tls.revoked !== undefined) checkRevoked(tls.revoked, revoked);
  const own = await readPair(tls);
  const byServerName = new Map<string, SecureContext>();
  for (const [name, files] of Object.entries(tls.byServerName)) {
    const { certificate, key } = await readPair(files);
    byServerName.set(
      name.toLowerCase(),
      createSecureContext({
        cert: certificate,
        key,
        ...(authorities === undefined ? {} : { ca: authorities }),
        ...(revoked === undefined ? {} : { crl: revoked }),
      }),
    );
  }
  return { ...own, authorities, revoked, byServerName };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** An `ERR_CERT_BAD` of what reading a file gave. */
export function unreadable(path: string, cause: unknown): MitsuError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === "ENOENT" ? "no such file" : code === "EACCES" ? "this user may not read it" : message;
  return wrong(path, `cannot be read: ${why}`, "check the path and its rights", cause);
}

async function readPair(files: { readonly certificate: string; readonly key: string }): Promise<{ certificate: Buffer; key: Buffer }> {
  const certificate = await readPem(files.certificate);
  const key = await readPem(files.key);
  checkPair(files, certificate, key);
  return { certificate, key };
}

/**
 * Checks that a certificate and a key can be read and belong together; `files` names them.
 *
 * @throws {MitsuError} `ERR_CERT_BAD`.
 */
export function checkPair(files: { readonly certificate: string; readonly key: string }, certificate: Buffer, key: Buffer): void {
  const [own] = checkCertificates(files.certificate, certificate);
  const privateKey = checkKey(files.key, key);
  if (own?.checkPrivateKey(privateKey) === false)
    throw wrong(files.key, `does not belong to the certificate in ${files.certificate}`, "give the key that the certificate was made for");
}

/**
 * Checks that a file's bytes are certificates; `path` names it.
 *
 * @throws {MitsuError} `ERR_CERT_BAD`.
 */
export function checkCertificates(path: string, pem: Buffer): readonly X509Certificate[] {
  const blocks = pem.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw wrong(path, "holds no certificate", "it must be PEM, with BEGIN CERTIFICATE");
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw wrong(path, `holds a certificate that cannot be read (number ${index + 1})`, "look at it with 'openssl x509 -text -in'", cause);
    }
  });
}

function checkKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw wrong(path, "holds no private key that can be read", "it must be PEM, without a passphrase", cause);
  }
}

function checkRevoked(path: string, pem: Buffer): void {
  try {
    createSecureContext({ crl: pem });
  } catch (cause) {
    throw wrong(path, "holds no list of revoked certificates", "it must be PEM, with BEGIN X509 CRL", cause);
  }
}

function wrong(path: string, what: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(`${path} ${what}`, { code: "ERR_CERT_BAD", hint, exit: exitStatus.config, cause });
}
