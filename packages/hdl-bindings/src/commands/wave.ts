/** `hdl-bindings wave`: a VCD or FST of a run, and chosen ports as text. @module */
import { type Context, print } from "@mitsu/cli";
import { writable } from "../model/trace-file.ts";
import type { Value } from "../model/value.ts";
import { type BenchArguments, hex, openBench } from "./bench.ts";

interface Arguments extends BenchArguments {
  readonly output: string;
  readonly signal: readonly string[];
}

/** One line a port: bits as a line that is high or low, values where they change. */
export function waveText(name: string, width: number, values: readonly Value[]): string {
  if (width === 1) return `${name} ${values.map((value) => (value === 0 ? "_" : "‾")).join("")}`;
  const shown = values.map(hex);
  return `${name} ${shown.map((value, at) => (at > 0 && shown[at - 1] === value ? "." : `|${value}`)).join("")}`;
}

/** Writes it and says how to look at it. */
export async function run(args: Arguments, context: Context): Promise<void> {
  writable(args.output); // before a compile that takes a while
  const model = await openBench(args, context, args.output);
  const fields = args.signal.map((name) => {
    model.get(name); // says so when there is none
    return model.layout.fields.find((field) => field.name === name)!;
  });
  const samples = fields.map((): Value[] => []);
  const step = fields.length ? 1 : Math.max(1, args.cycles);
  for (let cycle = 0; cycle < args.cycles; cycle += step) {
    model.step(step);
    for (const [at, { name }] of fields.entries()) samples[at]!.push(model.get(name));
  }
  model.close();
  const widest = Math.max(0, ...fields.map(({ name }) => name.length));
  const lines = fields.map(({ name, width }, at) => waveText(name.padEnd(widest), width, samples[at]!));
  print(context, { file: args.output, cycles: model.cycle, waves: lines }, ({ waves, file }) =>
    [...waves, `${file}: look at it with gtkwave ${file} (apt-get install gtkwave)`, ""].join("\n"),
  );
}
