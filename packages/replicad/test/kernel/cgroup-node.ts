/** A node that is a cgroup with a bound on its CPU time, and programs that use up what it has. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";
import type { ExecutionContext } from "ava";
import { controllerMount } from "../../src/signals/cgroup-files.ts";

/** Least period that leaves several of them in a test's time. */
const periodUs = 20_000;

/** Where each version has its folder; the same where version 2 has the cpu controller. */
export class CgroupNode {
  /** Of version 2: for `--cgroup`. */
  readonly folder: string;
  readonly #bounded: string;
  readonly #burners: ChildProcess[] = [];

  private constructor(folder: string, bounded: string) {
    this.folder = folder;
    this.#bounded = bounded;
  }

  /**
   * Makes it; removed with the test, after the programs in it.
   *
   * @param cores At most so many for all in it.
   * @throws {NotSupportedError} Without root, or where no version bounds CPU time.
   */
  static make(t: ExecutionContext, name: string, cores: number): CgroupNode {
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    const [unified, cpu] = [controllerMount(mounts, "v2"), controllerMount(mounts, "cpu")];
    if (process.getuid!() !== 0) throw new NotSupportedError("cgroups can be made by root only", "run the tests with sudo");
    if (unified === null) throw new NotSupportedError("cgroup v2 is not mounted", "mount -t cgroup2 none /sys/fs/cgroup");
    const second = readFileSync(join(unified, "cgroup.controllers"), "utf8").split(/\s/).includes("cpu");
    if (!second && cpu === null)
      throw new NotSupportedError("no cgroup version has the cpu controller", "a kernel with CONFIG_CFS_BANDWIDTH");
    if (second) writeFileSync(join(unified, "cgroup.subtree_control"), "+cpu");
    const own = `mitsu-test-${process.pid}-${name}`;
    const node = new CgroupNode(join(unified, own), join(second ? unified : cpu!, own));
    t.teardown(() => node.#remove());
    for (const folder of new Set([node.folder, node.#bounded])) mkdirSync(folder);
    const quotaUs = Math.round(cores * periodUs);
    if (second) writeFileSync(join(node.#bounded, "cpu.max"), `${quotaUs} ${periodUs}`);
    else {
      writeFileSync(join(node.#bounded, "cpu.cfs_period_us"), String(periodUs));
      writeFileSync(join(node.#bounded, "cpu.cfs_quota_us"), String(quotaUs));
    }
    return node;
  }

  /** Starts a program that burns CPU in it, for 10 s at most; it dies with this process. */
  burn(): void {
    const enter = 'echo $$ >"$0/cgroup.procs" && echo $$ >"$1/cgroup.procs"';
    const spin = "end=$((SECONDS + 10)); while ((SECONDS < end)); do :; done";
    const command = ["--pdeathsig", "KILL", "bash", "-c", `${enter} && ${spin}`, this.folder, this.#bounded];
    this.#burners.push(spawn("setpriv", command, { stdio: "ignore" }));
  }

  /** Ends all of them. */
  async calm(): Promise<void> {
    for (const burner of this.#burners.splice(0)) {
      if (burner.exitCode !== null || burner.signalCode !== null) continue;
      const over = once(burner, "exit");
      burner.kill("SIGKILL");
      await over;
    }
  }

  async #remove(): Promise<void> {
    await this.calm();
    for (const folder of new Set([this.folder, this.#bounded])) rmdirSync(folder);
  }
}
