/** `placer import`: problems from what others have written. @module */
import { resolve } from "node:path";
import { formatProblem } from "@mitsu/catalog/document";
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { readInput } from "../files/input-file.ts";
import { writeOutput } from "../files/output-file.ts";
import type { Imported } from "../import/import-notes.ts";
import type { Problem } from "../problem/problem.ts";
import { readNodes } from "../problem/read-nodes.ts";
import { formOf, writeProblem } from "../problem/write-problem.ts";

/** What `import k8s` and `import compose` are told. */
export interface ImportArgs {
  readonly file: readonly string[];
  readonly nodes: string | undefined;
  readonly output: string;
}

/** What `import jaeger` is told. */
export interface ImportJaegerArgs extends ImportArgs {
  /** Traced requests a second. */
  readonly perSecond: number | undefined;
}

/** What `import bytedance` is told. */
export interface ImportBytedanceArgs {
  readonly file: string;
  readonly output: string;
}

/** `placer import k8s`. */
export async function k8s({ file, nodes, output }: ImportArgs, context: Context): Promise<void> {
  const { importKubernetes } = await import("../import/kubernetes.ts");
  const files = await readAll(file, context);
  const given = nodes === undefined ? {} : { nodes: await readNodes(nodes, context) };
  await finish(importKubernetes(files, given), output, context);
}

/** `placer import compose`. */
export async function compose({ file, nodes, output }: ImportArgs, context: Context): Promise<void> {
  const { importCompose, projectFolder } = await import("../import/compose.ts");
  if (nodes === undefined) throw usage("Compose files name no nodes", "give a file with a list of nodes with --nodes");
  const { env } = context;
  const files = await readAll(file, context);
  const folder = projectFolder(file[0] === "-" ? "-" : resolve(env.cwd(), file[0]!), env.cwd());
  await finish(importCompose(files, { nodes: await readNodes(nodes, context), vars: env.vars, folder }), output, context);
}

/** `placer import bytedance`. */
export async function bytedance({ file, output }: ImportBytedanceArgs, context: Context): Promise<void> {
  const { importBytedance } = await import("../import/bytedance.ts");
  const { text } = await readInput(file, context.env);
  await finish(importBytedance(text, file === "-" ? "stdin" : file), output, context);
}

/** `placer import jaeger`. */
export async function jaeger({ file, nodes, perSecond, output }: ImportJaegerArgs, context: Context): Promise<void> {
  const { jaegerProblem } = await import("../profile/jaeger-problem.ts");
  const known = nodes === undefined ? undefined : (await readNodes(nodes, context)).nodes;
  const { env, log } = context;
  await writeFor(await jaegerProblem(file, { perSecond, nodes: known, env, log }), output, context);
}

async function readAll(paths: readonly string[], { env }: Context): Promise<{ file: string; text: string }[]> {
  if (paths.filter((path) => path === "-").length > 1) throw usage("stdin is named twice", "name - once");
  const files: { file: string; text: string }[] = [];
  for (const path of paths) files.push({ file: path === "-" ? "stdin" : path, text: (await readInput(path, env)).text });
  return files;
}

/** Says what was not taken over, then writes the problem. */
async function finish({ problem, warnings }: Imported, output: string, context: Context): Promise<void> {
  for (const warning of warnings) context.log.warn(formatProblem(warning));
  await writeFor(problem, output, context);
}

/** JSON for a file that is called so, and for `--json` on stdout; else YAML. */
async function writeFor(problem: Problem, output: string, { env, json }: Context): Promise<void> {
  await writeOutput(output, writeProblem(problem, output === "-" && json ? "json" : formOf(output)), env);
}

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
}
