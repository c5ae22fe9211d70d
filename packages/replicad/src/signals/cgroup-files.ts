/** Which files tell of a cgroup's CPU: on a machine with both versions of cgroups, pressure is in version 2 and throttling in version 1, at the same path. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of one cgroup's files. */
export interface CgroupFiles {
  /** Has `cpu.stat` with `nr_throttled`, where some version has it. */
  readonly throttling: string;
  /** Folder with `cpu.pressure` and its like; null where there is no PSI of cgroups, so that the machine's has to do. */
  readonly pressure: string | null;
}

/**
 * Where a hierarchy is mounted.
 *
 * @param mounts Text of `/proc/self/mounts`. [proc_mounts(5)]
 * @param controller `v2`, or the name of a controller of version 1.
 * @returns Null where it is not.
 */
export function controllerMount(mounts: string, controller: string): string | null {
  for (const line of mounts.split("\n")) {
    const [, folder, type, options = ""] = line.split(" ");
    if (controller === "v2" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller)) return folder!;
  }
  return null;
}

/**
 * Finds them.
 *
 * @param folder Of the cgroup, in either version's hierarchy.
 * @example
 * ```ts
 * cgroupFiles("/sys/fs/cgroup/unified/web", mounts); // { throttling: "/sys/fs/cgroup/cpu/web/cpu.stat", pressure: "/sys/fs/cgroup/unified/web" }
 * ```
 */
export function cgroupFiles(folder: string, mounts: string): CgroupFiles {
  const unified = controllerMount(mounts, "v2");
  const cpu = controllerMount(mounts, "cpu");
  const twin = (from: string | null, to: string | null): string | null =>
    from !== null && to !== null && folder.startsWith(`${from}/`) ? join(to, folder.slice(from.length)) : null;
  const folders = [folder, twin(unified, cpu), twin(cpu, unified)].filter((one) => one !== null);
  const throttling = folders.find((one) => holds(join(one, "cpu.stat"), "nr_throttled")) ?? folder;
  return { throttling: join(throttling, "cpu.stat"), pressure: folders.find((one) => holds(join(one, "cpu.pressure"), "some")) ?? null };
}

function holds(path: string, what: string): boolean {
  try {
    return readFileSync(path, "utf8").includes(what);
  } catch {
    return false;
  }
}
