/** Where the cgroup v2 hierarchy is mounted; only its folders take BPF programs. @module */
import { readFileSync } from "node:fs";

/**
 * Path of the first cgroup v2 mount whose root is the hierarchy's: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` where v1 is mounted beside it.
 *
 * @param mountinfo text of /proc/self/mountinfo (proc(5)): `... root mountpoint options - type ...`, blanks escaped as `\040`.
 */
export function cgroup2Path(mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8")): string | undefined {
  const mounts = mountinfo
    .split("\n")
    .map((line) => line.split(" "))
    .filter((words) => words[words.indexOf("-") + 1] === "cgroup2");
  const best = mounts.find((words) => words[3] === "/") ?? mounts[0];
  return best?.[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
