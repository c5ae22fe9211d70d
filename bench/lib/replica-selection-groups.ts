/** The cgroups of scenario `hog`: a node has a bound on its CPU time and one core, and within it a group for each replica and for the antagonist. Of version 2 where that has the cpu controller, else of version 1, with twins of version 2, as only those have PSI. @module */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { controllerMount } from "../../packages/replicad/src/signals/cgroup-files.ts";
import { hogCores, nodeName } from "./replica-selection-setting.ts";

/** Period of the bounds, the shortest that the kernel's least quota (1 ms) leaves useful: what waits for the next one waits for little. */
const periodUs = 10_000;
/** Weight of an antagonist beside a replica's: of two busy replicas it leaves each a sixth of the node instead of half. */
const hogWeight = 4;
/** Of all nodes beside the daemons: they stand for other machines, so daemons do not keep them from a CPU. */
const nodesWeight = 200;

/** All groups of a cluster. */
export class CpuGroups {
  /** Where CPU time is bounded; where PSI is. The same folder on a machine with version 2 only. */
  readonly #bounding: string;
  readonly #pressure: string;
  readonly #version: 1 | 2;

  /** @param unique Name of the run: its own folder in each hierarchy. @throws {Error} When neither version bounds CPU time here. */
  constructor(unique: string) {
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    const unified = controllerMount(mounts, "v2");
    const cpu = controllerMount(mounts, "cpu");
    if (unified === null) throw new Error("hog needs cgroup v2 for PSI; mount -t cgroup2 none /sys/fs/cgroup");
    this.#version = readFileSync(join(unified, "cgroup.controllers"), "utf8").split(/\s/).includes("cpu") ? 2 : 1;
    const bounding = this.#version === 2 ? unified : cpu;
    if (bounding === null)
      throw new Error("hog needs the cpu controller, and neither cgroup version has it here; run it on a kernel with CONFIG_CFS_BANDWIDTH");
    this.#bounding = join(bounding, unique);
    this.#pressure = join(unified, unique);
    if (this.#version === 2) writeFileSync(join(unified, "cgroup.subtree_control"), "+cpu");
    this.#make("");
    this.#weigh("", nodesWeight);
  }

  /** Makes a node's: no more than `replicas` times their cores. @returns Its folder of version 2, for `replicad --cgroup`. */
  node(at: number, replicas: number): string {
    const name = nodeName(at);
    this.#make(name);
    this.#bound(name, replicas * hogCores);
    return join(this.#pressure, name);
  }

  /** Makes a replica's, with a bound of its own. @returns What goes before its command. */
  replica(at: number, number: number): readonly string[] {
    const name = `${nodeName(at)}/replica-${number}`;
    this.#make(name);
    this.#bound(name, hogCores);
    return this.#within(name);
  }

  /** Makes the antagonist's. @returns What goes before its command. */
  hog(at: number): readonly string[] {
    const name = `${nodeName(at)}/hog`;
    this.#make(name);
    this.#weigh(name, hogWeight);
    return this.#within(name);
  }

  #make(name: string): void {
    for (const root of new Set([this.#bounding, this.#pressure])) {
      const folder = join(root, name);
      mkdirSync(folder);
      if (this.#version === 2 && !name.includes("/")) writeFileSync(join(folder, "cgroup.subtree_control"), "+cpu");
    }
  }

  #bound(name: string, cores: number): void {
    const folder = join(this.#bounding, name);
    const quotaUs = Math.round(cores * periodUs);
    if (this.#version === 2) {
      writeFileSync(join(folder, "cpu.max"), `${quotaUs} ${periodUs}`);
      return;
    }
    writeFileSync(join(folder, "cpu.cfs_period_us"), String(periodUs));
    writeFileSync(join(folder, "cpu.cfs_quota_us"), String(quotaUs));
  }

  /** @param times The usual weight. */
  #weigh(name: string, times: number): void {
    const folder = join(this.#bounding, name);
    if (this.#version === 2) writeFileSync(join(folder, "cpu.weight"), String(Math.min(10_000, times * 100)));
    else writeFileSync(join(folder, "cpu.shares"), String(times * 1024));
  }

  /** All on the last core: shares are kept within a core, and the other is the daemons'. */
  #within(name: string): readonly string[] {
    const folders = [...new Set([this.#bounding, this.#pressure])].map((root) => join(root, name));
    const enter = folders.map((_, at) => `echo $$ >"$${at}/cgroup.procs"`).join(" && ");
    const script = `${enter} && shift ${folders.length - 1} && exec taskset -c ${availableParallelism() - 1} "$@"`;
    return ["bash", "-c", script, ...folders];
  }
}

/** Removes all groups of a run, those of a measurement that failed too; the programs in them have to be over. Does nothing where there are none. */
export function removeGroups(unique: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  for (const mount of new Set([controllerMount(mounts, "v2"), controllerMount(mounts, "cpu")])) {
    if (mount !== null && existsSync(join(mount, unique))) removeTree(join(mount, unique));
  }
}

function removeTree(folder: string): void {
  for (const one of readdirSync(folder, { withFileTypes: true })) if (one.isDirectory()) removeTree(join(folder, one.name));
  rmdirSync(folder);
}
