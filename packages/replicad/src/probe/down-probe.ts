/** Tries to connect to replicas that are down, so that it is known soon when one takes connections again. @module */
import { connect, type Socket } from "node:net";
import { maxReplicas } from "../bus/node-state.ts";
import { keyBytes, writeKey } from "../bus/replica-key.ts";

/** How often, how long, and who is told. */
export interface DownProbeOptions {
  /** Between two tries of a replica, milliseconds; 100 unless told. */
  readonly everyMs?: number;
  /** A try takes at most so long, milliseconds; 100 unless told. */
  readonly timeoutMs?: number;
  /** Tries at a time; 64 unless told. With more replicas they take turns. */
  readonly most?: number;
  /** It took a connection, which is closed again, and is not watched any more. */
  readonly onUp: (key: string) => void;
}

interface Try {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
}

/**
 * Watches at most 1024 replicas, as many as a node has. Nothing runs while none is watched.
 *
 * @example
 * ```ts
 * using probe = new DownProbe({ onUp: (key) => rows.clearDown(key) });
 * probe.watch("10.0.0.7:8080"); // a connection was refused there
 * ```
 */
export class DownProbe {
  /** Tries begun, those that were taken, those nobody answered in time, and replicas that were too many to watch. */
  tries = 0;
  ups = 0;
  timeouts = 0;
  overflows = 0;
  readonly #options: Required<DownProbeOptions>;
  /** In the order of their turns; null between two tries. */
  readonly #watched = new Map<string, Try | null>();
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DownProbeOptions) {
    this.#options = { everyMs: 100, timeoutMs: 100, most: 64, ...options };
  }

  /** Replicas that are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Tries it from now on, the first time after `everyMs`; false when too many are watched.
   *
   * @throws {MitsuError} `ERR_REPLICA_KEY`.
   */
  watch(key: string): boolean {
    writeKey(key, new Uint8Array(keyBytes), 0);
    if (this.#watched.has(key)) return true;
    if (this.#watched.size >= maxReplicas) {
      this.overflows++;
      return false;
    }
    this.#watched.set(key, null);
    this.#timer ??= setInterval(() => this.#round(), this.#options.everyMs);
    return true;
  }

  /** Tries it no more; a try that runs is ended. */
  forget(key: string): void {
    const running = this.#watched.get(key);
    if (running === undefined) return;
    this.#watched.delete(key);
    if (running !== null) this.#end(running);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#watched.keys()]) this.forget(key);
  }

  #round(): void {
    const due = [...this.#watched].filter(([, running]) => running === null);
    for (const [key] of due.slice(0, this.#options.most - this.#running)) {
      // To the end of the line.
      this.#watched.delete(key);
      this.#watched.set(key, this.#try(key));
    }
  }

  #try(key: string): Try {
    const colon = key.lastIndexOf(":");
    const host = key.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
    this.tries++;
    this.#running++;
    const socket = connect({ host, port: Number(key.slice(colon + 1)), noDelay: true });
    const timer = setTimeout(() => {
      this.timeouts++;
      this.#over(key);
    }, this.#options.timeoutMs);
    socket.once("connect", () => {
      this.ups++;
      this.forget(key);
      this.#options.onUp(key);
    });
    // Refused, no route, or no descriptor left: it is tried again all the same.
    socket.on("error", () => this.#over(key));
    return { socket, timer };
  }

  /** A try ended without a connection. */
  #over(key: string): void {
    const running = this.#watched.get(key);
    if (running === undefined || running === null) return;
    this.#watched.set(key, null);
    this.#end(running);
  }

  #end({ socket, timer }: Try): void {
    this.#running--;
    clearTimeout(timer);
    socket.removeAllListeners("connect");
    socket.destroy();
  }
}
