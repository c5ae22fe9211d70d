/** The quick data plane: plain TCP and Unix sockets, whose reads and writes of a whole turn are one call each into `native/epoll-plane.c`. @module */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { MitsuError } from "@mitsu/cli/error";
import { closeSocket, type ListenAt, Listener, type Pollable, type Reactor, type SocketAddress, setNoDelay } from "@mitsu/reactor";
import { Timer } from "@mitsu/reactor/timers";
import type { ListenerConfig } from "../config/broker-config.ts";
import { listenError } from "../transport/listen-error.ts";
import { isLoopback } from "../transport/origin.ts";
import { bindClosed, clearWay, openToGroup, removeSocketFile } from "../transport/socket-file.ts";
import type { BoundListener, DataPlane, Peer, PlaneEvents } from "./data-plane.ts";
import { type EpollLibrary, epollEvent, epollLibrary, type PlanePointer } from "./epoll-library.ts";

/** What one turn reads at most; only what is used of it takes memory. */
const ioBytes = 4 * 1024 * 1024;
const mostEvents = 2048;
/** int32 of a part: see plane_queue. */
const partSize = 5;
const epollIn = 1;

/** A plane on the reactor's loop. */
export class EpollPlane implements DataPlane, Pollable {
  readonly kind: "epoll" = "epoll";
  readonly fd: number;
  readonly waitingBytes: Uint32Array;
  readonly dropped: Uint32Array;
  readonly #library: EpollLibrary;
  readonly #plane: PlanePointer;
  readonly #reactor: Reactor;
  readonly #told: PlaneEvents;
  readonly #io: Buffer = Buffer.allocUnsafeSlow(ioBytes);
  readonly #events = new Int32Array(4 * mostEvents);
  #parts = new Int32Array(partSize * 1024);
  #partCount = 0;
  /** What the parts lie in. */
  #slab: Buffer | undefined;
  readonly #listeners = new Set<BoundListener>();
  readonly #graces = new Map<number, Timer>();
  #dropAboveBytes = 0;
  #newsDue = false;
  #stopped = false;

  private constructor(reactor: Reactor, told: PlaneEvents) {
    this.#reactor = reactor;
    this.#told = told;
    this.#library = epollLibrary();
    const capacity = mostFiles();
    this.waitingBytes = new Uint32Array(capacity);
    this.dropped = new Uint32Array(capacity);
    const plane = this.#library.open(this.waitingBytes, this.dropped, capacity);
    if (!plane)
      throw new MitsuError("cannot make an epoll", { code: "ERR_EPOLL_PLANE", hint: "raise the limit of open files (ulimit -n)" });
    this.#plane = plane;
    this.fd = this.#library.epoll(plane);
    reactor.add(this, epollIn);
  }

  /** @throws {NotSupportedError} where the native part is not there. */
  static open(reactor: Reactor, told: PlaneEvents): EpollPlane {
    return new EpollPlane(reactor, told);
  }

  get dropAboveBytes(): number {
    return this.#dropAboveBytes;
  }

  set dropAboveBytes(bytes: number) {
    this.#dropAboveBytes = bytes;
    this.#library.dropAbove(this.#plane, bytes);
  }

  carries({ protocol, tls, proxyProtocol, address, path, fd }: ListenerConfig): boolean {
    if (protocol !== "mqtt" || tls !== undefined || proxyProtocol || fd !== undefined) return false;
    return path !== undefined || (address !== undefined && isIP(address) !== 0);
  }

  async listen(config: ListenerConfig): Promise<BoundListener> {
    const { path } = config;
    if (path !== undefined) await clearWay(config, path);
    const at = path === undefined ? { address: config.address!, port: config.port } : { path };
    const listener = bindClosed(() => this.#bind(config, at, (fd, client) => this.#accept(fd, client, bound.config)));
    let inode = 0;
    try {
      if (path !== undefined) inode = openToGroup(path, {});
    } catch (error) {
      listener.close();
      throw error;
    }
    const bound = {
      config,
      address: listener.at.address,
      port: listener.at.port,
      close: async (): Promise<void> => {
        if (!this.#listeners.delete(bound)) return;
        if (path !== undefined) removeSocketFile(path, inode);
        listener.close();
      },
      reload: async (next: ListenerConfig): Promise<void> => {
        bound.config = next;
      },
    };
    this.#listeners.add(bound);
    return bound;
  }

  /** @throws {MitsuError} `ERR_LISTEN`. */
  #bind(config: ListenerConfig, at: ListenAt, accepted: (fd: number, client: SocketAddress) => void): Listener {
    try {
      return new Listener(this.#reactor, at, false, accepted);
    } catch (error) {
      const { cause, message } = error as Error;
      throw listenError(config, (cause as NodeJS.ErrnoException | undefined) ?? Object.assign(new Error(message), { code: "EINVAL" }));
    }
  }

  installRoute(ids: Int32Array): number {
    if (this.#stopped) return 0;
    return this.#library.route(this.#plane, ids, ids.length);
  }

  uninstallRoute(route: number): void {
    if (!this.#stopped) this.#library.unroute(this.#plane, route);
  }

  fan(route: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    this.#part(route, slab, start, end, messages, droppable);
  }

  send(id: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    this.#part(-1 - id, slab, start, end, messages, droppable);
  }

  flush(): boolean {
    if (this.#slab === undefined || this.#stopped) return true;
    this.#hand();
    this.#library.flush(this.#plane);
    this.#look();
    return true;
  }

  close(id: number, graceMs: number): void {
    if (this.#stopped) return;
    // What is queued for it goes first.
    this.#hand();
    this.#library.close(this.#plane, id, graceMs === 0 ? 1 : 0);
    this.#look();
    if (graceMs === 0) return;
    const timer = new Timer(() => {
      this.#graces.delete(id);
      this.close(id, 0);
    });
    this.#graces.set(id, timer);
    this.#reactor.timers.arm(timer, graceMs);
  }

  pause(id: number): void {
    if (!this.#stopped) this.#library.pause(this.#plane, id, 1);
  }

  resume(id: number): void {
    if (!this.#stopped) this.#library.pause(this.#plane, id, 0);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const listener of this.#listeners) await listener.close();
    this.#reactor.remove(this.fd);
    this.#library.stop(this.#plane);
  }

  /** Sockets are ready. */
  onReady(): void {
    if (!this.#stopped) this.#tell(this.#library.poll(this.#plane, this.#io, ioBytes, this.#events, mostEvents));
  }

  #tell(count: number): void {
    const told = this.#told;
    const events = this.#events;
    for (let at = 0; at < count * 4; at += 4) {
      const id = events[at + 1]!;
      const kind = events[at]!;
      if (kind === epollEvent.data) {
        const start = events[at + 2]!;
        try {
          told.onBytes(id, this.#io, start, start + events[at + 3]!);
        } catch (error) {
          // A fault of ours ends the one connection that met it.
          this.#reactor.onFault(error);
          this.close(id, 0);
        }
      } else if (kind === epollEvent.drained) told.onDrain(id);
      else this.#closed(id, events[at + 2]!);
    }
    if (count > 0) told.onTurn();
  }

  #accept(fd: number, client: SocketAddress, listener: ListenerConfig): void {
    // Its number may be that of one that was closed a moment ago.
    if (this.#library.hasNews(this.#plane) !== 0) this.#tellNews();
    const unix = listener.path !== undefined;
    if (listener.noDelay && !unix) setNoDelay(fd);
    if (this.#library.add(this.#plane, fd) !== 0) {
      closeSocket(fd);
      return;
    }
    const peer: Peer = {
      listener,
      address: client.address,
      port: client.port,
      local: unix || isLoopback(client.address),
      transport: unix ? "unix" : "tcp",
      certificate: undefined,
      identity: undefined,
    };
    this.#told.onOpen(fd, peer);
  }

  #closed(id: number, why: number): void {
    const grace = this.#graces.get(id);
    if (grace) {
      this.#reactor.timers.disarm(grace);
      this.#graces.delete(id);
    }
    this.#told.onClose(id, why === 0 ? null : Object.assign(new Error(`errno ${why}`), { errno: why }));
  }

  #part(target: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void {
    if (slab !== this.#slab) {
      this.#hand();
      this.#slab = slab;
    }
    if ((this.#partCount + 1) * partSize > this.#parts.length) {
      const parts = new Int32Array(this.#parts.length * 2);
      parts.set(this.#parts);
      this.#parts = parts;
    }
    const parts = this.#parts;
    const at = this.#partCount++ * partSize;
    parts[at] = target;
    parts[at + 1] = start;
    parts[at + 2] = end;
    parts[at + 3] = messages;
    parts[at + 4] = droppable ? 1 : 0;
  }

  /** Parts go to the native side, which keeps pointers into their slab until the flush. */
  #hand(): void {
    if (this.#partCount === 0 || this.#stopped) return;
    this.#library.queue(this.#plane, this.#slab!, this.#parts, this.#partCount);
    this.#partCount = 0;
  }

  /** A close of ours is told in a later turn, which no socket brings about. */
  #look(): void {
    if (this.#newsDue || this.#stopped || this.#library.hasNews(this.#plane) === 0) return;
    this.#newsDue = true;
    setImmediate(() => {
      this.#newsDue = false;
      this.#tellNews();
    });
  }

  #tellNews(): void {
    if (!this.#stopped) this.#tell(this.#library.news(this.#plane, this.#events, mostEvents));
  }
}

/** The limit of open files, which is the highest number that a socket can have. */
function mostFiles(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  return Math.min(Number(soft ?? 1024), 1 << 20);
}
