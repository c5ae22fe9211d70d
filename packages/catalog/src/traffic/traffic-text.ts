/** Writes routes, rules and clusters as short readable text in the file's words, for the differences of two catalogs. @module */
import { formatByteSize } from "../byte-size.ts";
import { formatDuration } from "../duration.ts";
import { show } from "../problem.ts";
import type {
  AuthorisationRule,
  ClusterPolicy,
  Fault,
  FieldMatch,
  HeaderEdit,
  PathRewrite,
  RequestMatch,
  RetryPolicy,
  Route,
  StickyKey,
  TextMatch,
  Traffic,
} from "../traffic.ts";

/** Readable text by field, in the file's spelling. */
export type TextFields = Record<string, string>;

/** A service's traffic without its routes. */
export function trafficFields({ nic, viaNic, withoutNic, protocol, cluster, authorisation, filters }: Traffic): TextFields {
  return {
    nic,
    "via nic": viaNic ? "yes" : "no",
    "without-nic": withoutNic,
    protocol,
    authorisation,
    filters: filters.join(" ") || "none",
    ...clusterFields(cluster),
  };
}

/** The part of `defaults` that is about requests. */
export function trafficDefaultFields({ withoutNic, authorisation, cluster, routes }: Traffic): TextFields {
  const { timeoutMs, retries } = routes.at(-1)!;
  return {
    "without-nic": withoutNic,
    authorisation,
    timeout: timeText(timeoutMs),
    retries: retriesText(retries),
    ...clusterFields(cluster),
  };
}

/** A route without its name. */
export function routeFields(route: Route): TextFields {
  const { redirect, respond, mirror, rewrite, rateLimit } = route;
  return {
    match: matchText(route.match),
    to: route.to.length === 0 ? "itself" : route.to.map(({ service, weight }) => `${service} ${weight}`).join(" "),
    redirect:
      redirect === null
        ? "none"
        : words(redirect.status, redirect.scheme, redirect.host, redirect.port && `port ${redirect.port}`, pathText(redirect.path)),
    respond: respond === null ? "none" : words(respond.status, respond.body && show(respond.body)),
    mirror: mirror === null ? "none" : `${mirror.service} ${mirror.share}`,
    rewrite: words(rewrite.host && `host ${rewrite.host}`, pathText(rewrite.path)),
    "headers.request": editText(route.requestHeaders),
    "headers.response": editText(route.responseHeaders),
    timeout: timeText(route.timeoutMs),
    retries: retriesText(route.retries),
    fault: faultText(route.fault),
    "rate-limit": rateLimit === null ? "none" : `${rateLimit.requests}/${formatDuration(rateLimit.perMs)} burst ${rateLimit.burst}`,
    "limits.request": sizeText(route.maxRequestBytes),
    "limits.response": sizeText(route.maxResponseBytes),
    filters: route.filters.join(" ") || "none",
  };
}

/** An authorisation rule without its name. */
export function ruleFields({ action, to, from, match, dryRun }: AuthorisationRule): TextFields {
  return { action, to: to.join(" "), from: from.join(" "), match: matchText(match), "dry-run": String(dryRun) };
}

function clusterFields({ outlier, ...cluster }: ClusterPolicy): TextFields {
  return {
    "cluster.selector": words(cluster.selector, ...Object.entries(cluster.selectorOptions).map((pair) => pair.join(" "))),
    "cluster.sticky": stickyText(cluster.stickyKey),
    "cluster.locality": cluster.locality,
    "cluster.slow-start": timeText(cluster.slowStartMs),
    "cluster.panic-threshold": String(cluster.panicThreshold),
    "cluster.connect-timeout": formatDuration(cluster.connectTimeoutMs),
    "cluster.idle-timeout": formatDuration(cluster.idleTimeoutMs),
    "cluster.max-connections": String(cluster.maxConnections),
    "cluster.max-pending": String(cluster.maxPending),
    "cluster.max-requests": String(cluster.maxRequests),
    "cluster.outlier.consecutive-errors": String(outlier.consecutiveErrors),
    "cluster.outlier.ejection": formatDuration(outlier.ejectionMs),
    "cluster.outlier.max-ejected": String(outlier.maxEjected),
  };
}

function stickyText(key: StickyKey | null): string {
  if (key === null) return "off";
  return key.by === "source" ? "source" : `${key.by} ${key.name}`;
}

function matchText({ hosts, path, methods, headers, query, ports }: RequestMatch): string {
  const list = (name: string, items: readonly (string | number)[]) => (items.length === 0 ? "" : `${name} ${items.join("|")}`);
  const fields = (name: string, matches: readonly FieldMatch[]) =>
    matches.map((field) => words(name, field.name, field.invert && "not", textMatchText(field.match))).join(" ");
  const text = [
    list("host", hosts),
    path === null ? "" : `path ${textMatchText(path)}`,
    list("method", methods),
    fields("header", headers),
    fields("query", query),
    list("port", ports),
  ];
  return text.filter(Boolean).join(" ") || "all";
}

function textMatchText(match: TextMatch): string {
  return match.kind === "present" ? "present" : `${match.kind} ${value(match.value)}`;
}

/** Quotes what could be taken for other words. */
function value(text: string): string {
  return /^[\w./:*-]+$/.test(text) ? text : show(text);
}

function pathText(path: PathRewrite | null): string | null {
  return path === null ? null : `${path.kind === "full" ? "path" : "prefix"} ${path.value}`;
}

function editText({ remove, set, add }: HeaderEdit): string {
  const pairs = (word: string, list: HeaderEdit["set"]) => list.map(([name, text]) => `${word} ${name} ${value(text)}`);
  return words(...remove.map((name) => `remove ${name}`), ...pairs("set", set), ...pairs("add", add));
}

function retriesText({ attempts, on, perTryTimeoutMs, backOffMs, budget, leastInFlight }: RetryPolicy): string {
  if (attempts === 0) return "none";
  return `${attempts} on ${on.join("|")} per-try-timeout ${timeText(perTryTimeoutMs)} back-off ${formatDuration(backOffMs)} budget ${budget} least-in-flight ${leastInFlight}`;
}

function faultText({ delay, abort }: Fault): string {
  return words(delay && `delay ${formatDuration(delay.ms)} share ${delay.share}`, abort && `abort ${abort.status} share ${abort.share}`);
}

function timeText(ms: number): string {
  return ms === 0 ? "none" : formatDuration(ms);
}

function sizeText(bytes: number): string {
  return bytes === 0 ? "none" : formatByteSize(bytes);
}

function words(...parts: readonly (string | number | false | null)[]): string {
  return parts.filter((part) => part !== null && part !== false && part !== "").join(" ") || "none";
}
