/** HDA* as software: each element a process, messages over Unix sockets. @module */
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { MitsuError } from "@mitsu/cli/error";
import type { Found } from "./a-star.ts";
import type { Domain } from "./domain.ts";
import { GridMap, type GridOptions } from "./grid-map.ts";
import { korf } from "./korf.ts";
import type { Way } from "./time-shares.ts";

/** A domain by its parameters, as it goes to another process. */
export type DomainSpec = { readonly korf: number; readonly cost?: number } | { readonly grid: GridOptions };

/** How to search. */
export interface ProcessOptions {
  /** 1 to 64. */
  readonly elements: number;
  /** Each message waits for its acknowledgement; else messages to one element leave together and none waits. */
  readonly blocking?: boolean;
  /** Milliseconds until the search is given up, the start of the processes included; two minutes unless told. */
  readonly timeoutMs?: number;
  /** Is told the processes' ids when all are connected, before they begin: to watch them, or to bind them to processors. */
  readonly onReady?: (pids: readonly number[]) => void;
}

/** What a search found, and what it took. */
export interface ProcessOutcome extends Found {
  /** From the word to begin to the last element's end: without the start of the processes. */
  readonly milliseconds: number;
  readonly messages: number;
  /** Shares of all elements' time, 0 to 1; see {@link TimeShares}. */
  readonly busy: number;
  readonly stalled: number;
  readonly idle: number;
}

/** What a worker is told first. */
export interface WorkerTask {
  readonly spec: DomainSpec;
  readonly number: number;
  readonly elements: number;
  readonly blocking: boolean;
  readonly folder: string;
}

/** What a worker says at its end. */
export interface WorkerEnd {
  readonly ready: false;
  /** null when it knows no way. */
  readonly cost: number | null;
  readonly expansions: number;
  readonly messages: number;
  readonly milliseconds: Readonly<Record<Way, number>>;
}

/** What a worker says: it is connected, or it has ended. */
export type WorkerReport = { readonly ready: true } | WorkerEnd;

/** The domain that a spec names, made anew in each process. */
export function domainOf(spec: DomainSpec): Domain {
  return "grid" in spec ? new GridMap(spec.grid) : korf(spec.korf, spec.cost);
}

/**
 * Starts the processes, searches, and ends them: when it returns or throws there is none left, nor a socket.
 *
 * @throws {MitsuError} `ERR_HDA_PROCESS` when a process ends before it reported; `ERR_HDA_TIMEOUT` past `timeoutMs`; `ERR_HDA_ELEMENTS` for a wrong number of elements;
 * `ERR_KORF_INSTANCE` for a spec that names no instance.
 * @example
 * ```ts
 * await searchByProcesses({ korf: 12, cost: 30 }, { elements: 3 });
 * ```
 */
export async function searchByProcesses(spec: DomainSpec, options: ProcessOptions): Promise<ProcessOutcome> {
  const { elements, blocking = false, timeoutMs = 120_000, onReady } = options;
  if (!Number.isInteger(elements) || elements < 1 || elements > 64)
    throw new MitsuError(`cannot search by ${elements} processes`, { code: "ERR_HDA_ELEMENTS", hint: "give a whole number from 1 to 64" });
  domainOf(spec); // a wrong one fails here, not in each process
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(timedOut(timeoutMs)), timeoutMs);
  const folder = await mkdtemp(join(tmpdir(), "mitsu-hda-"));
  const workers = Array.from({ length: elements }, (_, number) => startWorker(number));
  const inTime = <T>(all: readonly Promise<T>[]): Promise<T[]> => Promise.race([Promise.all(all), late.promise]);
  try {
    for (const [number, worker] of workers.entries()) worker.tell({ spec, number, elements, blocking, folder });
    await inTime(workers.map(({ ready }) => ready));
    await rm(folder, { recursive: true }); // connected sockets need no names
    onReady?.(workers.map(({ pid }) => pid));
    const start = performance.now();
    for (const worker of workers) worker.tell("begin");
    const ends = await inTime(workers.map(({ end }) => end));
    return outcomeOf(ends, performance.now() - start);
  } finally {
    clearTimeout(timer);
    await Promise.all(workers.map((worker) => worker.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

const timedOut = (timeoutMs: number): MitsuError =>
  new MitsuError(`the search by processes did not end within ${timeoutMs} ms`, {
    code: "ERR_HDA_TIMEOUT",
    hint: "raise timeoutMs, or search an easier domain",
  });

function outcomeOf(ends: readonly WorkerEnd[], milliseconds: number): ProcessOutcome {
  const sum = (of: (end: WorkerEnd) => number): number => ends.reduce((total, end) => total + of(end), 0);
  const whole = sum((end) => end.milliseconds.busy + end.milliseconds.stalled + end.milliseconds.idle);
  return {
    cost: Math.min(...ends.map(({ cost }) => cost ?? Number.POSITIVE_INFINITY)),
    expansions: sum((end) => end.expansions),
    messages: sum((end) => end.messages),
    milliseconds,
    busy: sum((end) => end.milliseconds.busy) / whole,
    stalled: sum((end) => end.milliseconds.stalled) / whole,
    idle: sum((end) => end.milliseconds.idle) / whole,
  };
}

/** A process with what it will say. */
interface StartedWorker {
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly end: Promise<WorkerEnd>;
  tell(what: WorkerTask | "begin"): void;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

function startWorker(number: number): StartedWorker {
  const worker = fork(fileURLToPath(import.meta.resolve("./worker.ts")), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [ready, end, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<WorkerEnd>(), Promise.withResolvers<void>()];
  const fail = (why: string, cause?: unknown): void => {
    const error = new MitsuError(`process ${worker.pid ?? "(none)"} of element ${number} ${why} before it had reported`, {
      code: "ERR_HDA_PROCESS",
      hint: "see what it wrote on stderr; a signal came from outside",
      cause,
    });
    for (const one of [ready, end]) {
      one.promise.catch(() => {}); // only the first failure is told
      one.reject(error);
    }
    gone.resolve();
  };
  worker.on("message", (said: WorkerReport) => (said.ready ? ready.resolve() : end.resolve(said)));
  worker.on("error", (error) => worker.pid === undefined && fail("did not start", error));
  worker.on("exit", (status, signal) => fail(signal ? `was ended by ${signal}` : `ended with status ${status}`));
  return {
    pid: worker.pid ?? -1,
    ready: ready.promise,
    end: end.promise,
    tell: (what) => void worker.send(what, () => {}), // one that is gone is told of by its exit
    stop: () => {
      worker.kill("SIGKILL");
      return gone.promise;
    },
  };
}
