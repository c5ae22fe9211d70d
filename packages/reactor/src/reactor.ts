/**
 * The data plane's event loop: one epoll for all its sockets, run inside Node's loop and with Node's own epoll in it, so that both serve
 * one thread without waiting for each other. Why not Node's streams: docs/adr/0013-an-epoll-of-our-own.md.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import { close, constant, epollCreate1, epollCtl, epollWait, errno, errnoName, pipe2 } from "./syscalls.ts";
import { Timers } from "./timers.ts";

/** What is told when a socket is ready. */
export interface Pollable {
  readonly fd: number;
  /** `EPOLLIN`, `EPOLLOUT`, `EPOLLERR`, `EPOLLHUP`, or several of them. Level-triggered: told again until it is dealt with. */
  onReady(events: number): void;
  /** Ends it at once, with a reset if `reset`. */
  destroy?(reset: boolean): void;
}

const mostEvents = 256;
const eventBytes = 12;
/** Node's timers, of which the loop cannot know, are at most so late. */
const longestWaitMs = 20;

/** Room before {@link Reactor.scratch}. */
const headroom = 512;

/** The loop. */
export class Reactor {
  readonly #roomy: Buffer = Buffer.allocUnsafeSlow(headroom + 64 * 1024);
  /** What was read last; every socket reads into it, so it is valid until the next read. */
  readonly scratch: Buffer = this.#roomy.subarray(headroom);
  /** By how much is before {@link scratch}; made when they are wanted. */
  readonly #withRoom: (Buffer | undefined)[] = [];
  /** Where a head is put together before it is sent. */
  readonly outgoing: Buffer = Buffer.allocUnsafeSlow(128 * 1024);
  readonly timers: Timers = new Timers(performance.now());
  readonly #epoll: number;
  readonly #events = new Uint8Array(mostEvents * eventBytes);
  readonly #view = new DataView(this.#events.buffer);
  readonly #change = new Uint8Array(eventBytes);
  readonly #changeView = new DataView(this.#change.buffer);
  readonly #pollables: (Pollable | undefined)[] = [];
  /** An event that was meant for a socket closed meanwhile must not reach one that got its number. */
  readonly #generations: number[] = [];
  #deferred: (() => void)[] = [];
  /** Errors thrown by those who were told of events, timers or deferred calls: bugs. */
  faults = 0;
  /** Told of each. */
  onFault: (error: unknown) => void = (error) => {
    throw error;
  };
  #running = false;
  #quiet = false;
  /** What {@link now} says; 0 when the clock is to be asked. */
  #now = 0;
  #stopped: (() => void) | undefined;
  readonly #loopFd: number | undefined;

  private constructor(epoll: number, loopFd: number | undefined) {
    this.#epoll = epoll;
    this.#loopFd = loopFd;
    if (loopFd !== undefined) this.add({ fd: loopFd, onReady: () => {} }, constant.EPOLLIN);
  }

  /**
   * Makes a loop; {@link run} starts it.
   *
   * @throws {Error} when the process has no file descriptor left.
   * @example
   * ```ts
   * const reactor = await Reactor.open();
   * reactor.run();
   * ```
   */
  static async open(): Promise<Reactor> {
    const epoll = epollCreate1(constant.EPOLL_CLOEXEC);
    if (epoll < 0) throw new Error(`cannot make an epoll: ${errnoName(errno())}; raise the limit of open files (ulimit -n)`);
    return new Reactor(epoll, await findNodesEpoll());
  }

  /** Whether Node's own events wake this loop; else they wait up to 20 ms. */
  get wakesForNode(): boolean {
    return this.#loopFd !== undefined;
  }

  /** Milliseconds of a clock that never goes back; it stands still within one event. */
  now(): number {
    if (this.#now === 0) this.#now = performance.now();
    return this.#now;
  }

  /** {@link scratch} with `bytes` before it, so that what was read can grow at its front; null for more than there are. */
  scratchWith(bytes: number): Buffer | null {
    if (bytes > headroom) return null;
    this.#withRoom[bytes] ??= this.#roomy.subarray(headroom - bytes);
    return this.#withRoom[bytes];
  }

  /** Watches a socket until {@link remove}. @returns False when the kernel watches no more (fs.epoll.max_user_watches, or no memory). */
  add(pollable: Pollable, events: number): boolean {
    this.#pollables[pollable.fd] = pollable;
    this.#generations[pollable.fd] = ((this.#generations[pollable.fd] ?? 0) + 1) | 0;
    return this.#control(constant.EPOLL_CTL_ADD, pollable.fd, events);
  }

  /** Watches for other events. */
  change(fd: number, events: number): void {
    this.#control(constant.EPOLL_CTL_MOD, fd, events);
  }

  /** To be called before the socket is closed. */
  remove(fd: number): void {
    this.#pollables[fd] = undefined;
    this.#control(constant.EPOLL_CTL_DEL, fd, 0);
  }

  /** Calls back when all events of this turn have been told. */
  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Runs until {@link stop}; returns at once. */
  run(): void {
    this.#running = true;
    setImmediate(this.#turn);
  }

  /** Ends the loop; sockets are left to their owners. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
    close(this.#epoll);
  }

  readonly #turn = (): void => {
    if (!this.#running) {
      this.#stopped?.();
      return;
    }
    // It waits only after a turn in which nothing happened: what did may have left Node something to do, behind us in its queue.
    const wait = this.#quiet ? this.timers.wait(longestWaitMs) : 0;
    const count = epollWait(this.#epoll, this.#events, mostEvents, this.#loopFd === undefined ? Math.min(wait, 1) : wait);
    this.#quiet = count === 0 && wait === 0 && this.#deferred.length === 0;
    this.#now = performance.now();
    this.timers.tell(this.#now);
    for (let at = 0; at < count * eventBytes; at += eventBytes) {
      const fd = this.#view.getInt32(at + 4, true);
      const pollable = this.#view.getInt32(at + 8, true) === this.#generations[fd] ? this.#pollables[fd] : undefined;
      try {
        pollable?.onReady(this.#view.getUint32(at, true));
      } catch (error) {
        this.#contain(error, pollable);
      }
      this.#now = 0;
    }
    this.#try(this.#advance);
    while (this.#deferred.length > 0) {
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const callback of deferred) this.#try(callback);
    }
    this.#now = 0;
    setImmediate(this.#turn);
  };

  readonly #advance = (): void => this.timers.advance(this.now());

  #try(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#contain(error, undefined);
    }
  }

  /** A fault of ours ends the one connection that met it, not all of them. */
  #contain(error: unknown, pollable: Pollable | undefined): void {
    this.faults++;
    this.onFault(error);
    pollable?.destroy?.(true);
  }

  #control(operation: number, fd: number, events: number): boolean {
    this.#changeView.setUint32(0, events, true);
    this.#changeView.setInt32(4, fd, true);
    this.#changeView.setInt32(8, this.#generations[fd] ?? 0, true);
    return epollCtl(this.#epoll, operation, fd, this.#change) === 0;
  }
}

/** The epoll that Node's loop waits on: the one that watches a pipe which Node was just asked to read. */
async function findNodesEpoll(): Promise<number | undefined> {
  const ends = new Int32Array(2);
  if (pipe2(new Uint8Array(ends.buffer), constant.SOCK_CLOEXEC | constant.SOCK_NONBLOCK) < 0) return undefined;
  const [read, write] = [ends[0]!, ends[1]!];
  const pipe = new Socket({ fd: read, readable: true, writable: false });
  pipe.on("error", () => {}).resume();
  try {
    await new Promise(setImmediate); // the loop takes new watches up when it next waits
    await new Promise(setImmediate);
    return readdirSync("/proc/self/fd")
      .map(Number)
      .find((fd) => isEpollOf(fd, read));
  } catch {
    return undefined; // no /proc
  } finally {
    close(write);
    pipe.destroy();
  }
}

function isEpollOf(fd: number, watched: number): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${fd}`) !== "anon_inode:[eventpoll]") return false;
    return new RegExp(`^tfd:\\s+${watched}\\s`, "m").test(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"));
  } catch {
    return false; // closed meanwhile
  }
}
