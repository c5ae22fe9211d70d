/** Envoy's attributes of an exchange, for `proxy_get_property`. Source: Envoy 1.40, "Attributes". @module */
import { booleanValue, integerValue, mapValue, textValue } from "@mitsu/proxy-wasm";
import type { Caller } from "../caller.ts";
import { formatSpiffeId } from "../certificates/spiffe-id.ts";
import { isLinkCaller } from "../link-caller.ts";
import type { LiveExchange } from "../live-exchange.ts";
import type { MessageHead } from "../message-head.ts";

/** Nanoseconds since 1970 at which the exchanges' clock was 0. */
const epochNs = BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n;

const at = (address: string, port: number): string => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");
const optional = (text: string | undefined): Uint8Array | undefined => (text === undefined ? undefined : latin1(text));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const withoutQuery = (path: string): string => path.split("?", 1)[0]!;

/** One field, or all as a map. */
function fieldsProperty(head: MessageHead, name: string | undefined): Uint8Array | undefined {
  if (name !== undefined) return optional(head.get(name.toLowerCase()));
  return mapValue([...head.entries()]);
}

function request(x: LiveExchange, name: string, field: string | undefined): Uint8Array | undefined {
  const head = x.request;
  switch (name) {
    case "path":
      return latin1(head.path);
    case "url_path":
      return latin1(withoutQuery(head.path));
    case "query": {
      const mark = head.path.indexOf("?");
      return latin1(mark < 0 ? "" : head.path.slice(mark + 1));
    }
    case "host":
      return latin1(head.authority);
    case "scheme":
      return textValue("http");
    case "method":
      return latin1(head.method);
    case "protocol":
      return textValue("HTTP/1.1");
    case "headers":
      if (field === ":path") return latin1(head.path);
      if (field === ":authority") return latin1(head.authority);
      if (field === ":method") return latin1(head.method);
      return fieldsProperty(head, field);
    case "referer":
      return optional(head.get("referer"));
    case "useragent":
      return optional(head.get("user-agent"));
    case "id":
      return optional(head.get("x-request-id")) ?? textValue(hexOf(x.traceId));
    case "time":
      return integerValue(epochNs + BigInt(Math.round(x.startNs)));
    case "size":
      return integerValue(Number(head.get("content-length") ?? 0));
    case "total_size":
      return integerValue(x.requestBytes);
    case "duration":
      return x.endNs === 0 ? undefined : integerValue(Math.round(x.endNs - x.startNs));
  }
  return undefined;
}

function response(x: LiveExchange, name: string, field: string | undefined): Uint8Array | undefined {
  const head = x.response;
  if (head === null) return undefined;
  switch (name) {
    case "code":
      return integerValue(head.status);
    case "code_details":
      return textValue(x.tries > 0 ? "via_upstream" : "direct_response");
    case "flags":
      return integerValue(0);
    case "grpc_status":
      return head.has("grpc-status") ? integerValue(Number(head.get("grpc-status"))) : undefined;
    case "headers":
      return field === ":status" ? textValue(String(head.status)) : fieldsProperty(head, field);
    case "size":
      return integerValue(Number(head.get("content-length") ?? 0));
    case "total_size":
      return integerValue(x.responseBytes);
    case "backend_latency":
      return x.firstNs === 0 ? undefined : integerValue(Math.round(x.firstNs - x.startNs));
  }
  return undefined;
}

/**
 * Of a connection's client, and the service that it asked for.
 *
 * @param trustDomain Of the SPIFFE ids: a caller that is known by its cgroup or by its node's word has the id that its certificate would show.
 */
export function connectionProperty(
  caller: Caller,
  service: string,
  port: number,
  trustDomain: string,
  path: readonly string[],
): Uint8Array | undefined {
  const [group, name] = path;
  switch (`${group}.${name}`) {
    case "source.address":
      return textValue(at(caller.address, caller.port));
    case "source.port":
      return integerValue(caller.port);
    case "source.workload":
    case "source.service":
      return textValue(caller.service);
    case "destination.address":
      return textValue(`${service}.mesh:${port}`);
    case "destination.port":
      return integerValue(port);
    case "destination.service":
      return textValue(service);
    case "connection.mtls":
      return booleanValue(isLinkCaller(caller) && caller.security === "mtls");
    case "connection.uri_san_peer_certificate":
      return textValue(
        caller.by === "nobody" || caller.service === "" ? "" : formatSpiffeId({ trustDomain, kind: "service", name: caller.service }),
      );
    case "connection.requested_server_name":
    case "connection.tls_version":
      return textValue("");
  }
  return undefined;
}

/** @returns Undefined for what the exchange does not have, or not yet. */
export function exchangeProperty(x: LiveExchange, trustDomain: string, path: readonly string[]): Uint8Array | undefined {
  const [group, name = "", field] = path;
  switch (group) {
    case "request":
      return request(x, name, field);
    case "response":
      return response(x, name, field);
    case "upstream":
      if (x.endpoint === null) return undefined;
      if (name === "address") return textValue(at(x.endpoint.address, x.endpoint.port));
      if (name === "port") return integerValue(x.endpoint.port);
      if (name === "request_attempt_count") return integerValue(x.tries);
      return undefined;
    case "connection_id":
      return integerValue(x.id);
    case "connection":
      if (name === "id") return integerValue(x.id);
      break;
    case "route_name":
      return textValue(x.route.name);
    case "cluster_name":
      return textValue(x.target);
    case "xds":
      if (name === "route_name") return textValue(x.route.name);
      if (name === "cluster_name") return textValue(x.target);
      return undefined;
  }
  return connectionProperty(x.caller, x.service, x.port, trustDomain, path);
}
