/** Compiled modules by what they were made from, so that a test that runs again compiles nothing. @module */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { isSea } from "node:sea";
import type { BuildOptions } from "./build-filter.ts";
import { buildFilter } from "./build-filter.ts";
import { type Language, type Source, sourceEndings } from "./language.ts";
import { pruneCache } from "./prune-cache.ts";

/** Where they are kept; a user without a home keeps nothing. */
export function cacheFolder(vars: Readonly<Record<string, string | undefined>>): string | undefined {
  if (vars.XDG_CACHE_HOME) return join(vars.XDG_CACHE_HOME, "meshfilters");
  return vars.HOME ? join(vars.HOME, ".cache/meshfilters") : undefined;
}

const compilers: Readonly<Record<Language, readonly string[]>> = {
  assemblyscript: [],
  c: ["clang-14", "wasm-ld-14"],
  cpp: ["clang++-14", "wasm-ld-14"],
  rust: ["rustc"],
  go: ["go"],
  wat: [],
};
/** What may be part of a source beside the file itself. */
const parts = new Set([...sourceEndings, ".h", ".hpp", ".json", ".mod"]);

/** A compiler by its place, size and time: asking it costs more than that. */
function stampOf(tool: string, path: string): string {
  for (const folder of ["/usr/bin", ...path.split(":")]) {
    const found = statSync(join(folder, tool), { throwIfNoEntry: false });
    if (found) return `${folder} ${found.size} ${found.mtimeMs}`;
  }
  return "";
}

const sdks: Readonly<Partial<Record<Language, string>>> = { c: "sdk/c", cpp: "sdk/c", rust: "sdk/rust", go: "sdk/go" };

/** Our own part: the language's SDK, the compile code, and the npm packages it is pinned to. */
function ownParts(language: Language): string[] {
  if (isSea()) return [process.execPath];
  const root = join(import.meta.dirname, "../..");
  const folders = ["src/compile", sdks[language]].filter((folder) => folder !== undefined);
  return [
    join(root, "package.json"),
    ...folders.flatMap((folder) => readdirSync(join(root, folder)).map((file) => join(root, folder, file))),
  ];
}

/** Undefined for a source that may depend on files elsewhere. */
function keyOf(source: Source, options: BuildOptions, path: string): string | undefined {
  const folder = dirname(source.path);
  const sum = createHash("sha256").update(JSON.stringify([source.language, source.name, { ...options, key: null }, process.version]));
  for (const tool of compilers[source.language]) sum.update(stampOf(tool, path));
  for (const file of ownParts(source.language)) sum.update(isSea() ? String(statSync(file).mtimeMs) : readFileSync(file));
  for (const file of readdirSync(folder).toSorted()) {
    if (!parts.has(extname(file)) || !statSync(join(folder, file)).isFile()) continue;
    const bytes = readFileSync(join(folder, file));
    if (bytes.includes('"../') || bytes.includes('"/') || bytes.includes("'../")) return undefined;
    sum.update(`${file}\0`).update(bytes);
  }
  return sum.digest("hex");
}

/** A kept module, which is thereby used; undefined for none, also when another process prunes it meanwhile. */
function takeKept(file: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(file);
    const now = new Date();
    utimesSync(file, now, now);
    return bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * A module of the source, as {@link buildFilter} makes it, unsigned; from the cache if nothing that it is made of has changed.
 *
 * @param vars Environment: where the cache is.
 */
export async function cachedBuild(
  source: Source,
  options: BuildOptions,
  vars: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly wasm: Uint8Array; readonly warnings: string }> {
  const cache = cacheFolder(vars);
  const key = cache === undefined ? undefined : keyOf(source, options, process.env.PATH ?? "");
  if (cache === undefined || key === undefined) return await buildFilter(source, options);
  const file = join(cache, `${key}.wasm`);
  const kept = takeKept(file);
  if (kept !== undefined) return { wasm: kept, warnings: "" };
  const made = await buildFilter(source, options);
  mkdirSync(cache, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, made.wasm);
  renameSync(`${file}.${process.pid}`, file);
  pruneCache(cache, Date.now());
  return made;
}
