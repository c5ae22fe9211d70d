/** One TCP connection through a filter, without a network. @module */
import {
  action,
  type BufferType,
  type ByteBuffer,
  ByteList,
  bufferType,
  FilterTrap,
  type Plugin,
  type StreamHost,
  type StreamType,
  streamType,
  type TcpContext,
  type TrapReport,
} from "@mitsu/proxy-wasm";
import type { LocalHost } from "./local-host.ts";

/** What one side sends, or that it closes. */
export interface TcpStep {
  readonly from: "client" | "server";
  /** Null: it closes. */
  readonly bytes: Uint8Array | null;
}

/** A connection; the client closes it in the end if nobody did. */
export interface TcpCase {
  readonly steps: readonly TcpStep[];
  readonly properties: ReadonlyMap<string, Uint8Array>;
}

/** What came of it. */
export interface TcpOutcome {
  readonly toServer: Uint8Array;
  readonly toClient: Uint8Array;
  /** The filter closed it. */
  readonly closed: boolean;
  readonly held: "client" | "server" | null;
  readonly trap: TrapReport | null;
}

const patienceMs = 60_000;

/** Bytes of one direction. */
class Flow {
  buffer: ByteList = new ByteList(new Uint8Array(0));
  readonly passed: Uint8Array[] = [];
  stopped = false;

  pass(): void {
    this.stopped = false;
    if (this.buffer.length > 0) this.passed.push(this.buffer.bytes);
    this.buffer = new ByteList(new Uint8Array(0));
  }
}

class Connection implements StreamHost {
  readonly client = new Flow();
  readonly server = new Flow();
  readonly #host: LocalHost;
  readonly #case: TcpCase;
  readonly #own = new Map<string, Uint8Array>();
  #began = false;
  #resumed: Flow | null = null;
  closed = false;

  constructor(one: TcpCase, host: LocalHost) {
    this.#case = one;
    this.#host = host;
  }

  fields(): null {
    return null;
  }

  buffer(type: BufferType): ByteBuffer | null {
    if (type === bufferType.downstreamData) return this.client.buffer;
    return type === bufferType.upstreamData ? this.server.buffer : null;
  }

  property(path: readonly string[]): Uint8Array | undefined {
    return this.#own.get(path.join("\0")) ?? this.#case.properties.get(path.join("."));
  }

  setProperty(path: readonly string[], value: Uint8Array): boolean {
    this.#own.set(path.join("\0"), value);
    return true;
  }

  respond(): boolean {
    return false;
  }

  resume(stream: StreamType): void {
    const flow = stream === streamType.upstream ? this.server : this.client;
    this.#resumed = flow;
    this.#began = true;
    flow.pass();
  }

  close(): void {
    this.closed = true;
  }

  run(context: TcpContext): "client" | "server" | null {
    this.#began = context.newConnection() === action.continue || this.#began;
    const over = new Set<"client" | "server">();
    for (const { from, bytes } of this.#case.steps) {
      this.#settle();
      if (this.closed || over.has(from)) break;
      if (!this.#began) return "client";
      if (bytes === null) over.add(from);
      this.#data(context, from, bytes);
    }
    this.#settle();
    if (!this.closed && over.size === 0) this.#data(context, "client", null);
    this.#settle();
    const server = over.has("server") && !over.has("client");
    context.downstreamClose(!server && !this.closed);
    context.upstreamClose(server && !this.closed);
    return this.client.stopped ? "client" : this.server.stopped ? "server" : null;
  }

  #data(context: TcpContext, from: "client" | "server", bytes: Uint8Array | null): void {
    const flow = this[from];
    if (bytes !== null) flow.buffer.splice(flow.buffer.length, 0, bytes);
    this.#resumed = null;
    const { length } = flow.buffer;
    const answer = from === "client" ? context.downstreamData(length, bytes === null) : context.upstreamData(length, bytes === null);
    if (answer === action.continue || this.#resumed === flow) flow.pass();
    else flow.stopped = true;
  }

  /** Lets pass what the filter waits for. */
  #settle(): void {
    const untilMs = this.#host.time.nowMs + patienceMs;
    while ((!this.#began || this.client.stopped || this.server.stopped) && !this.closed && this.#host.time.next(untilMs));
  }
}

/**
 * Runs one connection to its end; see {@link TcpCase}.
 *
 * @example
 * ```ts
 * const { toServer } = runTcp(plugin, host, { steps: [{ from: "client", bytes }], properties: new Map() });
 * ```
 */
export function runTcp(plugin: Plugin, host: LocalHost, one: TcpCase): TcpOutcome {
  const connection = new Connection(one, host);
  let held: "client" | "server" | null = null;
  let trap: TrapReport | null = null;
  try {
    const context = plugin.openTcp(connection);
    held = connection.run(context);
    context.end();
  } catch (error) {
    if (!(error instanceof FilterTrap)) throw error;
    trap = error.report;
  }
  return {
    toServer: Buffer.concat(connection.client.passed),
    toClient: Buffer.concat(connection.server.passed),
    closed: connection.closed,
    held,
    trap: trap ?? plugin.trapped,
  };
}
