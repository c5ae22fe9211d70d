/** This host as a node of a problem. @module */
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { NodeSpec, NumaNode } from "../problem/problem.ts";

/** Where the kernel's files are; a test's are elsewhere. */
export interface NodeFiles {
  readonly proc?: string;
  readonly sys?: string;
  readonly name?: string;
}

/**
 * Reads the host's cores that are online (`/proc/stat`), memory (`/proc/meminfo`) and NUMA nodes (`/sys/devices/system/node`). Its zone is not known.
 *
 * @throws {MitsuError} `ERR_NODE_UNREADABLE`.
 */
export function thisNode({ proc = "/proc", sys = "/sys", name = hostname() }: NodeFiles = {}): NodeSpec {
  const text = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      throw new MitsuError(`cannot tell what this host has: ${(cause as Error).message}`, {
        code: "ERR_NODE_UNREADABLE",
        exit: exitStatus.system,
        hint: "describe the nodes yourself, with --nodes or --problem",
        cause,
      });
    }
  };
  const cpu = text(join(proc, "stat")).match(/^cpu\d+ /gm)?.length ?? 1;
  const memory = memoryOf(text(join(proc, "meminfo")));
  return { name, capacity: { cpu, memory }, zone: null, labels: {}, taints: [], numa: numaNodes(sys), images: [] };
}

/** Bytes of `MemTotal: 123 kB`. */
function memoryOf(meminfo: string): number {
  return Number(/\bMemTotal:\s+(\d+) kB/.exec(meminfo)?.[1] ?? 0) * 1024;
}

function numaNodes(sys: string): NumaNode[] {
  const folder = join(sys, "devices/system/node");
  let names: string[];
  try {
    names = readdirSync(folder).filter((entry) => /^node\d+$/.test(entry));
  } catch {
    return []; // a kernel without NUMA has no such folder
  }
  return names
    .toSorted((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .flatMap((entry) => {
      const cpus = readFileSync(join(folder, entry, "cpulist"), "utf8").trim();
      // Memory alone, such as CXL's, runs nothing.
      return cpus === "" ? [] : [{ cpus, memory: memoryOf(readFileSync(join(folder, entry, "meminfo"), "utf8")) }];
    });
}
