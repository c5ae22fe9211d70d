/** Makes one standalone binary out of a daemon's entry, unless one of the same inputs is there. @module */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { bundle, bundleThread } from "./bundle.ts";

const root = resolve(import.meta.dirname, "..");

/** What goes into a binary and where it comes out. */
export interface BinaryPlan {
  /** Absolute path of the entry, a `main.ts`. */
  readonly entry: string;
  /** Files to carry, found by their base names through `node:sea`; koffi's native part, Graphviz, HiGHS, models of RTL and threads come by themselves. */
  readonly assets: readonly string[];
  /** Options of Node that it always runs with. */
  readonly nodeFlags: readonly string[];
  /** Absolute path of the result. */
  readonly binary: string;
  /** Builds even when nothing changed. */
  readonly force: boolean;
}

/** What {@link buildBinary} did. */
export interface BuiltBinary {
  readonly built: boolean;
  readonly sizeBytes: number;
}

/**
 * Bundles the entry and injects it, with its assets, into a copy of the Node that runs this (pkg's single-executable mode; nothing is downloaded).
 * The binary appears under its name at once and whole, also while an older one runs.
 *
 * @throws {Error} what {@link bundle} or pkg throw.
 * @example
 * ```ts
 * await buildBinary({ entry: "/src/main.ts", assets: ["/src/x.bpf.o"], nodeFlags: [], binary: "/tmp/x", force: false });
 * ```
 */
export async function buildBinary(plan: BinaryPlan): Promise<BuiltBinary> {
  const script = await bundle(plan.entry);
  const assets = Object.fromEntries(
    [...plan.assets, koffiNative(), ...graphviz(script), ...highs(script), ...models(script), ...(await threads(script))].map((file) => [
      basename(file),
      file,
    ]),
  );
  const inputs = hash([
    script,
    process.version,
    ...plan.nodeFlags,
    ...Object.entries(assets).flatMap(([name, file]) => [name, readFileSync(file)]),
  ]);
  const stamp = join(root, ".cache/build", `${hash([plan.binary]).slice(0, 16)}.sha256`);
  if (!plan.force && existsSync(stamp) && readFileSync(stamp, "utf8") === stampOf(inputs, plan.binary)) {
    return { built: false, sizeBytes: statSync(plan.binary).size };
  }
  const folder = dirname(plan.binary);
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, ".build-"));
  try {
    const entry = join(work, "entry.cjs");
    const made = join(work, "binary");
    writeFileSync(entry, script);
    // Handed on to Node as it is; pkg's types do not have it.
    const nodeOptions = { execArgv: plan.nodeFlags };
    await pkg.default(entry, {
      targets: [{ nodeRange: `node${process.versions.node}`, platform: "linux", arch: process.arch, output: made }],
      nodePath: process.execPath,
      seaConfig: { disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache: true, assets, ...nodeOptions },
    });
    renameSync(made, plan.binary);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, stampOf(inputs, plan.binary));
  return { built: true, sizeBytes: statSync(plan.binary).size };
}

function koffiNative(): string {
  const koffi = createRequire(join(root, "packages/cli/package.json")).resolve("koffi");
  return join(dirname(createRequire(koffi).resolve(`@koromix/koffi-linux-${process.arch}`)), `linux_${process.arch}/koffi.node`);
}

/** What scripts/embedded-viz.ts loads, for a script that has it. */
function graphviz(script: string): string[] {
  if (!script.includes('"viz.cjs"')) return [];
  return [createRequire(join(root, "packages/sockhijack/package.json")).resolve("@viz-js/viz")];
}

/** What packages/placer/src/exact/highs-module.ts reads, for a script that has it. */
function highs(script: string): string[] {
  if (!script.includes('"highs.wasm"')) return [];
  const { resolve: find } = createRequire(join(root, "packages/placer/package.json"));
  return [find("highs"), find("highs/runtime")];
}

/**
 * WebAssembly of the RTL models whose generated classes (packages/hdl-bindings/models) a script has.
 *
 * @throws {Error} for one that is not built.
 */
function models(script: string): string[] {
  return [...new Set([...script.matchAll(/new URL\("\.\/(\w+\.wasm)",/g)].map(([, name]) => name!))].map((name) => {
    const file = join(root, "packages/hdl-bindings/models", name);
    if (!existsSync(file)) throw new Error(`${file} is part of the binary and is not built; run scripts/build-rtl`);
    return file;
  });
}

/** Scripts of threads: `search-worker.js` that the script asks for is made of the one `search-worker.ts` of the packages. */
async function threads(script: string): Promise<string[]> {
  const folder = join(root, ".cache/build");
  mkdirSync(folder, { recursive: true });
  const files: string[] = [];
  for (const name of new Set([...script.matchAll(/"([\w-]+-worker)\.js"/g)].map(([, one]) => one!))) {
    const [source, ...others] = globSync(`packages/*/src/**/${name}.ts`, { cwd: root });
    if (!source || others.length > 0) throw new Error(`${name}.js is asked for, but there is not one ${name}.ts`);
    const file = join(folder, `${name}.js`);
    writeFileSync(file, await bundleThread(join(root, source)));
    files.push(file);
  }
  return files;
}

/** Ties the inputs to the binary that was made of them: one replaced or truncated by hand counts as changed. */
function stampOf(inputs: string, binary: string): string {
  const made = statSync(binary, { throwIfNoEntry: false });
  return made ? `${inputs} ${made.size} ${made.mtimeMs}\n` : "";
}

function hash(parts: readonly (string | Uint8Array)[]): string {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(createHash("sha256").update(part).digest());
  return sum.digest("hex");
}
