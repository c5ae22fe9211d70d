/** The kernel's span records as exchanges, read only as far as somebody looks. @module */
import { hostname } from "node:os";
import { type Exchange, type ExchangeEnd, fractionOf, type PassingExchange, type Protocol } from "@mitsu/telemetry";
import { ipText } from "../kernel/ip.ts";
import { birthKey, connectionFlag, exchangeFlag, exchangeRecord, lineBytes, spanRecord } from "../kernel/layout.ts";
import type { StreamNames } from "./stream-names.ts";

/** What records name by number, and what the kernel's clock does not know. */
export interface RecordNames {
  /** Name of a service's number; empty for 0. */
  readonly service: (id: number) => string;
  /** Added to CLOCK_MONOTONIC gives nanoseconds since 1970. */
  offsetNs: bigint;
  /** Name of this node; the host's unless given. */
  readonly node?: string;
}

const at = spanRecord.offsets;
const key = { client: at.key + birthKey.offsets.client, server: at.key + birthKey.offsets.server } as const;
const ports = { client: at.key + birthKey.offsets.client_port, server: at.key + birthKey.offsets.server_port } as const;
const x = Object.fromEntries(Object.entries(exchangeRecord.offsets).map(([name, offset]) => [name, at.exchange + offset])) as Readonly<
  Record<keyof typeof exchangeRecord.offsets, number>
>;
const words = 2 ** 32;

/** HTTP/1's method and target may be cut when they are so long together; the record keeps `lineBytes` of the request line. */
export const cutFrom: number = lineBytes - 6;

/**
 * Stands at one record after the other: what it says is true until it is moved on, and only what is asked for is decoded. At
 * 200 000 requests a second, objects and texts for each would cost a core.
 */
export class ExchangeReader implements PassingExchange {
  readonly #names: RecordNames;
  readonly #node: string;
  #view: DataView;
  #at: number;
  /** What HTTP/2's header blocks say, which the record has no room for. */
  #stream: StreamNames | undefined;
  readonly client: ExchangeEnd;
  readonly server: ExchangeEnd;

  constructor(names: RecordNames, view: DataView = new DataView(new ArrayBuffer(spanRecord.size)), offset = 0) {
    this.#names = names;
    this.#node = names.node ?? hostname();
    this.#view = view;
    this.#at = offset;
    this.client = new EndReader(this, "client");
    this.server = new EndReader(this, "server");
  }

  /** Moves on to the record at `offset` of `view`; HTTP/2's needs what its header blocks say. */
  read(view: DataView, offset: number, stream?: StreamNames): this {
    this.#view = view;
    this.#at = offset;
    this.#stream = stream;
    return this;
  }

  /** HTTP/2's stream; 0 is HTTP/1. */
  get stream(): number {
    return this.u32(at.stream);
  }
  /** The kernel's number of the connection, a socket cookie. */
  get connection(): number {
    return this.#number(at.connection);
  }

  get node(): string {
    return this.#node;
  }
  get traceId(): string {
    return this.#stream?.traceparent?.traceId ?? this.#hex(x.trace, 16);
  }
  /** The end of the trace's id as a number from 0 to 1; these bits are random in all versions of Trace Context. */
  get traceFraction(): number {
    const header = this.#stream?.traceparent;
    return header ? fractionOf(header.traceId) : this.u32(at.fraction) / words;
  }
  get clientSpanId(): string {
    return this.#hex(x.client_span, 8);
  }
  get serverSpanId(): string {
    return this.#hex(x.server_span, 8);
  }
  get parentSpanId(): string | undefined {
    const header = this.#stream?.traceparent;
    if (header) return header.parentId;
    return this.#isZero(x.parent) ? undefined : this.#hex(x.parent, 8);
  }
  get startNs(): bigint {
    return this.#time(at.start_ns)!;
  }
  get readNs(): bigint | undefined {
    return this.#time(at.read_ns);
  }
  get firstNs(): bigint | undefined {
    return this.#time(x.first_ns);
  }
  get endNs(): bigint {
    return this.#time(at.end_ns)!;
  }
  get endMs(): number {
    return (this.#number(at.end_ns) + Number(this.#names.offsetNs)) / 1e6;
  }
  durationMs(ofServer: boolean): number {
    const begin = ofServer && !this.#isZero(at.read_ns) ? at.read_ns : at.start_ns;
    return Math.max(0, (this.#number(at.end_ns) - this.#number(begin)) / 1e6);
  }
  get protocol(): Protocol {
    if (this.#stream?.isGrpc) return "grpc";
    return this.stream === 0 ? "http/1" : "http/2";
  }
  get method(): string {
    if (this.#stream) return this.#stream.method;
    return this.#text(x.line, this.#view.getUint8(this.#at + x.method));
  }
  get target(): string {
    if (this.#stream) return this.#stream.target;
    const begin = this.#view.getUint8(this.#at + x.method) + 1;
    const room = exchangeRecord.size - exchangeRecord.offsets.line;
    return this.#text(x.line + begin, Math.min(this.u32(x.target), room - begin));
  }
  get authority(): string {
    return this.#stream?.authority ?? "";
  }
  get grpcStatus(): number | undefined {
    return this.#stream?.grpcStatus;
  }
  get status(): number {
    if (this.#stream) return this.#stream.status;
    return this.#view.getUint16(this.#at + at.status, true);
  }
  get requestBytes(): number {
    return this.#number(at.request_bytes);
  }
  get answerBytes(): number {
    return this.#number(at.answer_bytes);
  }
  get sampled(): boolean {
    return this.#stream?.traceparent?.sampled ?? this.#has(exchangeFlag.sampled);
  }
  get continued(): boolean {
    return this.#stream?.traceparent !== undefined || this.#has(exchangeFlag.continued);
  }
  get link(): Exchange["link"] {
    if (this.continued) return "header";
    if (this.#has(exchangeFlag.carried)) return "side-band";
    if (this.#has(exchangeFlag.linked)) return "thread";
    return this.#has(exchangeFlag.ambiguous) ? "ambiguous" : "none";
  }
  get injected(): boolean {
    return this.#has(exchangeFlag.injected);
  }
  get redirected(): boolean {
    return this.#has(exchangeFlag.redirected);
  }
  get aborted(): boolean {
    return (this.#view.getUint16(this.#at + at.flags, true) & connectionFlag.spanAborted) !== 0;
  }

  /** Where the record ends in time, as the kernel's clock has it; two records of one ring rarely agree in it. */
  get endedAt(): number {
    return this.#number(at.end_ns);
  }

  /** The exchange as it is now, to be kept. */
  keep(): Exchange {
    const keepEnd = ({ service, address, port, here }: ExchangeEnd): ExchangeEnd => ({ service, address, port, here });
    return {
      client: keepEnd(this.client),
      server: keepEnd(this.server),
      node: this.node,
      traceId: this.traceId,
      clientSpanId: this.clientSpanId,
      serverSpanId: this.serverSpanId,
      parentSpanId: this.parentSpanId,
      startNs: this.startNs,
      readNs: this.readNs,
      firstNs: this.firstNs,
      endNs: this.endNs,
      protocol: this.protocol,
      method: this.method,
      target: this.target,
      authority: this.authority,
      status: this.status,
      grpcStatus: this.grpcStatus,
      requestBytes: this.requestBytes,
      answerBytes: this.answerBytes,
      sampled: this.sampled,
      continued: this.continued,
      link: this.link,
      injected: this.injected,
      redirected: this.redirected,
      aborted: this.aborted,
    };
  }

  /** @internal Of an end. */
  end(which: "client" | "server", what: "service" | "address" | "port" | "here"): string | number | boolean {
    switch (what) {
      case "service":
        return this.#names.service(this.u32(which === "client" ? at.from : at.to));
      case "address":
        return ipText(this.#bytes(key[which], 16));
      case "port":
        return this.#view.getUint16(this.#at + ports[which], false);
      case "here":
        return (
          (this.#view.getUint16(this.#at + at.flags, true) &
            (which === "client" ? connectionFlag.hereClient : connectionFlag.hereServer)) !==
          0
        );
    }
  }

  /** @internal A word of the record. */
  u32(offset: number): number {
    return this.#view.getUint32(this.#at + offset, true);
  }

  #has(flag: number): boolean {
    return (this.#view.getUint8(this.#at + at.exchange_flags) & flag) !== 0;
  }

  /** 64 bits; nanoseconds are exact up to 104 days of uptime, and then to some of them. */
  #number(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * words;
  }

  #isZero(offset: number): boolean {
    return (this.u32(offset) | this.u32(offset + 4)) === 0;
  }

  #time(offset: number): bigint | undefined {
    return this.#isZero(offset) ? undefined : this.#view.getBigUint64(this.#at + offset, true) + this.#names.offsetNs;
  }

  #bytes(offset: number, length: number): Buffer {
    return Buffer.from(this.#view.buffer, this.#view.byteOffset + this.#at + offset, length);
  }

  #hex(offset: number, length: number): string {
    return this.#bytes(offset, length).toString("hex");
  }

  #text(offset: number, length: number): string {
    return this.#bytes(offset, Math.max(0, length)).toString("latin1");
  }
}

class EndReader implements ExchangeEnd {
  readonly #exchange: ExchangeReader;
  readonly #which: "client" | "server";

  constructor(exchange: ExchangeReader, which: "client" | "server") {
    this.#exchange = exchange;
    this.#which = which;
  }

  get service(): string {
    return this.#exchange.end(this.#which, "service") as string;
  }
  get address(): string {
    return this.#exchange.end(this.#which, "address") as string;
  }
  get port(): number {
    return this.#exchange.end(this.#which, "port") as number;
  }
  get here(): boolean {
    return this.#exchange.end(this.#which, "here") as boolean;
  }
}
