/** A problem from Jaeger's traces alone. @module */
import type { Env, Log } from "@mitsu/cli";
import { progress } from "@mitsu/cli";
import type { NodeSpec, Problem } from "../problem/problem.ts";
import { profileProblem } from "./profile-problem.ts";
import { tellNotices } from "./tell-notices.ts";
import { thisNode } from "./this-node.ts";
import { observeTraces } from "./trace-source.ts";

/** What the traces are put into. */
export interface JaegerOptions {
  /** Rate at which the traced requests arrive; the traces' own unless given. */
  readonly perSecond: number | undefined;
  /** This host unless given. */
  readonly nodes: readonly NodeSpec[] | undefined;
  readonly env: Env;
  readonly log: Pick<Log, "warn">;
}

/**
 * Reads Jaeger's JSON (`-` is stdin) into a problem: services, what they say to each other, and the CPU time their spans bound from above.
 *
 * @throws {MitsuError} `ERR_TRACES_UNREADABLE`.
 * @example
 * ```ts
 * const problem = await jaegerProblem(["traces.json"], { perSecond: 200, nodes: undefined, env, log });
 * ```
 */
export async function jaegerProblem(files: readonly string[], { perSecond, nodes, env, log }: JaegerOptions): Promise<Problem> {
  const line = progress(env);
  try {
    const traces = await observeTraces(
      files.map((path) => ({ form: "jaeger", path })),
      { env, perSecond, signal: new AbortController().signal, progress: line.update },
    );
    line.done();
    const { problem, notices } = profileProblem([traces], { problem: undefined, nodes: nodes ?? [thisNode()], catalog: undefined });
    tellNotices([...traces.notices, ...notices], log);
    return problem;
  } finally {
    line.done();
  }
}
