/** Runs the semantics cases in one process and hands out each case's outcome as it comes. @module */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { exitStatus, MitsuError, NotSupportedError } from "@mitsu/cli/error";

const script = new URL("run.py", import.meta.url).pathname;
const python = ["python3", "-B", script];

/** A case as `run.py --list` prints it. */
export interface CaseName {
  readonly case: string;
  /** True: its flow must be redirected; false: must stay on TCP; null: either is right. */
  readonly coupled: boolean | null;
  /** Seconds after which it counts as hung. */
  readonly limit: number;
}

/** What one case came to. */
export interface Outcome {
  readonly case: string;
  readonly ok: boolean;
  /** Why it failed, with the place in the case. */
  readonly detail: string;
  /** What the case saw; equal with and without sockhijack. */
  readonly observed: Readonly<Record<string, unknown>>;
  /** Figures that under sockhijack may be at most a tenth larger than in a plain run. */
  readonly measured: Readonly<Record<string, number>>;
  readonly ms: number;
  /** What its flows were when it looked: `redirected`, `tcp`, `either:…`; empty in a plain run. */
  readonly flow: string;
}

/** Every case there is, in order. */
export function listCases(): CaseName[] {
  const listed = spawnSync(python[0]!, [...python.slice(1), "--list"], { encoding: "utf8" });
  if (listed.status !== 0) throw new Error(`cannot list the semantics cases: ${listed.stderr || listed.error}`);
  return parseLines(listed.stdout);
}

function parseLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

/** A running batch. */
export interface Batch {
  /** The outcome of a case once it is there. @throws when the batch ended without it; {@link NotSupportedError} if the kernel cannot. */
  outcome(name: string): Promise<Outcome>;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  /** Ends the process. */
  stop(): void;
}

/**
 * Starts all cases.
 *
 * @param prefix Command that runs the batch, `[]` for a plain run.
 * @param env Added to the environment.
 * @example
 * ```ts
 * const batch = startBatch([], {});
 * console.log(await batch.outcome("IPv6"));
 * ```
 */
export function startBatch(prefix: readonly string[], env: Readonly<Record<string, string>>): Batch {
  const [program, ...args] = [...prefix, ...python];
  const child = spawn(program!, args, { env: { ...process.env, MITSU_NODE: process.execPath, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const cases = new Map<string, PromiseWithResolvers<Outcome>>();
  const slot = (name: string): PromiseWithResolvers<Outcome> => {
    const known = cases.get(name) ?? Promise.withResolvers<Outcome>();
    cases.set(name, known);
    return known;
  };
  let failure: MitsuError | undefined;
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    errors = (errors + part).slice(-4000);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const outcome = JSON.parse(line) as Outcome;
    slot(outcome.case).resolve(outcome);
  });
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      errors += String(error);
    });
    child.on("close", (status, signal) => {
      failure = failureOf(status, signal, errors);
      for (const waiting of cases.values()) waiting.reject(failure);
      resolve();
    });
  });
  return {
    outcome: (name) => {
      const { promise, reject } = slot(name);
      promise.catch(() => {}); // a test that was not selected leaves it unobserved
      if (failure) reject(failure);
      return promise;
    },
    ended,
    stop: () => child.kill("SIGTERM"),
  };
}

function failureOf(status: number | null, signal: string | null, errors: string): MitsuError {
  const why = `the batch of semantics cases ended (${signal ?? `exit status ${status}`}) before this case: ${errors.trim()}`;
  if (status === exitStatus.unsupported) return new NotSupportedError(why, "run the suite on a kernel that sockhijack supports");
  return new MitsuError(why, { code: "ERR_TEST_BATCH" });
}
