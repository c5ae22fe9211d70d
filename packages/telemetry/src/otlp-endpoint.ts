/** Where spans go, as OpenTelemetry's environment variables say it. Source: OpenTelemetry Protocol Exporter specification. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** An address and the headers that it wants. */
export interface OtlpEndpoint {
  readonly url: URL;
  /** Lower-case name → value; values may be secret. */
  readonly headers: Readonly<Record<string, string>>;
}

const tracesPath = "/v1/traces";
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what a header's value must not have
const unprintable = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;

/**
 * Reads both variables.
 *
 * @param endpoint Base URL as in OTEL_EXPORTER_OTLP_ENDPOINT; `/v1/traces` is added to its path.
 * @param headers `key=value,…`, percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS.
 * @throws {MitsuError} ERR_OTLP_ENDPOINT for what is no such URL, ERR_OTLP_HEADERS for what is no such list; values are not shown.
 * @example
 * ```ts
 * otlpEndpoint("http://127.0.0.1:4318").url.href; // "http://127.0.0.1:4318/v1/traces"
 * ```
 */
export function otlpEndpoint(endpoint: string, headers = ""): OtlpEndpoint {
  const url = URL.parse(endpoint);
  if (!url?.host || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw wrong("it is not an http or https URL", "name the collector's OTLP/HTTP port: http://127.0.0.1:4318");
  }
  if (url.pathname.replace(/\/$/, "").endsWith(tracesPath)) {
    throw wrong(`${tracesPath} is added to it`, `name the base URL only: ${url.origin}${url.pathname.replace(/\/v1\/traces\/?$/, "")}`);
  }
  const own = url.username || url.password ? { authorization: basic(url) } : {};
  url.username = "";
  url.password = "";
  url.hash = "";
  url.pathname = url.pathname.replace(/\/$/, "") + tracesPath;
  return { url, headers: { ...own, ...parseHeaders(headers) } };

  function wrong(why: string, hint: string): MitsuError {
    // A URL may carry a password, and messages go to logs.
    const shown = endpoint.replace(/\/\/[^/@]*@/, "//…@");
    return new MitsuError(`cannot send spans to ${JSON.stringify(shown)}: ${why}`, {
      code: "ERR_OTLP_ENDPOINT",
      hint,
      exit: exitStatus.config,
    });
  }
}

function basic({ username, password }: URL): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`;
}

function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [index, part] of text.split(",").entries()) {
    if (part.trim() === "") continue;
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    const value = decoded(part.slice(equals + 1).trim());
    if (equals < 0 || !token.test(name) || value === undefined || unprintable.test(value)) {
      throw new MitsuError(`cannot read OTLP headers: entry ${index + 1} is not key=value`, {
        code: "ERR_OTLP_HEADERS",
        hint: "separate entries with commas and percent-encode values: api-key=abc,x-tenant=a%20b",
        exit: exitStatus.config,
      });
    }
    headers[name] = value;
  }
  return headers;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
