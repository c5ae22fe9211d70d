/** `--watch`: draws a block again and again, in place on a terminal, one after another in a pipe; and the progress line of long work. @module */
import { setTimeout as wait } from "node:timers/promises";
import type { Env } from "./env.ts";

/** How often, and until when. */
export interface WatchOptions {
  /** Between two blocks; 1000 unless told. */
  readonly intervalMs?: number;
  readonly signal: AbortSignal;
}

/** Home, then each line cleared to its end, then everything below: no flicker, unlike clearing first. */
function redraw(block: string, rows: number): string {
  const lines = block.trimEnd().split("\n").slice(0, rows);
  return `\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\n")}\n\x1b[J`;
}

/**
 * Prints what `block` returns until the signal aborts; a terminal is redrawn in place, elsewhere blocks follow each other with an empty line between.
 *
 * @example
 * ```ts
 * await watch(env, async () => table(await flows(), columns, env.stdout), { signal });
 * ```
 */
export async function watch(env: Env, block: () => Promise<string> | string, { intervalMs = 1000, signal }: WatchOptions): Promise<void> {
  const { stdout } = env;
  let first = true;
  if (stdout.isTTY) stdout.write("\x1b[?1049h\x1b[?25l");
  try {
    while (!signal.aborted) {
      const text = await block();
      stdout.write(stdout.isTTY ? redraw(text, stdout.rows) : `${first ? "" : "\n"}${text}`);
      first = false;
      await wait(intervalMs, undefined, { signal }).catch(() => {}); // an abort ends the pause, and the loop sees it
    }
  } finally {
    if (stdout.isTTY) stdout.write("\x1b[?25h\x1b[?1049l");
  }
}

/** A line on stderr that is rewritten in place. */
export interface Progress {
  readonly update: (text: string) => void;
  /** Clears the line. */
  readonly done: () => void;
}

/** A progress line on a terminal's stderr; elsewhere it prints nothing. */
export function progress(env: Env): Progress {
  const { stderr } = env;
  if (!stderr.isTTY) return { update: () => {}, done: () => {} };
  return {
    update: (text) => stderr.write(`\r${text.slice(0, stderr.columns - 1)}\x1b[K`),
    done: () => stderr.write("\r\x1b[K"),
  };
}
