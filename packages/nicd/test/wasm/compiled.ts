/** The C filters of these tests, compiled once for each state of their source. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";

const folder = import.meta.dirname;
const cache = join(folder, "../../../../.cache/nicd-filters");
const flags = ["--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-flto", "-Wl,--strip-all", "-Wl,--gc-sections"];

/** Why there are none; undefined when there are. */
const withoutCompiler: string | undefined = ["clang-14", "wasm-ld-14"].every((tool) => existsSync(`/usr/bin/${tool}`))
  ? existsSync("/usr/include/wasm32-wasi") || existsSync("/usr/lib/wasm32-wasi")
    ? undefined
    : "wasi-libc is not installed"
  : "clang-14 or lld-14 is not installed";

/** Path of a filter's module. @param name Of `<name>.c` in this folder. @param defines As `-D`. */
export function compiled(name: string, ...defines: readonly string[]): string {
  const source = join(folder, `${name}.c`);
  const hash = createHash("sha256");
  for (const file of [source, join(folder, "filter.h")]) hash.update(readFileSync(file));
  const module = join(
    cache,
    `${name}-${hash
      .update(JSON.stringify([flags, defines]))
      .digest("hex")
      .slice(0, 16)}.wasm`,
  );
  if (existsSync(module)) return module;
  mkdirSync(cache, { recursive: true });
  const made = `${module}.${process.pid}`;
  execFileSync("clang-14", [...flags, ...defines.map((define) => `-D${define}`), "-o", made, source]);
  renameSync(made, module);
  return module;
}

/** A test that needs filters of C; skipped, with the reason, where they cannot be compiled. @param run `test.serial` for one that measures. */
export function filterTest(
  title: string,
  body: (t: ExecutionContext) => Promise<void>,
  run: typeof test | typeof test.serial = test,
): void {
  run(title, async (t) => {
    if (withoutCompiler === undefined) {
      await body(t);
      return;
    }
    t.log(`skipped: ${withoutCompiler}`);
    t.pass();
  });
}
