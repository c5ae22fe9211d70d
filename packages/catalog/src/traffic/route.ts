/** Routes: from entries of the file to the catalog's form, with what contradicts itself inside one route. @module */
import { parseByteSize } from "../byte-size.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import type { FieldPath, Finding } from "../problem.ts";
import type { PathRewrite, RequestMatch, Route, WeightedTarget } from "../traffic.ts";
import { matchAll } from "./default-traffic.ts";
import { normaliseFault } from "./fault.ts";
import { normaliseHeaderEdit } from "./header-edit.ts";
import { normaliseMatch, withoutTrailingSlash } from "./match.ts";
import { normaliseRateLimit } from "./rate-limit.ts";
import { normaliseRetries, type RetriesEntry } from "./retries.ts";
import type { PathRewriteEntry, RouteEntry } from "./route-entry.ts";

/** Fills a route's defaults in and appends what is wrong inside it to `findings`; `fallback` is the route behind all others, whose settings hold unless told. */
export function normaliseRoute(entry: RouteEntry, index: number, path: FieldPath, fallback: Route, findings: Finding[]): Route {
  const match = entry.match === undefined ? matchAll : normaliseMatch(entry.match, [...path, "match"], findings);
  const timeoutMs = entry.timeout === undefined ? fallback.timeoutMs : durationMs(entry.timeout);
  const headers = (side: "request" | "response") => normaliseHeaderEdit(entry.headers?.[side], [...path, "headers", side], findings);
  findings.push(
    ...answeredAndForwarded(entry, path),
    ...prefixWithoutPrefix(entry.redirect, match, [...path, "redirect"]),
    ...prefixWithoutPrefix(entry.rewrite, match, [...path, "rewrite"]),
    ...tryOutlivesRoute(entry.retries, timeoutMs, path),
  );
  return {
    name: entry.name ?? `routes[${index}]`,
    match,
    to: targets(entry.to, [...path, "to"], findings),
    redirect:
      entry.redirect === undefined
        ? null
        : {
            status: entry.redirect.status ?? 301,
            scheme: entry.redirect.scheme ?? null,
            host: entry.redirect.host?.toLowerCase() ?? null,
            port: entry.redirect.port ?? null,
            path: pathRewrite(entry.redirect),
          },
    respond: entry.respond === undefined ? null : { status: entry.respond.status, body: entry.respond.body ?? "" },
    mirror: entry.mirror === undefined ? null : { service: entry.mirror.service, share: entry.mirror.share ?? 1 },
    rewrite: { host: entry.rewrite?.host?.toLowerCase() ?? null, path: pathRewrite(entry.rewrite) },
    requestHeaders: headers("request"),
    responseHeaders: headers("response"),
    timeoutMs,
    retries: normaliseRetries(entry.retries, fallback.retries),
    fault: normaliseFault(entry.fault),
    rateLimit: normaliseRateLimit(entry["rate-limit"]),
    maxRequestBytes: parseByteSize(entry.limits?.request ?? 0)!,
    maxResponseBytes: parseByteSize(entry.limits?.response ?? 0)!,
    filters: entry.filters ?? [],
  };
}

/** Milliseconds of a field that the schema took: 0 or a duration. */
export function durationMs(field: string | 0): number {
  return field === 0 ? 0 : parseDuration(field)!;
}

function pathRewrite({ path, prefix }: PathRewriteEntry = {}): PathRewrite | null {
  if (path !== undefined) return { kind: "full", value: path };
  return prefix === undefined ? null : { kind: "prefix", value: withoutTrailingSlash(prefix) };
}

function targets(to: RouteEntry["to"], path: FieldPath, findings: Finding[]): WeightedTarget[] {
  if (to === undefined) return [];
  if (typeof to === "string") return [{ service: to, weight: 1 }];
  const list = to.map(({ service, weight = 1 }) => ({ service, weight }));
  for (const [index, { service }] of list.entries()) {
    const first = list.findIndex((target) => target.service === service);
    if (first !== index)
      findings.push({
        path: [...path, index, "service"],
        at: "value",
        message: `${JSON.stringify(service)} is already in to[${first}]; give it one weight`,
      });
  }
  if (list.every(({ weight }) => weight === 0))
    findings.push({ path, at: "value", message: "every weight is 0, so nobody would answer; give one of them more, or use respond" });
  return list;
}

/** A route that answers by itself asks nobody: what is about asking would be dropped without a word. */
function answeredAndForwarded(entry: RouteEntry, path: FieldPath): Finding[] {
  const finding = (field: keyof RouteEntry, message: string): Finding => ({ path: [...path, field], at: "key", message });
  if (entry.redirect && entry.respond) return [finding("respond", "the route has `redirect` already; keep one of them")];
  const answer = entry.redirect ? "redirect" : "respond";
  if (entry[answer] === undefined) return [];
  const unused = (["to", "mirror", "rewrite", "timeout", "retries"] as const).filter((field) => entry[field] !== undefined);
  const findings = unused.map((field) => finding(field, `asks no service, because of \`${answer}\`; keep one of them`));
  const nested = (field: "headers" | "limits", part: string): Finding => ({
    path: [...path, field, part],
    at: "key",
    message: `asks no service, because of \`${answer}\`; leave this out`,
  });
  if (entry.headers?.request !== undefined) findings.push(nested("headers", "request"));
  if (entry.limits?.response !== undefined) findings.push(nested("limits", "response"));
  return findings;
}

function prefixWithoutPrefix(entry: PathRewriteEntry | undefined, match: RequestMatch, path: FieldPath): Finding[] {
  if (entry?.prefix === undefined || match.path?.kind === "prefix") return [];
  const why = match.path === null ? "the route matches every path" : `the route matches a path by ${match.path.kind}`;
  return [
    { path: [...path, "prefix"], at: "key", message: `there is no prefix to replace, ${why}; give match.path a prefix, or use path` },
  ];
}

/** Finds a try that may last longer than the exchange it belongs to; `path` is where both fields stand. */
export function tryOutlivesRoute(retries: RetriesEntry | undefined, timeoutMs: number, path: FieldPath): Finding[] {
  const perTry = typeof retries === "object" ? retries["per-try-timeout"] : undefined;
  if (perTry === undefined || timeoutMs === 0 || durationMs(perTry) <= timeoutMs) return [];
  const message = `${perTry} for one try is longer than the ${formatDuration(timeoutMs)} of the whole exchange; shorten it, or raise timeout`;
  return [{ path: [...path, "retries", "per-try-timeout"], at: "value", message }];
}
