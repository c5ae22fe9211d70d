/** Builds the models of this package's RTL; what scripts/build-rtl runs. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readPorts } from "../verilator/ports.ts";
import { runTool } from "../verilator/tool.ts";
import { classText } from "./generate.ts";
import { layoutOf } from "./layout.ts";
import { stamped, stampOf } from "./stamp.ts";
import { compileWasm } from "./wasm.ts";

const packageFolder = join(import.meta.dirname, "../..");
const cache = join(packageFolder, "../../.cache/hdl-bindings");

/** Where the RTL is and where its models go; other folders in tests. */
export interface Folders {
  readonly rtl: string;
  readonly models: string;
}

const ours: Folders = { rtl: join(packageFolder, "rtl"), models: join(packageFolder, "models") };

/** The files that a module needs: its own and those of the modules it names, and so on; sorted, its own first. */
async function sourcesOf(module: string, texts: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const needed = new Set([module]);
  for (const one of needed) {
    for (const other of texts.keys()) if (new RegExp(`\\b${other}\\b`).test(texts.get(one)!)) needed.add(other);
  }
  return [module, ...[...needed].filter((one) => one !== module).sort()];
}

/** Everything besides the RTL that decides what a model is: our generator and the versions of the tools. */
async function toolchain(): Promise<string> {
  const sources = (await readdir(import.meta.dirname)).sort();
  const texts = await Promise.all(sources.map((name) => readFile(join(import.meta.dirname, name), "utf8")));
  const verilator = await runTool("verilator", ["--version"]);
  const clang = await runTool("clang++-14", ["--version"]);
  return [...texts, verilator.stdout, clang.stdout].join("\0");
}

/** The class of one module as it would be written now. */
export async function classOf(module: string, { rtl }: Folders = ours): Promise<string> {
  const design = { files: [join(rtl, `${module}.sv`)], top: module, include: [rtl] };
  return classText(design, await readPorts(design), { runtime: "../src/model/mod.ts", base: join(rtl, "..") });
}

/**
 * Builds `<module>.wasm` for every `rtl/<module>.sv` whose inputs changed, by their hash, with `<module>.ts` where that differs then.
 *
 * @param modules Only these; all unless given.
 * @param classes Compares the classes of models that did not change too.
 * @returns The files that were written.
 */
export async function buildModels(
  modules: readonly string[] = [],
  classes = false,
  { rtl, models }: Folders = ours,
): Promise<readonly string[]> {
  const names = (await readdir(rtl)).filter((name) => name.endsWith(".sv")).map((name) => basename(name, ".sv"));
  const texts = new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(rtl, `${name}.sv`), "utf8")] as const)));
  const tools = await toolchain();
  const written: string[] = [];
  const write = async (path: string, content: string | Uint8Array) => {
    await writeFile(`${path}.${process.pid}`, content);
    await rename(`${path}.${process.pid}`, path);
    written.push(path);
  };
  await mkdir(models, { recursive: true });
  for (const module of modules.length ? modules : names.sort()) {
    if (!texts.has(module)) throw new TypeError(`no ${join(rtl, `${module}.sv`)}`);
    const sources = await sourcesOf(module, texts);
    const hash = createHash("sha256").update(tools);
    for (const source of sources) hash.update(`\0${source}\0${texts.get(source)}`);
    const stamp = hash.digest("hex");
    const [wasm, script] = [join(models, `${module}.wasm`), join(models, `${module}.ts`)];
    const fresh = existsSync(wasm) && stampOf(await readFile(wasm)) === stamp;
    if (!fresh) {
      const design = { files: [join(rtl, `${module}.sv`)], top: module, include: [rtl] };
      const layout = layoutOf(await readPorts(design));
      await write(wasm, stamped((await compileWasm(design, layout, { cache })).bytes, stamp));
    }
    // A new model with an old class would be read at the wrong places.
    if (!existsSync(script) || ((classes || !fresh) && (await readFile(script, "utf8")) !== (await classOf(module, { rtl, models })))) {
      await write(script, await classOf(module, { rtl, models }));
    }
  }
  return written;
}

if (import.meta.main) {
  const asked = process.argv.slice(2);
  const classes = asked.includes("--write");
  try {
    for (const path of await buildModels(
      asked.filter((one) => !one.startsWith("-")),
      classes,
    ))
      console.log(path);
  } catch (error) {
    const { message, hint, exit } = error as { message: string; hint?: string; exit?: number };
    console.error(`build-rtl: ${message}${hint ? `\n  hint: ${hint}` : ""}`);
    process.exitCode = exit ?? 1;
  }
}
