/** Colours for people: only on a terminal, and never with NO_COLOR. @module */
import type { Env, OutputStream } from "./env.ts";

const ansi = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33" } as const;

/** Puts text into a style, or leaves it as it is. */
export type Paint = (style: keyof typeof ansi, text: string) => string;

/**
 * What paints for a stream; the result is as wide as the text.
 *
 * @example
 * ```ts
 * const paint = painter(env.stdout, env.vars);
 * env.stdout.write(paint("red", "503"));
 * ```
 */
export function painter({ isTTY }: Pick<OutputStream, "isTTY">, { NO_COLOR }: Env["vars"]): Paint {
  return isTTY && !NO_COLOR ? (style, text) => (text === "" ? "" : `\x1b[${ansi[style]}m${text}\x1b[0m`) : (_style, text) => text;
}
