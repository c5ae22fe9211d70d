/** `meshfilters build`: a source to a filter, or rules to devices. @module */
import { dirname, join, relative, resolve } from "node:path";
import { type Context, formatBytes, print } from "@mitsu/cli";
import { buildFilter } from "../compile/build-filter.ts";
import type { OptimiseLevel } from "../compile/compiled.ts";
import { findSource } from "../compile/language.ts";
import { optimiserNotice } from "../compile/optimise.ts";
import { readInput } from "../files/read-file.ts";
import { writeOutput } from "../files/write-file.ts";

interface Arguments {
  readonly source: string;
  readonly output: string | undefined;
  readonly key: string | undefined;
  readonly backEnd: readonly string[];
  readonly optimise: OptimiseLevel;
  readonly debug: boolean;
  readonly capability: readonly string[];
  readonly release: string;
}

/** A path as short as it can be said from here. */
function shown(path: string, from: string): string {
  const short = relative(from, path);
  return short.startsWith("..") ? path : short;
}

async function buildOfRules(path: string, { output, backEnd, key }: Arguments, context: Context): Promise<void> {
  const { env, program } = context;
  const { buildRules, builtText } = await import("../rules/build-rules.ts");
  const built = await buildRules(path, {
    output: output === undefined ? undefined : resolve(env.cwd(), output),
    backEnds: backEnd.length > 0 ? backEnd : undefined,
    key: key === undefined ? undefined : Buffer.from(readInput(key, env)),
    builder: `${program.name} ${program.version}`,
  });
  print(context, built, builtText);
}

/** Writes the module, its source map beside it, and says what it is. */
export async function run(args: Arguments, context: Context): Promise<void> {
  const { env, program } = context;
  const path = resolve(env.cwd(), args.source);
  if (/\.ya?ml$/.test(path)) {
    await buildOfRules(path, args, context);
    return;
  }
  const source = findSource(path);
  const key = args.key === undefined ? undefined : readInput(args.key, env);
  const built = await buildFilter(source, {
    optimise: args.optimise,
    debug: args.debug,
    key,
    capabilities: args.capability,
    release: args.release,
    builder: `${program.name} ${program.version}`,
  });
  const output = resolve(env.cwd(), args.output ?? join(dirname(source.path), `${source.name}.wasm`));
  writeOutput(output, built.wasm, env);
  const sourceMap = built.sourceMap === null ? null : join(dirname(output), `${source.name}.wasm.map`);
  if (sourceMap !== null) writeOutput(sourceMap, built.sourceMap!, env);
  if (built.warnings !== "") env.stderr.write(`${built.warnings}\n`);
  const notice = optimiserNotice(source.language, args.optimise);
  if (notice !== undefined) env.stderr.write(`notice: ${notice}\n`);
  const { sha256, sizeBytes, abi, capabilities, manifest } = built.info;
  print(
    context,
    {
      output,
      sourceMap,
      language: source.language,
      abi,
      sizeBytes,
      sha256,
      capabilities: manifest?.capabilities ?? capabilities,
      signed: key !== undefined,
      notices: notice === undefined ? [] : [notice],
    },
    (made) =>
      `${shown(output, env.cwd())}: ${formatBytes(sizeBytes)}, ABI ${abi}, wants ${made.capabilities.join(", ")}${made.signed ? ", signed" : ""}\n`,
  );
}
