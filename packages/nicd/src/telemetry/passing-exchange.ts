/** A live exchange as telemetry wants to see it, each property made when it is read. @module */
import type { Exchange, ExchangeEnd, PassingExchange, Security } from "@mitsu/telemetry";
import { isLinkCaller } from "../link-caller.ts";
import { type Flag, flag, type LiveExchange } from "../live-exchange.ts";

/** With a good status, these say that the answer was cut off: nicd's own answers for the same reasons are errors. */
const cut: ReadonlySet<Flag> = new Set([
  flag.upstreamReset,
  flag.upstreamProtocolError,
  flag.upstreamTimeout,
  flag.downstreamGone,
  flag.downstreamProtocolError,
  flag.tooLarge,
]);

interface End {
  service: string;
  address: string;
  port: number;
  here: boolean;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
const isZero = (id: Uint8Array): boolean => (id[0]! | id[1]! | id[2]! | id[3]! | id[4]! | id[5]! | id[6]! | id[7]!) === 0;

/**
 * One serves a worker for all its exchanges: {@link show} makes it stand for the next, for metrics, which count both ends that are on this node;
 * {@link asSpan} then leaves one of them `here`, since a hop is one span, as Envoy's, and its id is the one that the next hop is told:
 *
 * - what a service of this node asks is its CLIENT span, wherever the replica is;
 * - what came over a link is the SERVER span of the service that is asked, below the CLIENT span of the other node;
 * - so is what came from outside the mesh, unless it goes on to another node, which tells the SERVER span.
 */
export class LivePassingExchange implements PassingExchange {
  readonly node: string;
  readonly #epochNs: bigint;
  readonly #epochMs: number;
  readonly #linkSecurity: () => Security;
  #x!: LiveExchange;
  readonly #client: End = { service: "", address: "", port: 0, here: false };
  readonly #server: End = { service: "", address: "", port: 0, here: true };
  readonly grpcStatus = undefined;
  readonly protocol = "http/1";

  /**
   * @param epochNs Nanoseconds since 1970 at which the exchanges' clock was 0.
   * @param linkSecurity Of the links that this node opens.
   */
  constructor(node: string, epochNs: bigint, linkSecurity: () => Security = () => "mutual_tls") {
    this.node = node;
    this.#epochNs = epochNs;
    this.#epochMs = Number(epochNs) / 1e6;
    this.#linkSecurity = linkSecurity;
  }

  /** It came from another node. */
  get arrived(): boolean {
    return isLinkCaller(this.#x.caller);
  }

  /** Stands for `x` until the next call. */
  show(x: LiveExchange): this {
    this.#x = x;
    const { caller, endpoint } = x;
    this.#client.service = caller.service;
    this.#client.address = caller.address;
    this.#client.port = caller.port;
    this.#client.here = !isLinkCaller(caller);
    this.#server.service = x.target === "" ? x.service : x.target;
    this.#server.address = endpoint?.address ?? "";
    this.#server.port = endpoint?.port ?? x.port;
    this.#server.here = endpoint?.here ?? true;
    return this;
  }

  /** From here to the next {@link show}, only the end whose span this hop is. */
  asSpan(): this {
    const isClient = this.#client.here && (this.#client.service !== "" || !this.#server.here);
    this.#client.here = isClient;
    this.#server.here = !isClient;
    return this;
  }

  get client(): ExchangeEnd {
    return this.#client;
  }
  get server(): ExchangeEnd {
    return this.#server;
  }
  get traceId(): string {
    return hexOf(this.#x.traceId);
  }
  get clientSpanId(): string {
    return hexOf(this.#x.spanId);
  }
  /** The hop's one span has one id, whichever kind it is. */
  get serverSpanId(): string {
    return hexOf(this.#x.spanId);
  }
  get parentSpanId(): string | undefined {
    return isZero(this.#x.parentSpanId) ? undefined : hexOf(this.#x.parentSpanId);
  }
  get startNs(): bigint {
    return this.#epochNs + BigInt(Math.round(this.#x.startNs));
  }
  get readNs(): bigint {
    return this.startNs;
  }
  get firstNs(): bigint | undefined {
    return this.#x.firstNs === 0 ? undefined : this.#epochNs + BigInt(Math.round(this.#x.firstNs));
  }
  get endNs(): bigint {
    return this.#epochNs + BigInt(Math.round(this.#x.endNs));
  }
  get endMs(): number {
    return this.#epochMs + this.#x.endNs / 1e6;
  }
  durationMs(): number {
    return (this.#x.endNs - this.#x.startNs) / 1e6;
  }
  get method(): string {
    return this.#x.request.method;
  }
  get target(): string {
    return this.#x.request.path;
  }
  get authority(): string {
    return this.#x.request.authority;
  }
  get status(): number {
    return this.#x.response?.status ?? 0;
  }
  get requestBytes(): number {
    return this.#x.requestBytes;
  }
  get answerBytes(): number {
    return this.#x.responseBytes;
  }
  get sampled(): boolean {
    return this.#x.sampled;
  }
  get continued(): boolean {
    return !isZero(this.#x.parentSpanId);
  }
  get link(): Exchange["link"] {
    return isZero(this.#x.parentSpanId) ? "none" : "header";
  }
  get injected(): boolean {
    const { tries, request, spanId } = this.#x;
    return tries > 0 && (request.get("traceparent")?.includes(hexOf(spanId)) ?? false);
  }
  get redirected(): boolean {
    return false; // sockhijack knows, of each of the two connections
  }
  get aborted(): boolean {
    const { response, flag: why } = this.#x;
    return response === null || (response.status < 400 && cut.has(why));
  }
  get flags(): string {
    return this.#x.flag;
  }
  get security(): Security {
    const { caller, endpoint } = this.#x;
    if (isLinkCaller(caller)) return caller.security === "mtls" ? "mutual_tls" : "none";
    return endpoint?.here === false ? this.#linkSecurity() : "none";
  }
  get tries(): number {
    return this.#x.tries;
  }
  get route(): string {
    return this.#x.route.name;
  }
  get traceFraction(): number {
    const id = this.#x.traceId;
    return ((id[12]! | (id[13]! << 8) | (id[14]! << 16) | (id[15]! << 24)) >>> 0) / 2 ** 32;
  }

  keep(): Exchange {
    const { node, grpcStatus, protocol, traceId, clientSpanId, serverSpanId, parentSpanId, startNs, readNs, firstNs, endNs } = this;
    const { method, target, authority, status, requestBytes, answerBytes, sampled, continued, link, injected, redirected, aborted } = this;
    const { flags, security, tries, route } = this;
    return {
      client: { ...this.#client },
      server: { ...this.#server },
      node,
      grpcStatus,
      protocol,
      traceId,
      clientSpanId,
      serverSpanId,
      parentSpanId,
      startNs,
      readNs,
      firstNs,
      endNs,
      method,
      target,
      authority,
      status,
      requestBytes,
      answerBytes,
      sampled,
      continued,
      link,
      injected,
      redirected,
      aborted,
      flags,
      security,
      tries,
      route,
    };
  }
}
