/** `ca init|show`, `cert issue|show|rotate|trust`. @module */

import { readFile } from "node:fs/promises";
import { type Context, formatDuration, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import {
  type CertificateFacts,
  type CertificateReport,
  issueInto,
  loadAuthority,
  makeAuthority,
  rotateIn,
  showFolder,
  trustIn,
} from "../certificates/mod.ts";

const given = (days: number | undefined): { days?: number } => (days === undefined ? {} : { days });

function factsText({ uris, subject, issuer, notAfterMs, serial, fingerprint }: CertificateFacts, nowMs: number): string {
  const left = notAfterMs - nowMs;
  return [
    `${uris.join(", ") || subject}`,
    `  until        ${new Date(notAfterMs).toISOString()} (${left > 0 ? `${formatDuration(left * 1e6)} more` : "OVER"})`,
    `  issuer       ${issuer.replaceAll("\n", ", ")}`,
    `  serial       ${serial}`,
    `  SHA-256      ${fingerprint}`,
    "",
  ].join("\n");
}

function reportText({ certificate, authorities }: CertificateReport, nowMs: number): string {
  return `${factsText(certificate, nowMs)}trusts\n${authorities.map((one) => factsText(one, nowMs)).join("")}`;
}

/** `nicd ca init`. */
export async function caInit(
  { authority, trustDomain, days }: { readonly authority: string; readonly trustDomain: string; readonly days: number | undefined },
  context: Context,
): Promise<void> {
  const facts = await makeAuthority(authority, { trustDomain, ...given(days) });
  print(
    context,
    facts,
    (value) => `${factsText(value, context.env.now())}written to ${authority}; ca.key there signs for everybody: keep it on one machine\n`,
  );
}

/** `nicd ca show`. */
export async function caShow({ authority }: { readonly authority: string }, context: Context): Promise<void> {
  const { facts } = await loadAuthority(authority);
  print(context, facts, (value) => factsText(value, context.env.now()));
}

/** `nicd cert issue`. */
export async function certIssue(
  args: {
    readonly authority: string;
    readonly certificates: string;
    readonly node: string | undefined;
    readonly service: string | undefined;
    readonly days: number | undefined;
  },
  context: Context,
): Promise<void> {
  const { node, service } = args;
  if ((node === undefined) === (service === undefined)) {
    throw new MitsuError("say whom the certificate is for: --node or --service, one of them", {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "nicd cert issue --node node-a",
    });
  }
  const whom = node === undefined ? ({ kind: "service", name: service! } as const) : ({ kind: "node", name: node } as const);
  const report = await issueInto(args.certificates, await loadAuthority(args.authority), { ...whom, ...given(args.days) });
  print(context, report, (value) => `${reportText(value, context.env.now())}written to ${args.certificates}\n`);
}

/** `nicd cert show`; exit status 69 when it is over. */
export async function certShow({ certificates }: { readonly certificates: string }, context: Context): Promise<number> {
  const report = await showFolder(certificates);
  const nowMs = context.env.now();
  print(context, report, (value) => reportText(value, nowMs));
  return report.certificate.notAfterMs > nowMs ? exitStatus.ok : exitStatus.unavailable;
}

/** `nicd cert rotate`. */
export async function certRotate(
  { authority, certificates, days }: { readonly authority: string; readonly certificates: string; readonly days: number | undefined },
  context: Context,
): Promise<void> {
  const report = await rotateIn(certificates, await loadAuthority(authority), given(days));
  print(context, report, (value) => `${factsText(value.certificate, context.env.now())}a running nicd takes it over by itself\n`);
}

/** `nicd cert trust`. */
export async function certTrust(
  { file, certificates }: { readonly file: string; readonly certificates: string },
  context: Context,
): Promise<void> {
  const unfit = (why: string, cause?: unknown): MitsuError =>
    new MitsuError(`cannot trust ${file}: ${why}`, {
      code: "ERR_CERT_BAD",
      exit: exitStatus.data,
      hint: "name the other authority's ca.crt",
      cause,
    });
  const pem = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw unfit(cause.code === "ENOENT" ? "no such file" : cause.message, cause);
  });
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw unfit("there is no certificate in it");
  await trustIn(certificates, pem, context.env.now);
  print(context, await showFolder(certificates), (value) => reportText(value, context.env.now()));
}
