/** HDA* as software: each element a process, messages over Unix sockets. @module */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MitsuError } from "@mitsu/cli/error";
import type { Found } from "./a-star.ts";
import type { Domain } from "./domain.ts";
import { GridMap, type GridOptions } from "./grid-map.ts";
import { korf } from "./korf.ts";

/** A domain by its parameters, as it goes to another process. */
export type DomainSpec = { readonly korf: number; readonly cost?: number } | { readonly grid: GridOptions };

/** How to search. */
export interface ProcessOptions {
  readonly elements: number;
  /** Each message waits for its acknowledgement; else messages to one element leave together and none waits. */
  readonly blocking?: boolean;
}

/** What a search found, and what it took. */
export interface ProcessOutcome extends Found {
  /** From the word to begin to the last element's end: without the start of the processes. */
  readonly milliseconds: number;
  readonly messages: number;
}

/** What a worker is told first. */
export interface WorkerTask {
  readonly spec: DomainSpec;
  readonly number: number;
  readonly elements: number;
  readonly blocking: boolean;
  readonly folder: string;
}

/** What a worker says: it is connected, or it has ended. */
export type WorkerReport =
  | { readonly ready: true }
  | { readonly ready: false; readonly cost: number | null; readonly expansions: number; readonly messages: number };

/** The domain that a spec names, made anew in each process. */
export function domainOf(spec: DomainSpec): Domain {
  return "grid" in spec ? new GridMap(spec.grid) : korf(spec.korf, spec.cost);
}

/**
 * Starts the processes, searches, and ends them.
 *
 * @throws {MitsuError} `ERR_HDA_PROCESS` when a process ends before it reported.
 * @example
 * ```ts
 * await searchByProcesses({ korf: 12, cost: 30 }, { elements: 3 });
 * ```
 */
export async function searchByProcesses(spec: DomainSpec, { elements, blocking = false }: ProcessOptions): Promise<ProcessOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "mitsu-hda-"));
  const workers = Array.from({ length: elements }, () =>
    fork(fileURLToPath(import.meta.resolve("./worker.ts")), { stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  try {
    const ready = workers.map((worker) => reportOf(worker));
    for (const [number, worker] of workers.entries()) worker.send({ spec, number, elements, blocking, folder } satisfies WorkerTask);
    await Promise.all(ready);
    const ended = workers.map((worker) => reportOf(worker));
    const start = performance.now();
    for (const worker of workers) worker.send("begin");
    const reports = await Promise.all(ended);
    const milliseconds = performance.now() - start;
    const costs = reports.map((report) => (report.ready ? null : report.cost) ?? Number.POSITIVE_INFINITY);
    const sum = (field: "expansions" | "messages"): number =>
      reports.reduce((total, report) => total + (report.ready ? 0 : report[field]), 0);
    return { cost: Math.min(...costs), expansions: sum("expansions"), messages: sum("messages"), milliseconds };
  } finally {
    for (const worker of workers) worker.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function reportOf(worker: ChildProcess): Promise<WorkerReport> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null): void =>
      reject(
        new MitsuError(`an element of the search ended with status ${code} before it had reported`, {
          code: "ERR_HDA_PROCESS",
          hint: "see what it wrote on stderr",
        }),
      );
    worker.once("exit", gone);
    worker.once("message", (report: WorkerReport) => {
      worker.off("exit", gone);
      resolve(report);
    });
  });
}
