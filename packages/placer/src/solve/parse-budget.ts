/** `--budget`: how much may move. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Budget } from "./strategy.ts";

const units: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Reads `moves=N` and `bytes=B`, one or both with a comma between; null for nothing.
 *
 * @throws {MitsuError} `ERR_USAGE`, exit status 2.
 * @example
 * ```ts
 * parseBudget("moves=1500"); // { moves: 1500, bytes: Infinity }
 * parseBudget("bytes=20GiB,moves=10");
 * ```
 */
export function parseBudget(text: string | undefined): Budget | null {
  if (text === undefined) return null;
  const limits = { moves: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
  for (const part of text.split(",")) {
    const [, moves] = /^moves=(\d+)$/.exec(part.trim()) ?? [];
    const [, bytes, unit = ""] = /^bytes=(\d+(?:\.\d+)?) ?([kKMGT]i?B|B)?$/.exec(part.trim()) ?? [];
    if (moves !== undefined) limits.moves = Number(moves);
    else if (bytes !== undefined && unit in units) limits.bytes = Number(bytes) * units[unit]!;
    else
      throw new MitsuError(`--budget ${text}: ${JSON.stringify(part)} is neither moves=N nor bytes=B`, {
        code: "ERR_USAGE",
        exit: exitStatus.usage,
        hint: "write --budget moves=1500, or --budget bytes=20GiB",
      });
  }
  return limits;
}
