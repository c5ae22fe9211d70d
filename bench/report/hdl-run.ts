/** What the benches of simulated hardware share: their options, and where their results go. @module */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MitsuError } from "../../packages/cli/src/mod.ts";

/** What a bench was asked for. */
export interface HdlOptions {
  readonly quick: boolean;
  readonly out: string;
  readonly json: boolean;
  readonly strict: boolean;
  /** Those of the bench's own options, by name. */
  readonly own: Readonly<Record<string, string>>;
}

/** An option of one bench: what it may be, its default first. */
export type HdlChoices = Readonly<Record<string, readonly string[]>>;

/** Something to be reached. */
export interface HdlTarget {
  readonly target: string;
  readonly measured: number;
  readonly met: boolean;
}

/** What a bench found. */
export interface HdlReport {
  readonly targets: readonly HdlTarget[];
  readonly rows: readonly unknown[];
  readonly text: string;
  readonly svg: string;
}

/**
 * Reads a bench's options.
 *
 * @throws {TypeError} for one that is not known, or a choice that is none.
 * @example
 * ```ts
 * parseHdlOptions(["--quick", "--engine", "twin"], { engine: ["rtl", "twin"] }).own.engine; // "twin"
 * ```
 */
export function parseHdlOptions(args: readonly string[], choices: HdlChoices): HdlOptions & { readonly help: boolean } {
  const flag = { type: "boolean", default: false } as const;
  const own = Object.fromEntries(Object.entries(choices).map(([name, [usual]]) => [name, { type: "string", default: usual! } as const]));
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...own,
      quick: flag,
      json: flag,
      strict: flag,
      help: { ...flag, short: "h" },
      out: { type: "string", default: join(import.meta.dirname, "../out") },
    },
  });
  const chosen = Object.entries(choices).map(
    ([name, allowed]) => [name, String((values as Record<string, unknown>)[name]), allowed] as const,
  );
  for (const [name, value, allowed] of chosen)
    if (!allowed.includes(value)) throw new TypeError(`--${name} ${value}: it is one of ${allowed.join(", ")}`);
  return { ...values, own: Object.fromEntries(chosen.map(([name, value]) => [name, value])) };
}

/**
 * Runs a bench by its command line: `--quick`, `--out DIR`, `--json`, `--strict`, `--help`, and the bench's own options.
 *
 * @param name Its files are `<name>-<date>.json` and `<name>.svg`.
 * @returns the exit status: 1 when a target is missed with `--strict`, 2 for a wrong option, a MitsuError's own (69 for a model that is not built).
 */
export async function runHdlBench(
  name: string,
  usage: string,
  measure: (options: HdlOptions) => Promise<HdlReport>,
  choices: HdlChoices = {},
): Promise<number> {
  let options: ReturnType<typeof parseHdlOptions>;
  try {
    options = parseHdlOptions(process.argv.slice(2), choices);
  } catch (error) {
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    return await measured(name, options, await measure(options));
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    process.stderr.write(`${name}: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ""}\n`);
    return error.exit;
  }
}

/** Writes the files and the text. */
async function measured(name: string, options: HdlOptions, { targets, rows, text, svg }: HdlReport): Promise<number> {
  const date = new Date().toISOString();
  const whole = `${JSON.stringify({ date, quick: options.quick, targets, rows }, null, 2)}\n`;
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, `${name}-${date.replace(/[:.]/g, "-")}.json`), whole);
  await writeFile(join(options.out, `${name}.svg`), svg);
  const judged = targets.map(({ target, measured, met }) => `${met ? "met   " : "MISSED"} ${target}: ${measured.toFixed(2)}\n`);
  process.stdout.write(options.json ? whole : `${text}\n${judged.join("")}${join(options.out, `${name}.svg`)}\n`);
  return options.strict && targets.some(({ met }) => !met) ? 1 : 0;
}
