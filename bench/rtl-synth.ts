/**
 * rtl-synth.sh: what each block of packages/hdl-bindings/rtl takes of an iCE40 and how fast it is there, by `hdl-bindings synth` (yosys, nextpnr-ice40): at its own parameters, and at
 * smaller ones where those do not fit the HX8K (7680 LUTs and registers, 32 block RAMs). Cells are the same on every machine; latency and throughput stand in each file's header, and
 * tests hold them.
 *
 * @module
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Synthesis, synthesise } from "../packages/hdl-bindings/src/commands/synth.ts";

const usage = `rtl-synth.sh: cells, clock, latency and throughput of every RTL block, on an iCE40 HX8K

usage: bench/rtl-synth.sh [options]

  --write       puts the table into packages/hdl-bindings/README.md, between its marks
  --all         with the rows that do not fit the device, which take minutes each, and topic_matcher with 4096 filters a good hour
  --only BLOCK  this block only
  --out DIR     where rtl-synth-<date>.json goes (default bench/out)
  --json        the figures as JSON on stdout instead of the table
  --help

example:
  bench/rtl-synth.sh --only exact_match
`;

/** One row: a block at some parameters. */
interface Point {
  readonly block: string;
  /** Its own ones where empty. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Whether it may fit, so that it is placed and routed. */
  readonly timing: boolean;
  readonly latency: string;
  readonly throughput: string;
  /** Takes minutes, as it does not fit. */
  readonly slow?: boolean;
}

const points: readonly Point[] = [
  { block: "internet_checksum", parameters: {}, timing: true, latency: "3", throughput: "8 bytes" },
  { block: "toeplitz", parameters: {}, timing: true, latency: "2", throughput: "8 bytes" },
  { block: "match_action", parameters: {}, timing: false, latency: "2", throughput: "1 key", slow: true },
  { block: "match_action", parameters: { ENTRIES: 16, KEY_W: 32 }, timing: true, latency: "2", throughput: "1 key" },
  { block: "exact_match", parameters: {}, timing: false, latency: "3", throughput: "1 key", slow: true },
  {
    block: "exact_match",
    parameters: { ROWS: 256, WAYS: 2, KEY_W: 32, COUNT_W: 16 },
    timing: true,
    latency: "3",
    throughput: "1 key",
  },
  { block: "match_table", parameters: {}, timing: false, latency: "5", throughput: "1 key", slow: true },
  {
    block: "match_table",
    parameters: { ROWS: 256, WAYS: 2, PREFIXES: 8, KEY_W: 32, COUNT_W: 16 },
    timing: true,
    latency: "5",
    throughput: "1 key",
  },
  { block: "topic_matcher", parameters: {}, timing: false, latency: "levels + 3", throughput: "1 level, 1 entry", slow: true },
  {
    block: "topic_matcher",
    parameters: { FILTERS: 256, LEVELS: 6 },
    timing: false,
    latency: "levels + 3",
    throughput: "1 level, 1 entry",
    slow: true,
  },
  {
    block: "topic_matcher",
    parameters: { FILTERS: 128, LEVELS: 2, ID_W: 6, CHUNK_W: 6, ENTRY_W: 8 },
    timing: true,
    latency: "levels + 3",
    throughput: "1 level, 1 entry",
  },
  { block: "async_ring", parameters: {}, timing: true, latency: "2", throughput: "1 word" },
  { block: "async_link", parameters: {}, timing: true, latency: "as set", throughput: "1 word" },
  { block: "async_engine", parameters: {}, timing: true, latency: "2 out, 2 in", throughput: "1 word each way" },
  { block: "async_pair", parameters: {}, timing: true, latency: "link + 8", throughput: "1 word each way" },
  { block: "async_mesh", parameters: {}, timing: false, latency: "link + 8", throughput: "1 word each way, each node" },
  { block: "async_mesh", parameters: { NODES: 3 }, timing: true, latency: "link + 8", throughput: "1 word each way, each node" },
];

/** A row as it was found. */
interface Row extends Point {
  readonly result: Synthesis | undefined;
  /** Why there is none. */
  readonly why?: string;
  readonly seconds: number;
}

function count(cells: Readonly<Record<string, number>>, pattern: RegExp): number {
  return Object.entries(cells).reduce((sum, [type, many]) => sum + (pattern.test(type) ? many : 0), 0);
}

const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, " ");

/** The cells of a row: LUTs, registers, block RAMs, clock. */
function figures({ result, why, timing }: Row): readonly string[] {
  if (!result) return [why ?? "", "", "", ""];
  const { cells, maxFrequencyMhz, reason } = result;
  const clock = maxFrequencyMhz === undefined ? (timing ? `no: ${reason}` : "too large") : maxFrequencyMhz.toFixed(0);
  return [grouped(count(cells, /LUT4/)), grouped(count(cells, /DFF/)), grouped(count(cells, /RAM40/)), clock];
}

/** The rows as Markdown, columns of one width. */
function markdown(rows: readonly Row[]): string {
  const header = ["Block", "Parameters", "LUTs", "Registers", "Block RAMs", "MHz", "Latency [cycles]", "Throughput [per cycle]"];
  const lines = rows.map((row) => [
    `\`${row.block}\``,
    Object.entries(row.parameters)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ") || "its own",
    ...figures(row),
    row.latency,
    row.throughput,
  ]);
  const widths = header.map((title, at) => Math.max(title.length, ...lines.map((line) => line[at]!.length)));
  const right = (at: number): boolean => at >= 2 && at <= 5;
  const put = (line: readonly string[]): string =>
    `| ${line.map((text, at) => (right(at) ? text.padStart(widths[at]!) : text.padEnd(widths[at]!))).join(" | ")} |`;
  const rule = widths.map((width, at) => (right(at) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [put(header), put(rule), ...lines.map(put), ""].join("\n");
}

const [begin, end] = ["<!-- figures: bench/rtl-synth.sh -->", "<!-- end of figures -->"];

/** Replaces what is between the marks of a README. @returns Whether it has them. */
export function withFigures(text: string, figuresText: string): string | undefined {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) return undefined;
  return `${text.slice(0, from + begin.length)}\n\n${figuresText}\n${text.slice(to)}`;
}

async function measure(point: Point, all: boolean): Promise<Row> {
  if (point.slow && !all) return { ...point, result: undefined, why: "with --all", seconds: 0 };
  const rtl = join(import.meta.dirname, "../packages/hdl-bindings/rtl");
  const parameters = Object.fromEntries(Object.entries(point.parameters).map(([name, value]) => [name, String(value)]));
  const design = { files: [join(rtl, `${point.block}.sv`)], top: point.block, include: [rtl], parameters };
  const start = performance.now();
  const result = await synthesise(design, point.timing);
  return { ...point, result, seconds: Math.round((performance.now() - start) / 100) / 10 };
}

async function main(): Promise<number> {
  const flag = { type: "boolean", default: false } as const;
  const options = (() => {
    try {
      return parseArgs({
        options: { write: flag, all: flag, json: flag, help: { ...flag, short: "h" }, only: { type: "string" }, out: { type: "string" } },
      }).values;
    } catch (error) {
      process.stderr.write(`rtl-synth: ${(error as Error).message}\n`);
      return undefined;
    }
  })();
  if (!options) return 2;
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const wanted = points.filter(({ block }) => options.only === undefined || block === options.only);
  if (wanted.length === 0 || (options.write && options.only !== undefined)) {
    const blocks = [...new Set(points.map(({ block }) => block))].join(", ");
    process.stderr.write(
      `rtl-synth: ${wanted.length ? "--write wants all blocks, not --only" : `no block ${options.only}; there are ${blocks}`}\n`,
    );
    return 2;
  }
  const rows: Row[] = [];
  for (const point of wanted) {
    const row = await measure(point, options.all);
    rows.push(row);
    process.stderr.write(`${row.block} ${figures(row).join(" ")} (${row.seconds} s)\n`);
  }
  const text = markdown(rows);
  const out = options.out ?? join(import.meta.dirname, "out");
  const date = new Date().toISOString();
  const whole = `${JSON.stringify({ date, rows }, null, 2)}\n`;
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `rtl-synth-${date.replace(/[:.]/g, "-")}.json`), whole);
  process.stdout.write(options.json ? whole : text);
  if (!options.write) return 0;
  const path = join(import.meta.dirname, "../packages/hdl-bindings/README.md");
  const replaced = withFigures(await readFile(path, "utf8"), text);
  if (replaced === undefined) {
    process.stderr.write(`rtl-synth: ${path} has no line ${begin} with ${end} after it\n`);
    return 1;
  }
  await writeFile(path, replaced);
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    const { message, hint, exit } = error as { message: string; hint?: string; exit?: number };
    process.stderr.write(`rtl-synth: ${message}${hint ? `\n  hint: ${hint}` : ""}\n`);
    process.exitCode = exit ?? 1;
  }
}
