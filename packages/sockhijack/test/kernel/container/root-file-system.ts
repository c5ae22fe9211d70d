/** A Debian root file system as debootstrap makes it, built once and kept under `.cache/rootfs`. @module */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";

const cache = new URL("../../../../../.cache/rootfs/", import.meta.url).pathname;
const suite = "bookworm";
/** wrk is for the long test alone: with it, and what it brings, the gate would wait longer. */
const packages = ["nginx-light", ...(process.env.MITSU_TEST_ALL === "1" ? ["wrk"] : [])];

/**
 * The path of a root file system with nginx in it, and with MITSU_TEST_ALL=1 wrk; the first call takes about a minute.
 *
 * @throws {NotSupportedError} when debootstrap is missing or reaches no mirror.
 * @example
 * ```ts
 * writeBundle(directory, { root: rootFileSystem(), args: ["/usr/sbin/nginx"], cgroup: "/mitsu-test/web" });
 * ```
 */
export function rootFileSystem(): string {
  const path = join(cache, [suite, ...packages].join("_"));
  if (existsSync(path)) return path;
  const partial = `${path}.partial-${process.pid}`;
  mkdirSync(cache, { recursive: true });
  const built = spawnSync("debootstrap", ["--variant=minbase", `--include=${packages.join(",")}`, suite, partial], {
    encoding: "utf8",
    timeout: 600_000,
  });
  if (built.status !== 0) {
    rmSync(partial, { recursive: true, force: true });
    const why = built.error?.message ?? (built.stderr || built.stdout).trim().split("\n").slice(-3).join("; ");
    throw new NotSupportedError(`cannot build a root file system: ${why}`, "install debootstrap, and allow it to reach Debian's mirror");
  }
  renameSync(partial, path);
  return path;
}
