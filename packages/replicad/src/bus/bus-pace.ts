/** How often states go out, as the command line says: `--interval` and `--quiet`. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Options of `Publisher`, `Ticker` (the first) and `NodeTable` (the first). */
export interface BusPace {
  readonly fastMs: number;
  readonly slowMs: number;
}

/**
 * Checks both.
 *
 * @param intervalMs Between two messages while something changes, 0.5 to 1000.
 * @param quietMs Between two while nothing does, from `intervalMs` to 10 000: beyond that others take the node for silent.
 * @throws {MitsuError} `ERR_BUS_PACE`.
 * @example
 * ```ts
 * busPace(1, 100); // { fastMs: 1, slowMs: 100 }
 * ```
 */
export function busPace(intervalMs: number, quietMs: number): BusPace {
  const wrong = (option: string, value: number, range: string): MitsuError =>
    new MitsuError(`--${option} cannot be ${value} ms`, { code: "ERR_BUS_PACE", hint: `write ${range}`, exit: exitStatus.usage });
  if (!(intervalMs >= 0.5 && intervalMs <= 1000)) throw wrong("interval", intervalMs, "0.5 to 1000");
  if (!(quietMs >= intervalMs && quietMs <= 10_000)) throw wrong("quiet", quietMs, `${intervalMs} (the interval) to 10000`);
  return { fastMs: intervalMs, slowMs: quietMs };
}
