/** A live exchange as telemetry wants to see it, each property made when it is read. @module */
import type { Exchange, ExchangeEnd, PassingExchange, Security } from "@mitsu/telemetry";
import type { LiveExchange } from "../live-exchange.ts";

interface End {
  service: string;
  address: string;
  port: number;
  here: boolean;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/**
 * One serves a worker for all its exchanges: {@link show} makes it stand for the next. nicd's span is a client's span where it sends a request on
 * and the only one where it answers itself; the span of the server's own end is told by who is there.
 */
export class LivePassingExchange implements PassingExchange {
  readonly node: string;
  readonly #epochNs: bigint;
  #x!: LiveExchange;
  readonly #client: End = { service: "", address: "", port: 0, here: false };
  readonly #server: End = { service: "", address: "", port: 0, here: true };
  readonly grpcStatus = undefined;
  readonly protocol = "http/1";

  /** @param epochNs Nanoseconds since 1970 at which the exchanges' clock was 0. */
  constructor(node: string, epochNs: bigint) {
    this.node = node;
    this.#epochNs = epochNs;
  }

  /** Stands for `x` until the next call. */
  show(x: LiveExchange): this {
    this.#x = x;
    const { caller, endpoint } = x;
    this.#client.service = caller.service;
    this.#client.address = caller.address;
    this.#client.port = caller.port;
    this.#client.here = caller.by !== "link";
    this.#server.service = x.target === "" ? x.service : x.target;
    this.#server.address = endpoint?.address ?? "";
    this.#server.port = endpoint?.port ?? x.port;
    this.#server.here = endpoint?.here ?? true;
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
  /** The caller's own span ends at its program: nicd's is the one below it. */
  get clientSpanId(): string {
    return hexOf(this.#x.spanId);
  }
  /** As sockhijack's: derived, so that a node that only sees one end names it alike. */
  get serverSpanId(): string {
    const bytes = Buffer.from(this.#x.spanId);
    bytes[0]! ^= 0x80;
    return bytes.toString("hex");
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
    return this.#x.tries > 0;
  }
  get redirected(): boolean {
    return false; // sockhijack knows, of each of the two connections
  }
  get aborted(): boolean {
    return this.#x.response === null || this.#x.endNs === 0;
  }
  get flags(): string {
    return this.#x.flag;
  }
  get security(): Security {
    return this.#x.caller.by === "link" || this.#x.endpoint?.here === false ? "mutual_tls" : "none";
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
