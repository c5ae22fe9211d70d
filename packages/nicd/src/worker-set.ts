/** The worker processes of a nicd with several: started, watched, started again. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { isSea } from "node:sea";
import type { Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { connect, nicd } from "@mitsu/ipc";
import type { WorkerClient } from "./merged-views.ts";

/** What the set is made of. */
export interface WorkerSetOptions {
  readonly count: number;
  /** The daemon's control socket; worker n listens on `<socket>.<n>`. */
  readonly socket: string;
  /** Arguments of `nicd worker` but for its socket. */
  readonly args: readonly string[];
  readonly log: Log;
  /** Aborts when the daemon is to stop: what ends from then on is not started again. */
  readonly signal: AbortSignal;
}

/** One that ended is started again after so long, twice as long each time it ends at once. */
const restartMs = { first: 100, most: 10_000, stable: 10_000 };
/** How long a worker may take until it listens, and to end: it lets requests end for 10 s. */
const startMs = 15_000;
const endMs = 15_000;

interface Slot {
  readonly number: number;
  process: ChildProcess | null;
  client: WorkerClient | null;
  startedMs: number;
  pauseMs: number;
  restarts: number;
}

/** See {@link WorkerSet.start}. */
export class WorkerSet {
  readonly #options: WorkerSetOptions;
  readonly #slots: readonly Slot[];
  #ending = false;

  private constructor(options: WorkerSetOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => (this.#ending = true), { once: true });
    this.#slots = Array.from({ length: options.count }, (_, number) => ({
      number,
      process: null,
      client: null,
      startedMs: 0,
      pauseMs: restartMs.first,
      restarts: 0,
    }));
  }

  /** Starts all, and waits until each serves. @throws {MitsuError} `ERR_WORKER_START` when one does not. */
  static async start(options: WorkerSetOptions): Promise<WorkerSet> {
    const set = new WorkerSet(options);
    try {
      await Promise.all(set.#slots.map((slot) => set.#start(slot)));
    } catch (error) {
      await set.end();
      throw error;
    }
    return set;
  }

  /** Those that answer now. */
  get clients(): readonly WorkerClient[] {
    return this.#slots.flatMap(({ client }) => (client ? [client] : []));
  }

  get degraded(): readonly string[] {
    const missing = this.#slots.filter(({ client }) => client === null);
    const again = this.#slots.reduce((sum, { restarts }) => sum + restarts, 0);
    return missing.length === 0
      ? []
      : [`${missing.length} of ${this.#slots.length} workers are not there (${again} were started again so far); see the log`];
  }

  /** Has all of them read their configuration again. @throws the first error; those without one have the new configuration. */
  async reload(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.call("reload", {}, { timeoutMs: 30_000 })));
  }

  /** Ends all; they let requests on their way end. */
  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#slots.map(async ({ process: child, client }) => {
        client?.close();
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
        // Not by a signal: the service manager may have sent one to all, and a second one would cut requests off.
        child.stdin!.end();
        const late = setTimeout(() => child.kill("SIGKILL"), endMs);
        await gone;
        clearTimeout(late);
      }),
    );
  }

  async #start(slot: Slot): Promise<void> {
    const { socket, args, log } = this.#options;
    const own = `${socket}.${slot.number}`;
    const program = isSea() ? [] : [process.argv[1]!];
    const child = spawn(process.execPath, [...process.execArgv, ...program, "worker", "--socket", own, ...args], {
      // A pipe that nobody writes to: its end ends the worker. Ctrl-C goes to this process only, which then ends its workers.
      stdio: ["pipe", "inherit", "inherit"],
      detached: true,
      env: { ...process.env, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, LISTEN_FDS: undefined },
    });
    slot.process = child;
    slot.startedMs = performance.now();
    const exited = new Promise<number | string>((resolve) => {
      child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
      child.once("error", (error) => resolve(error.message));
    });
    void exited.then((how) => this.#ended(slot, how));
    const deadline = performance.now() + startMs;
    for (;;) {
      const client = await connect(own, nicd).catch(() => null);
      if (client) {
        slot.client = client;
        log.info("worker serves", { worker: slot.number, pid: child.pid });
        return;
      }
      const how = await Promise.race([exited, new Promise<null>((resolve) => setTimeout(() => resolve(null), 20))]);
      if (how === null && performance.now() < deadline) continue;
      throw new MitsuError(`worker ${slot.number} did not start: ${how === null ? `not within ${startMs} ms` : `it ended with ${how}`}`, {
        code: "ERR_WORKER_START",
        exit: typeof how === "number" ? how : exitStatus.unavailable,
        hint: "its own messages stand above; or run nicd with --workers 1",
      });
    }
  }

  #ended(slot: Slot, how: number | string): void {
    const wasServing = slot.client !== null;
    slot.client?.close();
    slot.client = null;
    if (this.#ending || !wasServing) return;
    const livedMs = performance.now() - slot.startedMs;
    slot.pauseMs = livedMs > restartMs.stable ? restartMs.first : Math.min(slot.pauseMs * 2, restartMs.most);
    slot.restarts++;
    this.#options.log.error("a worker ended; it is started again", { worker: slot.number, how, inMs: slot.pauseMs });
    this.#again(slot);
  }

  #again(slot: Slot): void {
    setTimeout(() => {
      if (this.#ending) return;
      this.#start(slot).catch((error: unknown) => {
        this.#options.log.error("a worker cannot be started", { error });
        slot.pauseMs = Math.min(slot.pauseMs * 2, restartMs.most);
        this.#again(slot);
      });
    }, slot.pauseMs).unref();
  }
}
