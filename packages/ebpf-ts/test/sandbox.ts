/** What kernel tests own for their duration: a cgroup, a pin folder, a network namespace; each removed at the test's end. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { cgroup2Path, makePinFolder, requireFeatures } from "../src/mod.ts";

let count = 0;

function uniqueName(): string {
  return `mitsu-ebpf-ts-${process.pid}-${count++}`;
}

/** Path of a new cgroup. */
export function testCgroup(t: ExecutionContext): string {
  requireFeatures(["cgroup2"]);
  const path = `${cgroup2Path()}/${uniqueName()}`;
  mkdirSync(path);
  t.teardown(() => rmdirSync(path));
  return path;
}

/** Path of a new folder in the bpffs. */
export function testPinFolder(t: ExecutionContext): string {
  requireFeatures(["bpffs"]);
  const path = `/sys/fs/bpf/${uniqueName()}`;
  makePinFolder(path);
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

/** Path of a new network namespace with `lo` up; it ends with the process that holds it, which ends with us. */
export async function testNetns(t: ExecutionContext): Promise<string> {
  const holder = spawn("unshare", ["-n", "sh", "-c", "ip link set lo up && echo up && exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(async () => {
    holder.stdin.end();
    if (holder.exitCode === null) await once(holder, "exit");
  });
  await once(holder.stdout, "data");
  return `/proc/${holder.pid}/ns/net`;
}
