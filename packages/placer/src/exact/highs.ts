/** HiGHS in a thread of its own, so that a deadline and Ctrl-C work while it solves, and its memory goes when it ends. @module */
import { Worker } from "node:worker_threads";
import { highsModule } from "./highs-module.ts";
import { highsThread } from "./highs-thread.ts";
import type { MipArrays } from "./mip.ts";

/** How to solve. */
export interface MipOptions {
  /** Wall clock for this one solve. */
  readonly timeLimitMs: number;
  /** Ends when the best found and the bound are so near to each other; 5·10⁻⁷ unless told. */
  readonly gap?: number;
  /** Values of the columns of a solution that may be known: `Float64Array[columns]`, NaN where they are not. */
  readonly start?: Float64Array;
  readonly seed?: number;
  /** Called with each better solution and each better bound. */
  readonly onProgress?: (best: number | null, bound: number) => void;
}

/** What became of it. */
export interface MipAnswer {
  /** `cut`: time was up; there may be values or not. */
  readonly status: "optimal" | "infeasible" | "cut";
  readonly values: Float64Array | null;
  /** Nothing is better than this; −∞ when nothing is known. */
  readonly bound: number;
  /** Nodes of the search tree. */
  readonly steps: number;
}

/** What the thread is asked. */
export interface HighsQuestion {
  readonly mip: MipArrays;
  readonly timeLimitSeconds: number;
  readonly gap: number;
  readonly seed: number;
  readonly start: Float64Array | null;
}

/** What the thread says: progress any number of times, then one answer or an error. */
export type HighsMessage =
  | { readonly kind: "progress"; readonly bound: number | null; readonly values: Float64Array | null; readonly best: number | null }
  | { readonly kind: "answer"; readonly answer: MipAnswer }
  | { readonly kind: "error"; readonly message: string };

/** HiGHS looks at its clock between steps, some of which are long; so much later it is ended. */
const graceMs = 150;

/**
 * A solver; one question at a time.
 *
 * @example
 * ```ts
 * await using highs = new Highs();
 * const { status, values } = await highs.solve(mip.arrays(), { timeLimitMs: 1000 });
 * ```
 */
export class Highs {
  #worker: Worker | null = null;

  /** @throws {Error} when HiGHS refuses the model, or runs out of memory. */
  async solve(mip: MipArrays, options: MipOptions): Promise<MipAnswer> {
    const until = performance.now() + options.timeLimitMs;
    this.#worker ??= start();
    const worker = this.#worker;
    let best: Float64Array | null = null;
    let bound = Number.NEGATIVE_INFINITY;
    const left = Math.max(0, until - performance.now());
    const question: HighsQuestion = {
      mip,
      timeLimitSeconds: left / 1000,
      gap: options.gap ?? 5e-7,
      seed: options.seed ?? 0,
      start: options.start ?? null,
    };
    const message = await new Promise<HighsMessage | null>((resolve, reject) => {
      const late = setTimeout(() => resolve(null), left + graceMs);
      const end = (act: () => void): void => {
        clearTimeout(late);
        act();
      };
      worker.removeAllListeners();
      worker.on("error", (error) => end(() => reject(error)));
      worker.on("exit", () => end(() => reject(new Error("HiGHS ended before it answered"))));
      worker.on("message", (message: HighsMessage) => {
        if (message.kind !== "progress") return end(() => resolve(message));
        best = message.values ?? best;
        bound = Math.max(bound, message.bound ?? bound);
        options.onProgress?.(message.best, bound);
      });
      worker.postMessage(question);
    }).catch(async (error) => {
      await this.close();
      throw error;
    });
    if (message?.kind === "answer") return message.answer;
    await this.close(); // what comes after begins with a clean one
    if (message?.kind === "error") throw new Error(`HiGHS: ${message.message}`);
    return { status: "cut", values: best, bound, steps: 0 };
  }

  /** Ends the thread; the next question starts another. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    worker?.removeAllListeners();
    await worker?.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The thread runs the text of a function, not a file: a standalone binary has no files to start threads from. */
function start(): Worker {
  return new Worker(`(${highsThread.toString()})()`, { eval: true, workerData: highsModule(), execArgv: [], stdout: true, stderr: true });
}
