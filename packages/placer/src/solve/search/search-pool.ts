/** Threads that do search jobs; one alone needs no thread. @module */
import { getAsset, isSea } from "node:sea";
import { Worker } from "node:worker_threads";
import type { Figures, Instance } from "../instance.ts";
import { type SearchAnswer, type SearchJob, search } from "./search-job.ts";

/**
 * Does jobs beside each other, each on its own; answers come in the order of the jobs, whoever did them.
 *
 * @example
 * ```ts
 * await using pool = new SearchPool(instance, 2);
 * const [one, other] = await pool.run([job, { ...job, seed: 2 }]);
 * ```
 */
export class SearchPool {
  readonly threads: number;
  readonly #figures: Figures;
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];

  constructor(instance: Instance, threads: number) {
    const { problem: _, ...figures } = instance;
    this.#figures = figures;
    this.threads = Math.max(1, threads);
  }

  /** @throws {Error} what a thread died of. */
  async run(jobs: readonly SearchJob[]): Promise<SearchAnswer[]> {
    if (this.threads === 1) return jobs.map((job) => search(this.#figures, job));
    const answers: SearchAnswer[] = [];
    let next = 0;
    const serve = async (): Promise<void> => {
      const worker = this.#idle.pop() ?? this.#start();
      while (next < jobs.length) {
        const at = next++;
        answers[at] = await ask(worker, jobs[at]!);
      }
      this.#idle.push(worker);
    };
    await Promise.all(Array.from({ length: Math.min(this.threads, jobs.length) }, serve));
    return answers;
  }

  #start(): Worker {
    const worker = isSea()
      ? new Worker(getAsset("search-worker.js", "utf8"), { eval: true, workerData: this.#figures, execArgv: [] })
      : new Worker(new URL("./search-worker.ts", import.meta.url), { workerData: this.#figures });
    this.#all.push(worker);
    return worker;
  }

  /** Ends the threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, job: SearchJob): Promise<SearchAnswer> {
  return new Promise((resolve, reject) => {
    worker.removeAllListeners();
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a thread of the search ended with ${code}`)));
    worker.postMessage(job);
  });
}
