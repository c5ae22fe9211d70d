/** Builds the models of this package's RTL; what scripts/build-rtl runs. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Interface, readPorts } from "../verilator/ports.ts";
import { runTool } from "../verilator/tool.ts";
import type { Design } from "../verilator/verilator.ts";
import { classText } from "./generate.ts";
import { layoutOf } from "./layout.ts";
import { stamped, stampOf } from "./stamp.ts";
import { compileWasm } from "./wasm.ts";

const packageFolder = join(import.meta.dirname, "../..");
const cache = join(packageFolder, "../../.cache/hdl-bindings");

/** A module with other parameters than its own, as a model with a name of its own. */
export interface Variant {
  readonly module: string;
  /** As Verilator's `-G` takes them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Where the RTL is and where its models go, and the models beside the one of each module, by name; others in tests. */
export interface Folders {
  readonly rtl: string;
  readonly models: string;
  readonly variants?: Readonly<Record<string, Variant>>;
}

/** Hash Distributed A* runs on meshes of these sizes; async_mesh by itself has 4 nodes. */
const variants = Object.fromEntries(
  [2, 8, 16].map((nodes) => [`async_mesh_${nodes}`, { module: "async_mesh", parameters: { NODES: String(nodes) } }]),
);

const ours: Folders = { rtl: join(packageFolder, "rtl"), models: join(packageFolder, "models"), variants };

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

function designOf(name: string, { rtl, variants = {} }: Folders): Design {
  const { module, parameters } = variants[name] ?? { module: name, parameters: {} };
  return { files: [join(rtl, `${module}.sv`)], top: module, parameters, include: [rtl] };
}

/** The ports, under the name of the model: that of its class and its files. */
const portsOf = async (name: string, design: Design): Promise<Interface> => ({ ...(await readPorts(design)), module: name });

/** The class of one model, by its name, as it would be written now. */
export async function classOf(name: string, folders: Folders = ours): Promise<string> {
  const design = designOf(name, folders);
  return classText(design, await portsOf(name, design), { runtime: "../src/model/mod.ts", base: join(folders.rtl, "..") });
}

/**
 * Builds `<name>.wasm` for every `rtl/<name>.sv` and every variant whose inputs changed, by their hash, with `<name>.ts` where that differs then.
 *
 * @param models Only these, by name; all unless given.
 * @param classes Compares the classes of models that did not change too.
 * @returns The files that were written.
 * @throws {TypeError} for a name that is neither a module nor a variant.
 */
export async function buildModels(models: readonly string[] = [], classes = false, folders: Folders = ours): Promise<readonly string[]> {
  const { rtl, models: folder, variants = {} } = folders;
  const modules = (await readdir(rtl)).filter((name) => name.endsWith(".sv")).map((name) => basename(name, ".sv"));
  const texts = new Map(await Promise.all(modules.map(async (name) => [name, await readFile(join(rtl, `${name}.sv`), "utf8")] as const)));
  const tools = await toolchain();
  const written: string[] = [];
  const write = async (path: string, content: string | Uint8Array) => {
    await writeFile(`${path}.${process.pid}`, content);
    await rename(`${path}.${process.pid}`, path);
    written.push(path);
  };
  await mkdir(folder, { recursive: true });
  const known = [...modules, ...Object.keys(variants)].sort();
  for (const name of models.length ? models : known) {
    const { module, parameters } = variants[name] ?? { module: name, parameters: {} };
    if (!texts.has(module)) throw new TypeError(`no model ${name}: there are ${known.join(", ")}`);
    const sources = await sourcesOf(module, texts);
    const hash = createHash("sha256").update(tools);
    for (const source of sources) hash.update(`\0${source}\0${texts.get(source)}`);
    for (const [key, value] of Object.entries(parameters)) hash.update(`\0${key}=${value}`);
    const stamp = hash.digest("hex");
    const [wasm, script] = [join(folder, `${name}.wasm`), join(folder, `${name}.ts`)];
    const fresh = existsSync(wasm) && stampOf(await readFile(wasm)) === stamp;
    if (!fresh) {
      const design = designOf(name, folders);
      const layout = layoutOf(await portsOf(name, design));
      await write(wasm, stamped((await compileWasm(design, layout, { cache })).bytes, stamp));
    }
    // A new model with an old class would be read at the wrong places.
    if (!existsSync(script) || ((classes || !fresh) && (await readFile(script, "utf8")) !== (await classOf(name, folders)))) {
      await write(script, await classOf(name, folders));
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
