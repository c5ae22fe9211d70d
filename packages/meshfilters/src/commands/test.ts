/** `meshfilters test`: a filter against written or recorded requests, without a network. @module */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { type Context, exitStatus, json, MitsuError } from "@mitsu/cli";
import { loadModule } from "@mitsu/proxy-wasm";
import { cachedBuild } from "../compile/cached-build.ts";
import { findSource } from "../compile/language.ts";
import { optimiserNotice } from "../compile/optimise.ts";
import { readConfiguration, readInput, readText } from "../files/read-file.ts";
import { type Case, casesOf } from "../run/cases.ts";
import { casesOfHar } from "../run/har.ts";
import { jsonOf, tapOf } from "../run/report.ts";
import { runCase } from "../run/run-case.ts";
import { parseTestFile } from "../run/test-file.ts";
import { type LimitArguments, limitsOf } from "./limits.ts";

interface Arguments extends LimitArguments {
  readonly filter: string;
  readonly config: string | undefined;
  readonly rootId: string;
  readonly requests: string | undefined;
}

/** A module, built if it is given as its source. */
export async function moduleOf(filter: string, { env, program }: Context): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const path = resolve(env.cwd(), filter);
  if (extname(path) === ".wasm") return { name: basename(path, ".wasm"), bytes: readInput(filter, env) };
  const source = findSource(path);
  const notice = optimiserNotice(source.language, "2");
  if (notice !== undefined) env.stderr.write(`notice: ${notice}\n`);
  const { wasm, warnings } = await cachedBuild(
    source,
    { optimise: "2", debug: false, key: undefined, capabilities: [], release: "0.1.0", builder: `${program.name} ${program.version}` },
    env.vars,
  );
  if (warnings !== "") env.stderr.write(`${warnings}\n`);
  return { name: source.name, bytes: wasm };
}

/** Requests of a file, by its ending; of none, those in test.yaml beside the filter. */
export function readCases(requests: string | undefined, filter: string, { env }: Context): readonly Case[] {
  const path = resolve(env.cwd(), filter);
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
  const beside = join(folder, "test.yaml");
  if (requests === undefined && !existsSync(beside))
    throw new MitsuError(`there are no requests for ${filter}: no such file ${relative(env.cwd(), beside)}`, {
      code: "ERR_FILTER_TEST_FILE",
      hint: "write it, or give --requests",
      exit: exitStatus.usage,
    });
  const file = requests ?? relative(env.cwd(), beside);
  const text = readText(file, env);
  return /\.(har|json)$/.test(file) ? casesOfHar(text, file) : casesOf(parseTestFile(text, file));
}

/** Exit status 1 when something is not as expected. */
export async function run(args: Arguments, context: Context): Promise<number> {
  const limits = limitsOf(args);
  const configuration = readConfiguration(args.config, context.env);
  const cases = readCases(args.requests, args.filter, context).map((one) => ({
    ...one,
    settings: { ...one.settings, ...(configuration && { configuration }), ...(args.rootId !== "" && { rootId: args.rootId }) },
  }));
  const { name, bytes } = await moduleOf(args.filter, context);
  const module = await loadModule(bytes, limits);
  const results = cases.map((one) => runCase(module, name, one, limits));
  const { stdout } = context.env;
  stdout.write(context.json ? json(jsonOf(name, results)) : tapOf(cases, results));
  return results.every(({ passed }) => passed) ? exitStatus.ok : exitStatus.failure;
}
