/** What survives a restart: the estimates, and the proposal that stands. @module */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Env, Log } from "@mitsu/cli";
import { z } from "zod";
import { writeOutput } from "../files/output-file.ts";
import type { Plan } from "../plan/plan.ts";
import type { KeptMatrix } from "./decayed-matrix.ts";

/** What is kept. */
export interface Kept {
  /** Milliseconds since 1970. */
  readonly savedAtMs: number;
  /** By the socket of the sockhijack. */
  readonly sources: Readonly<Record<string, KeptMatrix>>;
  readonly proposal: { readonly plan: Plan; readonly sinceMs: number } | null;
}

const version = 1;
const rate = z.number().nonnegative();
const schema = z.object({
  version: z.literal(version),
  savedAtMs: z.number(),
  sources: z.record(
    z.string(),
    z.object({
      coverage: z.number().min(0).max(1),
      rates: z.array(z.object({ from: z.string(), to: z.string(), messagesPerSecond: rate, bytesPerSecond: rate })),
    }),
  ),
  proposal: z
    .object({ plan: z.looseObject({ version: z.literal(1), assignment: z.record(z.string(), z.string()) }), sinceMs: z.number() })
    .nullable(),
});

/** The file's name in `--state`. */
export const stateName = "watch.json";

/** Reads it; null when there is none. One that is wrong is told of, and counts as none: the estimate begins anew, and the next save replaces it. */
export function readState(folder: string, log: Log): Kept | null {
  const path = join(folder, stateName);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") log.warn("the kept estimate cannot be read, and begins anew", { path, error });
    return null;
  }
  try {
    // The plan is our own, as written: of its fields, those are checked that the daemon itself relies on.
    return schema.parse(JSON.parse(text)) as unknown as Kept;
  } catch (cause) {
    const error = cause instanceof z.ZodError ? new Error(`${cause.issues[0]?.path.join(".")}: ${cause.issues[0]?.message}`) : cause;
    log.warn("the kept estimate is damaged, and begins anew", { path, error });
    return null;
  }
}

/** Writes it, whole or not at all. @throws {MitsuError} `ERR_OUTPUT_UNWRITABLE`, or the system's error when there can be no such folder. */
export async function writeState(folder: string, kept: Kept, env: Env): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  await writeOutput(join(folder, stateName), `${JSON.stringify({ version, ...kept })}\n`, env);
}
