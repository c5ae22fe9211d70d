/** What a cgroup has used until now, of either version. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One reading. */
export interface CgroupReading {
  /** CPU time since the cgroup was made, microseconds. */
  readonly cpuUs: number | null;
  /** Bytes charged to it now. */
  readonly memory: number | null;
  /** Periods in which a quota stopped it, since it was made; null without the cpu controller. */
  readonly throttled: number | null;
}

/** The file's text, or null when there is none: a controller that is not there, or a cgroup that has gone. */
function text(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function number(found: string | null | undefined): number | null {
  if (found === null || found === undefined || !/^\d+\s*$/.test(found)) return null;
  return Number(found);
}

function line(stat: string | null, key: string): number | null {
  return number(stat === null ? null : new RegExp(`^${key} (\\d+)$`, "m").exec(stat)?.[1]);
}

/** v1 has a tree for each controller: `/sys/fs/cgroup/memory/web` beside `/sys/fs/cgroup/cpu,cpuacct/web`. */
const v1Trees = { cpu: ["cpuacct", "cpu,cpuacct", "cpu"], memory: ["memory"] } as const;

/** The cgroup's folders in one controller's tree: the path itself, then the same cgroup beside it. */
function folders(path: string, controller: keyof typeof v1Trees): string[] {
  const known = new Set<string>([...v1Trees.cpu, ...v1Trees.memory]);
  const parts = path.split("/");
  const at = parts.findIndex((part) => known.has(part));
  return at < 0 ? [path] : [path, ...v1Trees[controller].map((tree) => parts.with(at, tree).join("/"))];
}

function first(path: string, controller: keyof typeof v1Trees, file: string): string | null {
  for (const folder of folders(path, controller)) {
    const found = text(join(folder, file));
    if (found !== null) return found;
  }
  return null;
}

/**
 * Reads a cgroup: `cpu.stat` and `memory.current` of v2, `cpuacct.usage` (nanoseconds) and `memory.usage_in_bytes` of v1. Of v1 any one controller's path will do.
 *
 * @returns null when there is nothing of either: no such cgroup, or it has gone.
 */
export function readCgroup(path: string): CgroupReading | null {
  const stat = text(join(path, "cpu.stat"));
  const usage = line(stat, "usage_usec");
  if (usage !== null) {
    return { cpuUs: usage, memory: number(text(join(path, "memory.current"))), throttled: line(stat, "nr_throttled") };
  }
  const ns = number(first(path, "cpu", "cpuacct.usage"));
  const memory = number(first(path, "memory", "memory.usage_in_bytes"));
  if (ns === null && memory === null) return null;
  return { cpuUs: ns === null ? null : ns / 1000, memory, throttled: line(first(path, "cpu", "cpu.stat"), "nr_throttled") };
}
