/** What the benches of simulated hardware share: their options, and where their results go. @module */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** What a bench was asked for. */
export interface HdlOptions {
  readonly quick: boolean;
  readonly out: string;
  readonly json: boolean;
  readonly strict: boolean;
}

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
 * Runs a bench by its command line: `--quick`, `--out DIR`, `--json`, `--strict`, `--help`.
 *
 * @param name Its files are `<name>-<date>.json` and `<name>.svg`.
 * @returns the exit status: 1 when a target is missed with `--strict`, 2 for a wrong option.
 */
export async function runHdlBench(name: string, usage: string, measure: (options: HdlOptions) => Promise<HdlReport>): Promise<number> {
  const flag = { type: "boolean", default: false } as const;
  const read = (): ReturnType<typeof parse> | undefined => {
    try {
      return parse();
    } catch (error) {
      process.stderr.write(`${name}: ${(error as Error).message}\n`);
      return undefined;
    }
  };
  const parse = (): HdlOptions & { readonly help: boolean } =>
    parseArgs({
      options: {
        quick: flag,
        json: flag,
        strict: flag,
        help: { ...flag, short: "h" },
        out: { type: "string", default: join(import.meta.dirname, "../out") },
      },
    }).values;
  const options = read();
  if (!options) return 2;
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { targets, rows, text, svg } = await measure(options);
  const date = new Date().toISOString();
  const whole = `${JSON.stringify({ date, quick: options.quick, targets, rows }, null, 2)}\n`;
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, `${name}-${date.replace(/[:.]/g, "-")}.json`), whole);
  await writeFile(join(options.out, `${name}.svg`), svg);
  const judged = targets.map(({ target, measured, met }) => `${met ? "met   " : "MISSED"} ${target}: ${measured.toFixed(2)}\n`);
  process.stdout.write(options.json ? whole : `${text}\n${judged.join("")}${join(options.out, `${name}.svg`)}\n`);
  return options.strict && targets.some(({ met }) => !met) ? 1 : 0;
}
