/** A root directory in which a standalone binary is all there is, for tests of what it needs. @module */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ExecutionContext } from "ava";

/** What a service manager gives at least. */
export const leastEnv: Readonly<Record<string, string>> = { PATH: "/usr/sbin:/usr/bin" };

/** The directory, and the binary run with it as its root. */
export interface EmptyRoot {
  readonly folder: string;
  run(...args: readonly string[]): SpawnSyncReturns<string>;
}

/** Makes one with the binary and the shared libraries it is linked to, nothing else, until the test ends; undefined without root, which is logged. */
export function emptyRoot(t: ExecutionContext, binary: string): EmptyRoot | undefined {
  if (process.getuid?.() !== 0) {
    t.log("skipped: chroot needs root");
    t.pass();
    return undefined;
  }
  const folder = mkdtempSync(join(dirname(binary), "../.root-")); // the same file system, so that the binary can be linked
  t.teardown(() => rmSync(folder, { recursive: true }));
  const name = basename(binary);
  linkSync(binary, join(folder, name));
  for (const [, library] of spawnSync("ldd", [binary], { encoding: "utf8" }).stdout.matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(folder, dirname(library!)), { recursive: true });
    copyFileSync(library!, join(folder, library!));
  }
  return { folder, run: (...args) => spawnSync("chroot", [folder, `/${name}`, ...args], { encoding: "utf8", env: leastEnv }) };
}
