/**
 * The portable data plane, on Node's own `net`, `tls` and `http`. What a turn queues for a connection is a range of the slab as long as it is contiguous,
 * so that a fan-out of a hundred messages to a hundred connections is a hundred writes of one shared view.
 *
 * Longer than 300 lines because what is known of a connection lies in arrays by its number, which fan, send and flush all work on.
 * @module
 */
import type { Duplex } from "node:stream";
import { MitsuError } from "@mitsu/cli/error";
import type { ListenerConfig } from "../config/broker-config.ts";
import { defaultListener } from "../config/defaults.ts";
import { type Arrival, openListener } from "../transport/listener.ts";
import type { BoundListener, DataPlane, PlaneEvents } from "./data-plane.ts";
import { type ConnectionOwner, NetConnection, nothingHeld } from "./net-connection.ts";
import { memoryPair } from "./net-memory.ts";

/** What may be set of a {@link NetPlane}. */
export interface NetPlaneOptions {
  /** Told of each that was refused before it became a connection: a handshake that failed, a PROXY header that is none. */
  readonly onRefused?: (listener: ListenerConfig, reason: string) => void;
  /** PROXY header, TLS handshake and WebSocket upgrade together take so long at most; 10 s unless told. */
  readonly openWithinMs?: number;
  /** The longest WebSocket message, which is buffered whole; 16 MiB unless told. */
  readonly webSocketMessageBytes?: number;
  /** Mode of Unix sockets' files; 0o660 unless told. */
  readonly socketMode?: number;
  /** Group of Unix sockets' files; `mitsu` unless told. */
  readonly socketGroup?: string;
  /** What in-process connections have as their listener. */
  readonly memoryListener?: ListenerConfig;
}

/** Parts of one connection up to this are copied into one buffer, which costs less than a vector of them. Bytes. */
const joinBytes = 16 * 1024;
/** Who has ended its side gets what is still to come to it within so long. Milliseconds. */
const endedGraceMs = 1000;
const none = -1;

/**
 * A data plane on Node's own sockets.
 *
 * @example
 * ```ts
 * const plane = new NetPlane(events);
 * const { port } = await plane.listen({ ...defaultListener, port: 0 });
 * ```
 */
export class NetPlane implements DataPlane {
  readonly kind: "net" = "net";
  dropAboveBytes: number = 1024 * 1024;
  readonly #events: PlaneEvents;
  readonly #options: NetPlaneOptions;
  readonly #owner: ConnectionOwner;
  readonly #listeners = new Set<BoundListener>();
  readonly #routes: (Int32Array | undefined)[] = [];
  readonly #freeRoutes: number[] = [];
  /** By id. */
  readonly #connections: (NetConnection | undefined)[] = [];
  readonly #freeIds: number[] = [];
  #open = 0;
  #waiting = new Uint32Array(64);
  #dropped = new Uint32Array(64);
  /** The range that is queued: `slab[from, to)`; none when `from` is -1. */
  #from = new Int32Array(64).fill(none);
  #to = new Int32Array(64);
  readonly #slab: (Buffer | undefined)[] = [];
  /** Ranges before it that it does not follow on. */
  readonly #earlier: (Buffer[] | undefined)[] = [];
  /** Connections that something is queued for. */
  #dirty: number[] = [];
  /** Connections that wait with a view into this memory. */
  readonly #held = new Map<ArrayBufferLike, number>();
  /** Memory that parts since the last flush lie in. */
  readonly #used = new Set<ArrayBufferLike>();
  #lastUsed: ArrayBufferLike | undefined;
  /** The last view that was made: the next connection of a fan-out mostly wants the same. */
  #view: { slab: Buffer; from: number; to: number; buffer: Buffer } | undefined;
  #turnDue = false;
  #ended: NetConnection[] = [];
  #stopped: Promise<void> | undefined;
  #onLastClosed: (() => void) | undefined;

  constructor(events: PlaneEvents, options: NetPlaneOptions = {}) {
    this.#events = events;
    this.#options = options;
    this.#owner = {
      bytes: (connection, chunk) => {
        this.#event();
        this.#events.onBytes(connection.id, chunk, 0, chunk.length);
      },
      drained: (connection) => {
        this.#release(connection);
        this.#waiting[connection.id] = 0;
        if (connection.closing) return;
        this.#event();
        this.#events.onDrain(connection.id);
      },
      ended: (connection) => {
        this.#event();
        this.#ended.push(connection);
      },
      closed: (connection) => this.#closed(connection),
    };
  }

  get waitingBytes(): Uint32Array {
    return this.#waiting;
  }

  get dropped(): Uint32Array {
    return this.#dropped;
  }

  carries(_config: ListenerConfig): boolean {
    return true;
  }

  async listen(config: ListenerConfig): Promise<BoundListener> {
    if (this.#stopped !== undefined) throw stopped();
    const listener = await openListener(config, this.#options, {
      onArrival: (arrival) => this.#arrived(arrival),
      onClosed: () => this.#listeners.delete(listener),
    });
    this.#listeners.add(listener);
    // It may have been stopped meanwhile.
    if (this.#stopped !== undefined) await listener.close();
    return listener;
  }

  /** Opens an in-process connection. @param identity - Believed, and given on as `peer.identity`. @returns The client's end. */
  openStream(identity: string): Duplex {
    if (this.#stopped !== undefined) throw stopped();
    const [ours, theirs] = memoryPair();
    const listener = this.#options.memoryListener ?? memoryListener;
    const peer = { listener, address: "", port: 0, local: true, transport: "memory", certificate: undefined, identity } as const;
    // Later, as all events are.
    process.nextTick(() => this.#arrived({ socket: ours, webSocket: undefined, peer }));
    return theirs;
  }

  installRoute(ids: Int32Array): number {
    const route = this.#freeRoutes.pop() ?? this.#routes.length;
    this.#routes[route] = ids.slice();
    return route;
  }

  uninstallRoute(route: number): void {
    if (this.#routes[route] === undefined) return;
    this.#routes[route] = undefined;
    this.#freeRoutes.push(route);
  }

  fan(route: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    const ids = this.#routes[route];
    if (ids === undefined) return;
    for (let index = 0; index < ids.length; index++) this.#queue(ids[index] as number, slab, start, end, messages, droppable);
  }

  send(id: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    this.#queue(id, slab, start, end, messages, droppable);
  }

  /**
   * As {@link DataPlane.flush}: false when anything that was given since the last flush is still referred to, in which case all of it must be left as it is.
   * What waits with parts of earlier turns does not count.
   */
  flush(): boolean {
    const dirty = this.#dirty;
    for (let index = 0; index < dirty.length; index++) this.#write(dirty[index] as number);
    dirty.length = 0;
    this.#view = undefined;
    let free = true;
    if (this.#held.size > 0) for (const memory of this.#used) if (this.#held.has(memory)) free = false;
    this.#used.clear();
    this.#lastUsed = undefined;
    return free;
  }

  close(id: number, graceMs: number): void {
    const connection = this.#connections[id];
    if (connection === undefined || connection.socket.destroyed) return;
    if (graceMs <= 0) {
      this.#unqueue(id);
      connection.destroy();
      return;
    }
    this.#write(id);
    connection.end(graceMs);
  }

  pause(id: number): void {
    this.#connections[id]?.pause();
  }

  resume(id: number): void {
    this.#connections[id]?.resume();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // A listener is closed only once its connections are.
    const listeners = Array.from(this.#listeners, (listener) => listener.close());
    const closed = new Promise<void>((resolve) => {
      this.#onLastClosed = resolve;
    });
    for (const connection of this.#connections) connection?.destroy();
    if (this.#open > 0) await closed;
    await Promise.all(listeners);
  }

  #queue(id: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    const connection = this.#connections[id];
    if (connection === undefined) return;
    if (droppable && (this.#waiting[id] as number) > this.dropAboveBytes) {
      // What is known may be older than what the kernel took since.
      const waiting = connection.waiting;
      this.#waiting[id] = waiting;
      if (waiting > this.dropAboveBytes) {
        this.#dropped[id] = (this.#dropped[id] as number) + messages;
        return;
      }
    }
    if (start === end) return;
    if (this.#from[id] === none) {
      this.#dirty.push(id);
    } else if (this.#to[id] === start && this.#slab[id] === slab) {
      this.#to[id] = end;
      return;
    } else {
      const earlier = this.#earlier[id];
      const view = this.#viewOf(this.#slab[id] as Buffer, this.#from[id] as number, this.#to[id] as number);
      if (earlier === undefined) this.#earlier[id] = [view];
      else earlier.push(view);
    }
    this.#from[id] = start;
    this.#to[id] = end;
    this.#slab[id] = slab;
  }

  #unqueue(id: number): void {
    this.#from[id] = none;
    this.#slab[id] = undefined;
    this.#earlier[id] = undefined;
  }

  #viewOf(slab: Buffer, from: number, to: number): Buffer {
    const last = this.#view;
    if (last !== undefined && last.from === from && last.to === to && last.slab === slab) return last.buffer;
    const buffer = slab.subarray(from, to);
    this.#view = { slab, from, to, buffer };
    return buffer;
  }

  /** Writes what is queued for one connection. */
  #write(id: number): void {
    const from = this.#from[id] as number;
    if (from === none) return;
    const connection = this.#connections[id];
    const slab = this.#slab[id] as Buffer;
    const view = this.#viewOf(slab, from, this.#to[id] as number);
    const earlier = this.#earlier[id];
    this.#unqueue(id);
    this.#use(slab.buffer);
    // Its end is on the way; `onClose` follows.
    if (connection === undefined || !connection.writable) return;
    let views = false;
    let total = view.length;
    if (earlier !== undefined) for (const part of earlier) total += part.length;
    // What waits already is a slow reader's: a copy costs less than a slab that cannot be used again.
    if (connection.keeps || connection.waiting > 0 || (total <= joinBytes && (earlier !== undefined || !connection.direct))) {
      connection.write(earlier === undefined ? Buffer.from(view) : Buffer.concat([...earlier, view], total));
    } else if (earlier === undefined) {
      views = true;
      connection.write(view);
    } else {
      views = true;
      connection.socket.cork();
      for (const part of earlier) {
        this.#use(part.buffer);
        connection.write(part);
      }
      connection.write(view);
      connection.socket.uncork();
    }
    const waiting = connection.waiting;
    this.#waiting[id] = waiting;
    if (waiting === 0) return;
    if (views) {
      this.#hold(connection, slab.buffer);
      for (const part of earlier ?? []) if (part.buffer !== connection.held.at(-1)) this.#hold(connection, part.buffer);
    }
    connection.askDrain();
  }

  #use(memory: ArrayBufferLike): void {
    if (memory === this.#lastUsed) return;
    this.#lastUsed = memory;
    this.#used.add(memory);
  }

  #hold(connection: NetConnection, memory: ArrayBufferLike): void {
    if (connection.held.length === 0) connection.held = [memory];
    else connection.held.push(memory);
    this.#held.set(memory, (this.#held.get(memory) ?? 0) + 1);
  }

  #release(connection: NetConnection): void {
    for (const memory of connection.held) {
      const count = (this.#held.get(memory) ?? 1) - 1;
      if (count === 0) this.#held.delete(memory);
      else this.#held.set(memory, count);
    }
    connection.held = nothingHeld;
  }

  #arrived(arrival: Arrival): void {
    const { socket, webSocket, peer } = arrival;
    if (this.#stopped !== undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    const id = this.#freeIds.pop() ?? this.#connections.length;
    if (id >= this.#waiting.length) this.#grow();
    const way = peer.transport === "memory" ? "memory" : peer.transport === "tls" || peer.transport === "wss" ? "tls" : "direct";
    this.#connections[id] = new NetConnection(id, socket, webSocket, way, this.#owner);
    this.#waiting[id] = 0;
    this.#dropped[id] = 0;
    this.#unqueue(id);
    this.#open++;
    this.#event();
    this.#events.onOpen(id, peer);
  }

  #closed(connection: NetConnection): void {
    const { id } = connection;
    if (this.#connections[id] !== connection) return;
    this.#release(connection);
    this.#unqueue(id);
    this.#waiting[id] = 0;
    this.#connections[id] = undefined;
    this.#open--;
    this.#event();
    this.#events.onClose(id, connection.error);
    this.#freeIds.push(id);
    if (this.#open === 0) this.#onLastClosed?.();
  }

  #grow(): void {
    const length = this.#waiting.length * 2;
    const copy = <T extends Uint32Array | Int32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#waiting = copy(new Uint32Array(length), this.#waiting);
    this.#dropped = copy(new Uint32Array(length), this.#dropped);
    this.#from = copy(new Int32Array(length).fill(none), this.#from);
    this.#to = copy(new Int32Array(length), this.#to);
  }

  /** Something is told: the turn ends when all that came with it has been told too. */
  #event(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnDue = false;
    this.#events.onTurn();
    if (this.#ended.length === 0) return;
    const ended = this.#ended;
    this.#ended = [];
    // Its last packets have been answered: now we end too.
    for (const connection of ended) if (this.#connections[connection.id] === connection) this.close(connection.id, endedGraceMs);
  };
}

const memoryListener: ListenerConfig = { ...defaultListener, name: "in-process", address: undefined, port: 0 };

/** @returns The client's end of an in-process connection of this plane, for npm `mqtt`'s `streamBuilder`. */
export function openMemoryStream(plane: NetPlane, identity: string): Duplex {
  return plane.openStream(identity);
}

function stopped(): MitsuError {
  return new MitsuError("the data plane has stopped", { code: "ERR_PLANE_STOPPED" });
}
