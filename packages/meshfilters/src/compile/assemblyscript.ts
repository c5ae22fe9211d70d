/** AssemblyScript, and the TypeScript that it takes, by npm's `assemblyscript`; `@gcoredev/proxy-wasm-sdk-as` is there without being installed. @module */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type AssemblyScript, loadAssemblyScript } from "./asc.ts";
import type { Compiled, CompileOptions, OptimiseLevel } from "./compiled.ts";
import type { Source } from "./language.ts";
import { withLazyLog } from "./lazy-sdk-log.ts";
import { compileError } from "./tool.ts";

const sdkPackage = "@gcoredev/proxy-wasm-sdk-as";

/** Its package and the folders of what it compiles against; the standalone binary has none of them. */
async function loadCompiler(): Promise<{ readonly asc: AssemblyScript; readonly sdk: string; readonly shim: string }> {
  try {
    // Its package.json names an entry in build/, which is not part of it.
    const sdk = dirname(dirname(fileURLToPath(import.meta.resolve("@gcoredev/proxy-wasm-sdk-as"))));
    const shim = dirname(fileURLToPath(import.meta.resolve("@assemblyscript/wasi-shim/asconfig.json")));
    return { asc: await loadAssemblyScript(), sdk, shim };
  } catch (cause) {
    throw new MitsuError("there is no AssemblyScript compiler in the standalone binary", {
      code: "ERR_FILTER_TOOL",
      hint: "run bin/meshfilters from the sources, where npm's assemblyscript is installed",
      exit: exitStatus.unavailable,
      cause,
    });
  }
}

const levels: Readonly<Record<OptimiseLevel, string>> = { "0": "-O0", "1": "-O1", "2": "-O2", "3": "-O3", s: "-O3s", z: "-O3z" };

/**
 * Compiles one file; what it imports may lie beside it, in its node_modules, or be the SDK.
 *
 * @throws {MitsuError} `ERR_FILTER_COMPILE` with the compiler's messages, `ERR_FILTER_TOOL`.
 */
export async function compileAssemblyScript(source: Source, { debug, optimise }: CompileOptions): Promise<Compiled> {
  const { asc, sdk, shim } = await loadCompiler();
  const folder = dirname(source.path);
  const written = new Map<string, string | Uint8Array>();
  // The compiler knows .ts only: what is not there as .ts is taken as .as, and called so in messages.
  const asAs = new Set<string>();
  const entry = `${basename(source.path, extname(source.path))}.ts`;
  /** Where a file really is: in the filter's folder, or in what we have. */
  const placeOf = (name: string, base: string): string => {
    const asked = resolve(folder, base, name);
    const at = asked.indexOf(`node_modules/${sdkPackage}`);
    const own = asked === join(folder, entry) ? source.path : existsSync(asked) ? asked : asked.replace(/\.ts$/, ".as");
    if (at < 0 || existsSync(own)) {
      if (own.endsWith(".as") && existsSync(own)) asAs.add(basename(asked));
      return own;
    }
    return join(sdk, asked.slice(at + `node_modules/${sdkPackage}`.length));
  };
  const messages: string[] = [];
  const text = readFileSync(source.path, "utf8");
  const { error } = await asc.main(
    [
      entry,
      "--outFile",
      `${source.name}.wasm`,
      levels[optimise],
      "--noAssert",
      "--noColors",
      "--runtime",
      "incremental",
      "--config",
      relative(folder, join(shim, "asconfig.json")),
      // Of the SDK: it ends the virtual machine; the shim's writes to stderr first, which costs as much again as a small filter.
      ...(text.includes(sdkPackage) ? ["--use", "abort=abort_proc_exit"] : []),
      ...(debug ? ["--debug", "--sourceMap", `${source.name}.wasm.map`] : []),
    ],
    {
      stdout: { write: () => true },
      stderr: { write: (part) => messages.push(typeof part === "string" ? part : Buffer.from(part).toString()) > 0 },
      readFile: (name, base) => {
        const place = placeOf(name, base);
        if (!statSync(place, { throwIfNoEntry: false })?.isFile()) return null;
        const read = readFileSync(place, "utf8");
        return place.includes(sdkPackage) ? withLazyLog(place, read) : read;
      },
      writeFile: (name, contents) => {
        written.set(basename(name), contents);
      },
      listFiles: (name, base) => {
        const place = placeOf(name, base);
        return existsSync(place) ? readdirSync(place).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts")) : null;
      },
    },
  );
  const named = (text: string): string =>
    text.replaceAll(/[\w.-]+\.ts\b/g, (name) => (asAs.has(name) ? `${name.slice(0, -".ts".length)}.as` : name));
  const said = named(messages.join(""))
    .replace(/\nFAILURE \d+ compile error.*\n/, "")
    .trim();
  if (error) throw compileError(said || error.message);
  const map = written.get(`${source.name}.wasm.map`);
  return {
    wasm: written.get(`${source.name}.wasm`) as Uint8Array,
    sourceMap: map === undefined ? null : portable(named(String(map)), source.name),
    warnings: said,
  };
}

/** A source map without folders of this machine. */
function portable(map: string, name: string): string {
  const read = JSON.parse(map) as { readonly sources: readonly string[] };
  const sources = read.sources.map((path) => path.replace(/^(\.\.\/)+.*node_modules\//, "node_modules/"));
  return JSON.stringify({ ...read, file: `${name}.wasm`, sourceRoot: "", sources });
}
