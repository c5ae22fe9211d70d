/** Programs that move bytes with splice(2): it reads a socket's TCP queue, where redirected bytes never come, so their sockets stay out. @module */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { basename } from "node:path";
import { cgroupPids } from "./cgroups.ts";
import type { Mesh } from "./mesh.ts";

/** How long a judgement of a cgroup's programs holds. */
const holdMs = 5_000;

/**
 * Judges the programs of a cgroup from `/proc`, since the kernel keeps no trace of who splices.
 *
 * HAProxy splices when its configuration says `option splice-*`. Go's io.Copy splices between connections and keeps pipes for it, both
 * ends in the same process: a Go program that holds such a pipe is taken for a splicing one. Others may say `redirect: off`.
 */
export class SplicingPrograms {
  readonly #known = new Map<bigint, { untilMs: number; splices: boolean }>();
  readonly #now: () => number;

  /** @param now Milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Does any program in the cgroup, or in the attached one above it, splice? */
  in(cgroup: bigint, mesh: Mesh): boolean {
    const known = this.#known.get(cgroup);
    if (known && known.untilMs > this.#now()) return known.splices;
    const folders = mesh.attachments.filter((a) => a.cgroup === cgroup).map(({ folder }) => folder);
    const all = folders.length > 0 ? folders : mesh.attachments.map(({ folder }) => folder);
    const splices = all.some((folder) => cgroupPids(folder).some(splicesByItself));
    this.#known.set(cgroup, { untilMs: this.#now() + holdMs, splices });
    return splices;
  }
}

/** Does this process splice, as far as `/proc` shows? */
export function splicesByItself(pid: number): boolean {
  try {
    const name = basename(readlinkSync(`/proc/${pid}/exe`));
    if (name === "haproxy") return haproxySplices(pid);
    return isGoProgram(pid) && ownsWholePipe(pid);
  } catch {
    return false; // it ended
  }
}

function haproxySplices(pid: number): boolean {
  const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  const files = args.flatMap((arg, index) => (arg === "-f" ? [args[index + 1] ?? ""] : []));
  const root = `/proc/${pid}/root`;
  const cwd = readlinkSync(`/proc/${pid}/cwd`);
  return files.some((file) => {
    try {
      return /^\s*option\s+splice-/m.test(readFileSync(file.startsWith("/") ? `${root}${file}` : `${root}${cwd}/${file}`, "utf8"));
    } catch {
      return true; // its configuration cannot be read: take no risk
    }
  });
}

/** The linker's note at the head of every Go executable: name size 4, type 4 (build id), "Go\0\0". */
function isGoProgram(pid: number): boolean {
  const head = Buffer.alloc(4096);
  const fd = openSync(`/proc/${pid}/exe`, "r");
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  return head.includes(Buffer.from([4, 0, 0, 0, 0x47, 0x6f, 0, 0])) || head.includes(Buffer.from("Go\0\0"));
}

function ownsWholePipe(pid: number): boolean {
  const pipes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return link.startsWith("pipe:") && Number(fd) > 2 ? [link] : [];
    } catch {
      return [];
    }
  });
  return new Set(pipes).size < pipes.length;
}
