/** `hdl-bindings gen`: a class and a model. @module */
import { join, relative, resolve } from "node:path";
import { type Context, exitStatus, MitsuError, print } from "@mitsu/cli";
import { generate } from "../gen/generate.ts";
import { formatMessage } from "../verilator/verilator.ts";
import { type DesignArguments, designOf } from "./design.ts";

/** Folder of Verilator's compiled run time; a user without a home keeps nothing. */
export function cacheFolder(vars: Readonly<Record<string, string | undefined>>): string | undefined {
  if (vars.XDG_CACHE_HOME) return join(vars.XDG_CACHE_HOME, "hdl-bindings");
  return vars.HOME ? join(vars.HOME, ".cache/hdl-bindings") : undefined;
}

interface Arguments extends DesignArguments {
  readonly output: string;
  readonly runtime: string;
  readonly clock: string | undefined;
  readonly reset: string | undefined;
  readonly trace: boolean;
  readonly fst: boolean;
  readonly native: boolean;
}

/** A path as short as it can be said from here. */
function shown(path: string, from: string): string {
  const short = relative(from, path);
  return short.startsWith("..") ? path : short;
}

/** Writes the files and says which; Verilator's warnings go to stderr. */
export async function run(args: Arguments, context: Context): Promise<void> {
  const { env } = context;
  if (args.fst && !args.native) {
    throw new MitsuError("--fst without --native: a model in WebAssembly cannot write FST", {
      code: "ERR_USAGE",
      hint: "give --native too, or --trace for a VCD",
      exit: exitStatus.usage,
    });
  }
  const made = await generate(designOf(args, env), {
    output: resolve(env.cwd(), args.output),
    runtime: args.runtime,
    base: env.cwd(),
    clock: args.clock,
    reset: args.reset,
    trace: args.trace,
    fst: args.fst,
    native: args.native,
    cache: cacheFolder(env.vars),
  });
  for (const warning of made.warnings) env.stderr.write(`${formatMessage(warning)}\n`);
  print(context, { module: made.module, ports: made.ports, parameters: made.parameters, files: made.files }, ({ files }) =>
    files.map((file) => `${shown(file, env.cwd())}\n`).join(""),
  );
}
