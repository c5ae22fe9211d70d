/** Attributes of a written request, as Envoy names them. @module */
import { booleanValue, type FieldMap, integerValue, mapValue, textValue } from "@mitsu/proxy-wasm";

/** What they are read from. */
export interface PropertySource {
  readonly request: FieldMap;
  readonly response: FieldMap | null;
  /** Bytes that have come in so far. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** When it began, in nanoseconds since 1970. */
  readonly startNs: bigint;
  /** `direct_response` and the like. */
  readonly details: string;
  /** As the test has them: `source.address` → its value. */
  readonly given: ReadonlyMap<string, Uint8Array>;
}

const text = (value: string | undefined): Uint8Array | undefined => (value === undefined ? undefined : textValue(value));
const url = (path: string | undefined): readonly [path: string, query: string] => {
  const at = path?.indexOf("?") ?? -1;
  return at < 0 ? [path ?? "", ""] : [path!.slice(0, at), path!.slice(at + 1)];
};

type Attribute = (source: PropertySource) => Uint8Array | undefined;

const attributes: Readonly<Record<string, Attribute>> = {
  "request.path": ({ request }) => text(request.get(":path")),
  "request.url_path": ({ request }) => text(url(request.get(":path"))[0]),
  "request.query": ({ request }) => text(url(request.get(":path"))[1]),
  "request.host": ({ request }) => text(request.get(":authority")),
  "request.scheme": ({ request }) => text(request.get(":scheme")),
  "request.method": ({ request }) => text(request.get(":method")),
  "request.referer": ({ request }) => text(request.get("referer")),
  "request.useragent": ({ request }) => text(request.get("user-agent")),
  "request.id": ({ request }) => text(request.get("x-request-id")),
  "request.protocol": () => textValue("HTTP/1.1"),
  "request.time": ({ startNs }) => integerValue(startNs),
  "request.size": ({ requestBytes }) => integerValue(requestBytes),
  "request.headers": ({ request }) => mapValue(request.pairs()),
  "response.code": ({ response }) => (response === null ? undefined : integerValue(Number(response.get(":status") ?? 0))),
  "response.code_details": ({ response, details }) => (response === null ? undefined : textValue(details)),
  "response.size": ({ response, responseBytes }) => (response === null ? undefined : integerValue(responseBytes)),
  "response.headers": ({ response }) => (response === null ? undefined : mapValue(response.pairs())),
  "source.address": () => textValue("192.0.2.1:40000"),
  "source.port": () => integerValue(40_000),
  "destination.address": () => textValue("192.0.2.2:80"),
  "destination.port": () => integerValue(80),
  "connection.id": () => integerValue(1),
  connection_id: () => integerValue(1),
  "connection.mtls": () => booleanValue(false),
  "upstream.address": () => textValue("192.0.2.3:8080"),
  "upstream.port": () => integerValue(8080),
};
const maps: Readonly<Record<string, (source: PropertySource) => FieldMap | null>> = {
  "request.headers": ({ request }) => request,
  "response.headers": ({ response }) => response,
};

/** The value of one, as the ABI has it; undefined for what a test does not have. */
export function propertyOf(path: readonly string[], source: PropertySource): Uint8Array | undefined {
  const name = path.join(".");
  const given = source.given.get(name);
  if (given !== undefined) return given;
  if (Object.hasOwn(attributes, name)) return attributes[name]!(source);
  const map = path.slice(0, 2).join(".");
  return path.length === 3 && Object.hasOwn(maps, map) ? text(maps[map]!(source)?.get(path[2]!.toLowerCase())) : undefined;
}
