/**
 * The bytes of one connection on their way through filters in WebAssembly, both ways: what a filter stops gathers, and it sees all of it the next time.
 *
 * @module
 */
import {
  type Action,
  action,
  type BufferType,
  type ByteBuffer,
  ByteList,
  bufferType,
  FilterTrap,
  type StreamHost,
  type StreamType,
  streamType,
  type TcpContext,
} from "@mitsu/proxy-wasm";
import type { Entry } from "../proxy/entry.ts";
import type { FilterMachine, MachineStream } from "./filter-machine.ts";
import { getProperty, setProperty } from "./set-properties.ts";
import { connectionProperty } from "./stream-properties.ts";
import type { WasmFilter } from "./wasm-filter.ts";

/** Where the bytes go, and who can end the connection. */
export interface TcpFiltersOwner {
  /** @param last The sender sends no more. */
  toReplica(bytes: Buffer, last: boolean): void;
  toClient(bytes: Buffer, last: boolean): void;
  /** A filter wants it closed, or has failed. */
  close(): void;
}

type Way = "downstream" | "upstream";
type Send = (bytes: Buffer, last: boolean) => void;

const nothing = Buffer.alloc(0);

/** One filter's part. */
class TcpPart implements StreamHost, MachineStream {
  place = -1;
  readonly #machine: FilterMachine;
  /** Null until the connection begins: the guest may fail in its creation already. */
  #context: TcpContext | null = null;
  readonly #filters: TcpFilters;
  readonly #most: number;
  readonly #ways: Record<Way, { held: ByteList; last: boolean; stopped: boolean; calling: boolean; resumed: boolean; next: Send }>;
  #passes = false;
  #ended = false;

  constructor(machine: FilterMachine, filters: TcpFilters, toReplica: Send, toClient: Send) {
    const way = (next: Send) => ({ held: new ByteList(nothing), last: false, stopped: false, calling: false, resumed: false, next });
    this.#machine = machine;
    this.#filters = filters;
    this.#most = machine.spec.limits.bodyBytes;
    this.#ways = { downstream: way(toReplica), upstream: way(toClient) };
    machine.began(this);
  }

  begin(): void {
    const way = this.#ways.downstream;
    way.calling = true;
    way.stopped =
      this.#ask(() => {
        this.#context = this.#machine.plugin.openTcp(this);
        return this.#context.newConnection();
      }) && !way.resumed;
    way.calling = false;
  }

  data(name: Way, bytes: Buffer, last: boolean): void {
    const way = this.#ways[name];
    if (this.#ended) return;
    way.last ||= last;
    if (this.#passes) {
      this.#release(name);
      way.next(bytes, last);
      return;
    }
    way.held = new ByteList(way.held.length === 0 ? bytes : Buffer.concat([way.held.bytes, bytes]));
    way.calling = true;
    way.resumed = false;
    const size = way.held.length;
    const stops = this.#ask(() =>
      name === "downstream" ? this.#context!.downstreamData(size, way.last) : this.#context!.upstreamData(size, way.last),
    );
    way.calling = false;
    if (this.#ended) return;
    way.stopped = stops && !way.resumed;
    if (!way.stopped) this.#release(name);
    else if (way.held.length > this.#most) this.#filters.close();
    else way.held = new ByteList(Buffer.from(way.held.bytes)); // the piece is valid during the call only
  }

  closed(name: Way, byPeer: boolean): void {
    this.#ask(() => {
      if (name === "downstream") this.#context?.downstreamClose(byPeer);
      else this.#context?.upstreamClose(byPeer);
      return action.continue;
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#context?.end();
    } catch (error) {
      if (!(error instanceof FilterTrap)) throw error;
    }
    this.#machine.ended(this, 0);
  }

  /** @returns Whether the guest stops. */
  #ask(callback: () => Action): boolean {
    if (this.#ended || this.#passes) return false;
    try {
      return callback() !== action.continue;
    } catch (error) {
      if (!(error instanceof FilterTrap)) throw error;
      this.onTrap();
      return false;
    }
  }

  #release(name: Way): void {
    const way = this.#ways[name];
    way.stopped = false;
    const bytes = way.held.bytes;
    way.held = new ByteList(nothing);
    if (bytes.length > 0 || way.last) way.next(Buffer.from(bytes), way.last);
  }

  onTrap(): void {
    if (this.#ended || this.#passes) return;
    if (this.#machine.onFailure === "closed") {
      this.#filters.close();
      return;
    }
    this.#passes = true;
    for (const name of ["downstream", "upstream"] as const) if (this.#ways[name].stopped && !this.#ways[name].calling) this.#release(name);
  }

  fields(): null {
    return null;
  }

  buffer(type: BufferType): ByteBuffer | null {
    const way = type === bufferType.downstreamData ? this.#ways.downstream : type === bufferType.upstreamData ? this.#ways.upstream : null;
    return way?.calling ? way.held : null;
  }

  property(path: readonly string[]): Uint8Array | undefined {
    const { caller, service, port } = this.#filters.entry;
    return connectionProperty(caller, service, port, this.#machine.trustDomain, path) ?? getProperty(this.#filters, path);
  }

  setProperty(path: readonly string[], value: Uint8Array): boolean {
    return setProperty(this.#filters, path, value);
  }

  respond(): boolean {
    return false;
  }

  resume(stream: StreamType): void {
    const name = stream === streamType.downstream ? "downstream" : stream === streamType.upstream ? "upstream" : null;
    if (name === null || this.#ended) return;
    const way = this.#ways[name];
    if (way.calling) way.resumed = true;
    else if (way.stopped) this.#release(name);
  }

  close(): void {
    if (!this.#ended) this.#filters.close();
  }
}

/** See the module. */
export class TcpFilters {
  readonly entry: Entry;
  readonly #owner: TcpFiltersOwner;
  readonly #parts: TcpPart[] = [];
  #over = false;
  /** It is about to be over: nothing goes on. */
  #closing = false;

  /** @returns Null when none of the filters looks at bytes; "refused" when one that does is not there, and may not be passed by. */
  static of(filters: readonly WasmFilter[], entry: Entry, owner: TcpFiltersOwner): TcpFilters | "refused" | null {
    const machines: FilterMachine[] = [];
    for (const { slot } of filters) {
      const machine = slot.pick();
      if (machine === null) {
        slot.failures++;
        if (slot.version.spec.onFailure === "closed" && slot.looksAtBytes) return "refused";
      } else if (machine.plugin.callbacks.tcp) machines.push(machine);
    }
    return machines.length === 0 ? null : new TcpFilters(machines, entry, owner);
  }

  private constructor(machines: readonly FilterMachine[], entry: Entry, owner: TcpFiltersOwner) {
    this.entry = entry;
    this.#owner = owner;
    // To the replica in their order, back in the opposite one.
    for (const [index, machine] of machines.entries())
      this.#parts.push(
        new TcpPart(
          machine,
          this,
          (bytes, last) => this.#pass("downstream", index + 1, bytes, last),
          (bytes, last) => this.#pass("upstream", index - 1, bytes, last),
        ),
      );
  }

  begin(): void {
    for (const part of this.#parts) if (!this.#over) part.begin();
  }

  fromClient(bytes: Buffer, last: boolean): void {
    this.#pass("downstream", 0, bytes, last);
  }

  fromReplica(bytes: Buffer, last: boolean): void {
    this.#pass("upstream", this.#parts.length - 1, bytes, last);
  }

  /** The connection is over. @param byClient The client has ended it. */
  end(byClient: boolean): void {
    if (this.#over) return;
    this.#over = true;
    for (const part of this.#parts) {
      part.closed("upstream", !byClient);
      part.closed("downstream", byClient);
      part.end();
    }
  }

  /** A filter wants that. */
  close(): void {
    if (this.#over || this.#closing) return;
    this.#closing = true;
    this.#owner.close();
  }

  #pass(way: Way, index: number, bytes: Buffer, last: boolean): void {
    if (this.#over || this.#closing) return;
    const part = this.#parts[index];
    if (part !== undefined) part.data(way, bytes, last);
    else if (way === "downstream") this.#owner.toReplica(bytes, last);
    else this.#owner.toClient(bytes, last);
  }
}
