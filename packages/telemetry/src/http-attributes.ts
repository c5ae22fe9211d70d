/** Attributes of HTTP spans. Source: OpenTelemetry semantic conventions 1.45, "HTTP spans" (stable). @module */
import type { Attributes } from "@opentelemetry/api";
import { type Exchange, isStatusLost } from "./exchange.ts";
import { parseTarget, type RequestTarget } from "./request-target.ts";
import { redactedQuery } from "./url-redaction.ts";

/** Schema that the names below are taken from. */
export const schemaUrl = "https://opentelemetry.io/schemas/1.45.0";

/** Methods that are told by name; another is `_OTHER`. RFC 9110, PATCH (RFC 5789) and QUERY. */
export const knownMethods: readonly string[] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/** The one value of `error.type` that is no status code: the connection ended before the answer had. */
export const abortedError = "aborted";

/**
 * Why the exchange failed as seen from one end, a value for `error.type`; undefined when it did not. A client's mistake (4xx) is an
 * error of the client only.
 */
export function errorType(exchange: Exchange, end: "client" | "server"): string | undefined {
  if (exchange.status >= (end === "client" ? 400 : 500)) return String(exchange.status);
  return exchange.aborted || (exchange.status === 0 && !isStatusLost(exchange)) ? abortedError : undefined;
}

/** Adds what both ends' spans have; sizes are bytes with heads. */
export function addCommonAttributes(attributes: Attributes, exchange: Exchange, isKnown: (method: string) => boolean): void {
  const { method, status } = exchange;
  const known = isKnown(method);
  attributes["http.request.method"] = known ? method : "_OTHER";
  if (!known && method !== "") attributes["http.request.method_original"] = method;
  if (status > 0) attributes["http.response.status_code"] = status;
  if (status > 0 || isStatusLost(exchange)) attributes["http.response.size"] = exchange.answerBytes;
  attributes["http.request.size"] = exchange.requestBytes;
}

/** Adds what a CLIENT span has. HTTP/1's Host header is not known to us, so a service is then called by its name. */
export function addClientAttributes(attributes: Attributes, { method, target, authority, server }: Exchange, route: string): void {
  attributes["url.template"] = route;
  if (target === "") return;
  const parts = parseTarget(method, target);
  const port = server.port === 80 ? "" : `:${server.port}`;
  attributes["url.full"] = fullUrl(parts, authority || `${bracketed(server.service || server.address)}${port}`);
}

/** Adds what a SERVER span has. */
export function addServerAttributes(attributes: Attributes, { method, target }: Exchange, route: string): void {
  attributes["http.route"] = route;
  if (target === "") return;
  const { path, query, scheme } = parseTarget(method, target);
  attributes["url.scheme"] = scheme;
  attributes["url.path"] = path;
  if (query) attributes["url.query"] = redactedQuery(query);
}

function fullUrl({ scheme, authority, path, query, credentials }: RequestTarget, host: string): string {
  const shown = path === "*" ? "" : path;
  const secret = credentials ? "REDACTED:REDACTED@" : "";
  return `${scheme}://${secret}${authority ?? host}${shown}${query ? `?${redactedQuery(query)}` : ""}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
