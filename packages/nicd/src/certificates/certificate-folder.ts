/**
 * A folder with a certificate, its key and the authorities to trust, named as cert-manager and Kubernetes secrets do (`tls.crt`, `tls.key`, `ca.crt`):
 * what `nicd cert issue`, `show`, `rotate` and `trust` work on.
 *
 * @module
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Authority } from "./authority.ts";
import { type CertificateFacts, certificateFacts, certificatesIn } from "./certificate-facts.ts";
import { swapFile } from "./file-swap.ts";
import { checkIdentity, type IdentityFiles } from "./identity.ts";
import { type CertificateRequest, issue } from "./issue.ts";

/** Where the three files are. */
export interface CertificatePaths {
  /** The certificate, and behind it those of authorities between it and a trusted one. */
  readonly certificate: string;
  readonly key: string;
  /** All authorities that are trusted: more than one while people change over. */
  readonly authorities: string;
}

/** What is in a folder. */
export interface CertificateReport {
  readonly certificate: CertificateFacts;
  readonly authorities: readonly CertificateFacts[];
  /** Why nicd would not use them; null when it would. */
  readonly problem: string | null;
}

/** The files' names in a folder. */
export function pathsIn(dir: string): CertificatePaths {
  return { certificate: join(dir, "tls.crt"), key: join(dir, "tls.key"), authorities: join(dir, "ca.crt") };
}

/** `nicd cert issue`: a new certificate and key into a folder, which is made with mode 0700; what was there is replaced. The authority joins those trusted. */
export async function issueInto(dir: string, authority: Authority, request: CertificateRequest): Promise<CertificateReport> {
  const { certificate, key } = await issue(authority, request);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const paths = pathsIn(dir);
  await trustIn(dir, authority.certificate, request.now);
  // A reader between the two sees a key that does not match, and keeps its old pair.
  await swapFile(paths.key, key, 0o600);
  await swapFile(paths.certificate, certificate, 0o644);
  return showFolder(dir, request.now);
}

/** `nicd cert rotate`: a new certificate and key for whom the present one is for. @throws MitsuError `ERR_CERT_BAD` when there is none to renew. */
export async function rotateIn(
  dir: string,
  authority: Authority,
  options: { days?: number; now?: () => number } = {},
): Promise<CertificateReport> {
  const { certificate } = await showFolder(dir);
  if (certificate.id === null || certificate.id.trustDomain !== authority.trustDomain) {
    throw new MitsuError(`cannot renew ${pathsIn(dir).certificate}: it is not for a node or service of ${authority.trustDomain}`, {
      code: "ERR_CERT_BAD",
      hint: "issue a new one with `nicd cert issue`",
      exit: exitStatus.data,
    });
  }
  return issueInto(dir, authority, { kind: certificate.id.kind, name: certificate.id.name, ...options });
}

/**
 * `nicd cert trust`: adds an authority to those trusted; those that are over leave. To change to a new authority: trust it on every node,
 * then rotate every certificate, then take the old one out.
 *
 * @param authority - PEM of its certificate.
 */
export async function trustIn(dir: string, authority: string, now: () => number = Date.now): Promise<void> {
  const path = pathsIn(dir).authorities;
  const present = await readFile(path, "utf8").catch((error) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  const kept = new Map<string, string>();
  for (const pem of certificatesIn(`${present}\n${authority}`)) {
    const facts = certificateFacts(pem);
    if (facts.notAfterMs > now()) kept.set(facts.fingerprint, pem);
  }
  const bundle = `${[...kept.values()].join("\n")}\n`;
  if (bundle !== present) await swapFile(path, bundle, 0o644);
}

/** `nicd cert show`: what is in a folder, and whether it is fit for use. @throws MitsuError `ERR_CERT_BAD` when a file is missing or not a certificate. */
export async function showFolder(dir: string, now: () => number = Date.now): Promise<CertificateReport> {
  const paths = pathsIn(dir);
  const [[certificate], authorities] = await Promise.all([facts(paths.certificate), facts(paths.authorities)]);
  let problem: string | null = null;
  try {
    checkIdentity(await readIdentityFiles(paths), 1, now());
  } catch (error) {
    problem = (error as Error).message;
  }
  return { certificate: certificate!, authorities, problem };
}

/** Reads the three files. */
export async function readIdentityFiles(paths: CertificatePaths): Promise<IdentityFiles> {
  const [certificate, key, authorities] = await Promise.all(
    [paths.certificate, paths.key, paths.authorities].map((path) => readFile(path, "utf8")),
  );
  return { certificate: certificate!, key: key!, authorities: authorities! };
}

async function facts(path: string): Promise<readonly CertificateFacts[]> {
  try {
    const found = certificatesIn(await readFile(path, "utf8")).map(certificateFacts);
    if (found.length === 0) throw new TypeError("there is no PEM certificate in it");
    return found;
  } catch (cause) {
    throw new MitsuError(`cannot read ${path}: ${(cause as Error).message}`, {
      code: "ERR_CERT_BAD",
      hint: "issue one with `nicd cert issue`, or name another folder",
      exit: exitStatus.data,
      cause,
    });
  }
}
