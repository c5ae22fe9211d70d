/** Another version of sockhijack: the sources as they are, with kernel programs that differ. @module */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox } from "./sandbox.ts";

const root = new URL("../../../../..", import.meta.url).pathname;
const own = join(root, "packages/sockhijack");
let made = 0;

/**
 * Builds another version into the sandbox's folder.
 *
 * @param changes For a file of `bpf/`, pairs of text and what takes its place. An array of bytes in place of them all is the object itself.
 * @returns the command line up to the sub-command.
 * @example
 * ```ts
 * const bin = otherVersion(sandbox, { "sockhijack.h": [["#define MAX_SOCKETS 262144", "#define MAX_SOCKETS 4"]] });
 * sandbox.spawn([...bin, "daemon", "--socket", sandbox.socket]);
 * ```
 */
export function otherVersion(
  sandbox: Sandbox,
  changes: Readonly<Record<string, readonly (readonly [string, string])[]>> | Uint8Array,
): string[] {
  const folder = join(sandbox.directory, `version-${++made}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), readFileSync(join(own, "package.json")));
  cpSync(join(own, "src"), join(folder, "src"), { recursive: true });
  cpSync(join(own, "bpf"), join(folder, "bpf"), { recursive: true });
  symlinkSync(join(own, "node_modules"), join(folder, "node_modules"));
  const object = join(folder, "bpf/sockhijack.bpf.o");
  if (changes instanceof Uint8Array) writeFileSync(object, changes);
  else {
    for (const [name, pairs] of Object.entries(changes)) {
      const file = join(folder, "bpf", name);
      let text = readFileSync(file, "utf8");
      for (const [from, to] of pairs) {
        if (!text.includes(from)) throw new Error(`${name} no longer contains ${JSON.stringify(from)}: bring this test up to date`);
        text = text.replace(from, to);
      }
      writeFileSync(file, text);
    }
    compile(join(folder, "bpf/sockhijack.bpf.c"), object);
  }
  return [process.execPath, join(folder, "src/main.ts")];
}

/** Compiles one BPF source as `scripts/build-bpf` does. */
export function compile(source: string, object: string): void {
  const arch = process.arch === "arm64" ? "arm64" : "x86";
  const includes = [`-I${join(root, ".cache")}`, `-I${join(source, "..")}`];
  const options = ["-g", "-O2", "-mcpu=v3", "-Wall", "-target", "bpf", `-D__TARGET_ARCH_${arch}`, ...includes];
  const { status, error, stderr } = spawnSync("clang", [...options, "-c", source, "-o", object], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot compile ${source}: ${error?.message ?? stderr.slice(0, 2000)}`);
}
