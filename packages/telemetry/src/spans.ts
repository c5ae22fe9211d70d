/** From exchanges to OpenTelemetry's spans: one for each end that is ours to tell. @module */
import type { Attributes, HrTime, SpanContext } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { addEndpointAttributes, addProtocolAttributes } from "./endpoint-attributes.ts";
import type { Exchange } from "./exchange.ts";
import { addGrpcAttributes, grpcErrorType, grpcSpanName } from "./grpc-attributes.ts";
import {
  abortedError,
  addClientAttributes,
  addCommonAttributes,
  addServerAttributes,
  errorType,
  knownMethods,
  schemaUrl,
} from "./http-attributes.ts";
import { RouteNames } from "./route.ts";

/** The values of `SpanKind` and `SpanStatusCode` in @opentelemetry/api, which is not loaded for two numbers each. */
const spanKind = { server: 1, client: 2 } as const;
const statusCode = { unset: 0, error: 2 } as const;
const sampledFlag = 1;
/** Resources kept; each is a service's instance. They are made anew past that. */
const maxResources = 4096;

/** What spans are made with. */
export interface SpanMakerOptions {
  /** Makes a resource: `resourceFromAttributes` of @opentelemetry/resources. */
  readonly resource: (attributes: Attributes) => Resource;
  /** Who tells: `sockhijack` has the scope `mitsu.sockhijack`. */
  readonly daemon: string;
  /** Version of the daemon, told with the spans. */
  readonly version?: string;
  readonly routes?: RouteNames;
  /** Methods that are told by name; RFC 9110's, PATCH and QUERY unless given. `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` */
  readonly methods?: readonly string[];
}

/**
 * Makes spans. Those of one service's instance share a resource, and all share a scope, so that an export groups them.
 *
 * @example
 * ```ts
 * const maker = new SpanMaker({ resource: resourceFromAttributes, daemon: "sockhijack" });
 * const spans = maker.spans(exchange);
 * ```
 */
export class SpanMaker {
  readonly #resource: (attributes: Attributes) => Resource;
  readonly #scope: ReadableSpan["instrumentationScope"];
  readonly #routes: RouteNames;
  readonly #methods: ReadonlySet<string>;
  readonly #resources = new Map<string, Resource>();

  constructor({ resource, daemon, version, routes = new RouteNames(), methods = knownMethods }: SpanMakerOptions) {
    this.#resource = resource;
    this.#scope = { name: `mitsu.${daemon}`, schemaUrl, ...(version === undefined ? {} : { version }) };
    this.#routes = routes;
    this.#methods = new Set(methods);
  }

  /** The CLIENT span if the client is here, then the SERVER span if the server is here; nothing unless sampled. */
  spans(exchange: Exchange): ReadableSpan[] {
    if (!exchange.sampled) return [];
    const { client, server, node } = exchange;
    const route = this.#routes.of(server.service || server.address, exchange);
    const spans: ReadableSpan[] = [];
    if (client.here) {
      // A client's port is another one for each connection, so its address alone names the instance.
      spans.push(this.#span(exchange, "client", route, this.#resourceOf(client.service, client.address, node)));
    }
    if (server.here) spans.push(this.#span(exchange, "server", route, this.#resourceOf(server.service, endpoint(server), node)));
    return spans;
  }

  #span(exchange: Exchange, end: "client" | "server", route: string, resource: Resource): ReadableSpan {
    const isClient = end === "client";
    const { name, attributes, error } = exchange.protocol === "grpc" ? asCall(exchange, end, route) : this.#asHttp(exchange, end, route);
    addProtocolAttributes(attributes, exchange);
    addEndpointAttributes(attributes, exchange, end);
    const { startNs, firstNs, endNs } = isClient ? exchange : asServed(exchange);
    if (firstNs !== undefined) attributes["mitsu.time_to_first_byte_ms"] = Number(firstNs - startNs) / 1e6;
    if (error !== undefined) attributes["error.type"] = error;
    const context = contextOf(exchange.traceId, isClient ? exchange.clientSpanId : exchange.serverSpanId, false);
    // The client's span is our service's own; what the server's hangs on came to it over the network.
    const parentId = !isClient && exchange.client.here ? exchange.clientSpanId : exchange.parentSpanId;
    const parent = parentId === undefined ? undefined : contextOf(exchange.traceId, parentId, !isClient);
    return {
      name,
      kind: isClient ? spanKind.client : spanKind.server,
      spanContext: () => context,
      ...(parent ? { parentSpanContext: parent } : {}),
      startTime: hrTime(startNs),
      endTime: hrTime(endNs),
      duration: hrTime(endNs - startNs),
      status: statusOf(error),
      attributes,
      links: [],
      events: [],
      ended: true,
      resource,
      instrumentationScope: this.#scope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }

  #asHttp(exchange: Exchange, end: "client" | "server", route: string): Described {
    const isKnown = (method: string): boolean => this.#methods.has(method);
    const attributes: Attributes = {};
    addCommonAttributes(attributes, exchange, isKnown);
    if (end === "client") addClientAttributes(attributes, exchange, route);
    else addServerAttributes(attributes, exchange, route);
    return { name: `${isKnown(exchange.method) ? exchange.method : "HTTP"} ${route}`, attributes, error: errorType(exchange, end) };
  }

  #resourceOf(service: string, instance: string, node: string): Resource {
    const key = `${service} ${instance} ${node}`;
    const known = this.#resources.get(key);
    if (known) return known;
    if (this.#resources.size >= maxResources) this.#resources.clear();
    const made = this.#resource({ "service.name": service || "unknown_service", "service.instance.id": instance, "host.name": node });
    this.#resources.set(key, made);
    return made;
  }
}

/** What differs by protocol. */
interface Described {
  readonly name: string;
  readonly attributes: Attributes;
  /** A value for `error.type`. */
  readonly error: string | undefined;
}

function asCall(exchange: Exchange, end: "client" | "server", route: string): Described {
  const attributes: Attributes = {};
  addGrpcAttributes(attributes, exchange, route);
  return { name: grpcSpanName(exchange, route), attributes, error: grpcErrorType(exchange, end) };
}

function contextOf(traceId: string, spanId: string, isRemote: boolean): SpanContext {
  return { traceId, spanId, traceFlags: sampledFlag, isRemote };
}

/** A status code says it all; only a broken connection needs words. */
function statusOf(error: string | undefined): ReadableSpan["status"] {
  if (error === undefined) return { code: statusCode.unset };
  return error === abortedError
    ? { code: statusCode.error, message: "the connection ended before the answer had" }
    : { code: statusCode.error };
}

function endpoint({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The server's span begins when its program reads, unless it answers before it does. */
function asServed({ startNs, readNs, firstNs, endNs }: Exchange): Pick<Exchange, "startNs" | "firstNs" | "endNs"> {
  const early = readNs === undefined || readNs > (firstNs ?? endNs);
  return { startNs: early ? startNs : readNs, firstNs, endNs };
}

/** Seconds and nanoseconds. */
function hrTime(ns: bigint): HrTime {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}
