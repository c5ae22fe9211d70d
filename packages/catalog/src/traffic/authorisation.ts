/** `authorisation`: rules on who may ask what, as written and as parsed, with references to what there is not. @module */
import { z } from "zod";
import type { Service } from "../catalog.ts";
import { name, oneOf, parties, wrong } from "../fields.ts";
import type { MeshEntries } from "../mesh-entries.ts";
import { portMapping } from "../ports.ts";
import { type FieldPath, type Finding, formatPath } from "../problem.ts";
import type { AuthorisationRule, PolicyActionOfRequests } from "../traffic.ts";
import { unknownName } from "../unknown-name.ts";
import { covers } from "./covers.ts";
import { matchAll } from "./default-traffic.ts";
import { normaliseMatch, type RequestMatchEntry, requestMatchEntry } from "./match.ts";

/** A rule as written. */
export interface AuthorisationEntry {
  name?: string | undefined;
  action: PolicyActionOfRequests;
  to: string | string[];
  from: string | string[];
  match?: RequestMatchEntry | undefined;
  "dry-run"?: boolean | undefined;
}

/** Schema of one entry of `authorisation`. */
export const authorisationEntry: z.ZodType<AuthorisationEntry> = z.strictObject({
  name: name.describe("Shown in logs and metrics; the rule's place in the list unless told.").optional(),
  action: oneOf("allow", "deny").describe("What happens to a request that matches."),
  to: parties.describe('Services that are asked, or "*" for all.'),
  from: parties.describe('Services that ask, or "*" for every program.'),
  match: requestMatchEntry.describe("Which requests it is about; all unless told.").optional(),
  "dry-run": z
    .boolean(wrong("true or false", "use true to only count and log"))
    .describe("Only counts and logs what it would do; false unless told.")
    .optional(),
});

/** Fills the rules' defaults in and appends what is wrong with them to `findings`. */
export function normaliseAuthorisation(mesh: MeshEntries, findings: Finding[]): AuthorisationRule[] {
  const rules: AuthorisationRule[] = [];
  const paths: FieldPath[] = [];
  for (const [index, entry] of mesh.authorisation) {
    const path = ["authorisation", index];
    const rule: AuthorisationRule = {
      name: entry.name ?? formatPath(path),
      action: entry.action,
      to: [entry.to].flat(),
      from: [entry.from].flat(),
      match: entry.match === undefined ? matchAll : normaliseMatch(entry.match, [...path, "match"], findings),
      dryRun: entry["dry-run"] ?? false,
    };
    const first = rules.findIndex((other) => other.name === rule.name);
    if (first >= 0)
      findings.push({
        path: [...path, "name"],
        at: "value",
        message: `${JSON.stringify(rule.name)} is already the name of ${formatPath(paths[first]!)}; give each its own`,
      });
    findings.push(...unknownServices(mesh, path, entry), ...unservedPorts(mesh, path, entry), ...aboutBytes(mesh, path, entry));
    rules.push(rule);
    paths.push(path);
  }
  for (const [index, rule] of rules.entries()) findings.push(...neverDecides(rules, rule, paths[index]!));
  return rules;
}

/** Requests to these services are let through unchecked while nicd is away, and nobody said that this is meant. */
export function uncheckedWithoutNic(mesh: MeshEntries, services: readonly Pick<Service, "name" | "traffic">[]): Finding[] {
  if (mesh.defaults["without-nic"] !== undefined) return [];
  const open = services
    .filter(({ name, traffic }) => traffic.viaNic && guard(mesh, name, traffic.authorisation) !== undefined)
    .map(({ name }) => name)
    .filter((name) => mesh.services.get(name)?.["without-nic"] === undefined);
  if (open.length === 0) return [];
  const path =
    mesh.authorisation.size > 0
      ? ["authorisation"]
      : mesh.defaults.authorisation === "deny"
        ? ["defaults", "authorisation"]
        : ["services", open[0]!, "authorisation"];
  const shown = `${open.slice(0, 10).join(", ")}${open.length > 10 ? ", …" : ""}`;
  const message = `requests to ${shown} are not checked while nicd is away; say \`without-nic: refuse\` there or in defaults, or \`direct\` if that is meant`;
  return [{ path, at: "key", message, warning: true }];
}

/** Why requests of a service have to be checked; undefined when they have not. */
export function guard(mesh: MeshEntries, service: string, otherwise: PolicyActionOfRequests): string | undefined {
  for (const [index, { to }] of mesh.authorisation)
    if ([to].flat().some((server) => server === "*" || server === service)) return `authorisation[${index}] is about this service`;
  return otherwise === "deny" ? "its authorisation is deny" : undefined;
}

function unknownServices(mesh: MeshEntries, path: FieldPath, entry: AuthorisationEntry): Finding[] {
  return (["from", "to"] as const).flatMap((side) =>
    [entry[side]].flat().flatMap((service, place): Finding[] => {
      if (service === "*" || mesh.serviceNames.has(service)) return [];
      const at = Array.isArray(entry[side]) ? [...path, side, place] : [...path, side];
      return [{ path: at, at: "value", message: unknownName("service", service, mesh.serviceNames) }];
    }),
  );
}

/** A port that none of the named servers has would never match. */
function unservedPorts(mesh: MeshEntries, path: FieldPath, entry: AuthorisationEntry): Finding[] {
  const servers = [entry.to].flat().map((service) => (mesh.services.get(service)?.ports ?? []).map(portMapping));
  if (servers.some((ports) => ports.length === 0)) return [];
  const served = new Set(servers.flat().flatMap(({ port, protocol }) => (protocol === "tcp" ? port : [])));
  const given = entry.match?.port ?? [];
  return [given].flat().flatMap((port, place): Finding[] => {
    if (served.has(port)) return [];
    const at = [...path, "match", "port", ...(Array.isArray(given) ? [place] : [])];
    const there = served.size === 0 ? "they have none" : `there are ${[...served].join(", ")}`;
    return [{ path: at, at: "value", message: `no service in \`to\` has TCP port ${port}; ${there}` }];
  });
}

/** Where bytes are not taken for HTTP nothing but who asks, and at which port, can match. */
function aboutBytes(mesh: MeshEntries, path: FieldPath, { to, match }: AuthorisationEntry): Finding[] {
  const servers = [to].flat().map((service) => mesh.services.get(service));
  if (!servers.every((service) => service?.protocol === "tcp")) return [];
  const fields = (["host", "path", "method", "header", "query"] as const).filter((field) => match?.[field] !== undefined);
  return fields.map((field) => ({
    path: [...path, "match", field],
    at: "key",
    message: "never matches, because protocol is tcp for every service in `to`; match by `from` and `port`, or set protocol: http",
  }));
}

/** A rule all of whose requests another one decides before it. */
function neverDecides(rules: readonly AuthorisationRule[], rule: AuthorisationRule, path: FieldPath): Finding[] {
  const before = rules.find(
    (other) =>
      other !== rule &&
      !other.dryRun &&
      other.action === "deny" &&
      rule.action === "allow" &&
      partiesCover(other.to, rule.to) &&
      partiesCover(other.from, rule.from) &&
      covers(other.match, rule.match),
  );
  if (before === undefined) return [];
  const message = `never decides: ${JSON.stringify(before.name)} denies all of it, and deny rules come first; remove it or narrow the other`;
  return [{ path, at: "value", message, warning: true }];
}

function partiesCover(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.includes("*") || inner.every((service) => outer.includes(service));
}
