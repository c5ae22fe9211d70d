/** Control groups (v2): find, make, read and remove them. @module */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** Id of a cgroup as BPF sees it: the inode number of its folder. */
export function cgroupId(folder: string): bigint {
  return statSync(folder, { bigint: true }).ino;
}

/** Every process in a cgroup and below it. */
export function cgroupPids(folder: string): number[] {
  try {
    const own = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own, ...below.flatMap((entry) => cgroupPids(join(folder, entry.name)))];
  } catch {
    return []; // removed while we looked
  }
}

/** Does any process live in the cgroup or below it? */
export function isPopulated(folder: string): boolean {
  try {
    return /^populated 1$/m.test(readFileSync(join(folder, "cgroup.events"), "utf8"));
  } catch {
    return false; // gone
  }
}

/** Folder of the v2 cgroup that a process is in. */
export function cgroupOfPid(root: string, pid: number): string {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  } catch (cause) {
    throw new MitsuError(`no process ${pid}`, { code: "ERR_PROCESS_MISSING", exit: exitStatus.data, hint: "see what runs: ps -e", cause });
  }
  const path = /^0::(.*)$/m.exec(text)?.[1] ?? "/";
  return join(root, path);
}

/** Makes a cgroup for the programs of a service; one that exists is kept. */
export function makeCgroup(root: string, path: string): string {
  const folder = join(root, path);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new MitsuError(`cannot make the cgroup ${folder}: ${(cause as Error).message}`, {
      code: "ERR_CGROUP_CREATE",
      exit: (cause as NodeJS.ErrnoException).code === "EACCES" ? exitStatus.rights : exitStatus.system,
      hint: "run as root, or have the folder delegated to you",
      cause,
    });
  }
  return folder;
}

/** Moves a process into a cgroup. */
export function joinCgroup(folder: string, pid: number): void {
  try {
    writeFileSync(join(folder, "cgroup.procs"), `${pid}\n`);
  } catch (cause) {
    throw new MitsuError(`cannot move process ${pid} into ${folder}: ${(cause as Error).message}`, {
      code: "ERR_CGROUP_JOIN",
      exit: exitStatus.system,
      hint: "check that the process still runs, and that the cgroup allows processes (a threaded or non-leaf one with controllers does not)",
      cause,
    });
  }
}

/** Removes an empty cgroup and its parents up to, not including, the root, as far as they are empty. */
export function removeCgroup(root: string, folder: string): void {
  for (let at = folder; at.startsWith(`${root}/`); at = join(at, "..")) {
    try {
      rmdirSync(at);
    } catch {
      return; // in use, or gone already
    }
  }
}

/** Removes a cgroup and all below it, as far as no process lives in them. @returns whether the folder itself went. */
export function removeEmptyCgroups(folder: string): boolean {
  if (!existsSync(folder)) return false;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) removeEmptyCgroups(join(folder, entry.name));
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false; // in use
  }
}

/**
 * Finds the cgroup an operator means: a path (absolute, or below the v2 root), a systemd unit, `pid:N`, or a container's id or name prefix.
 *
 * @returns Its folder; for a process in the root cgroup, which cannot be told from all others, undefined.
 * @throws {MitsuError} ERR_CGROUP_MISSING
 */
export function findCgroup(root: string, what: string): string | undefined {
  const pid = /^pid:(\d+)$|^(\d{1,7})$/.exec(what); // the kernel's largest is 4194304; a container's id may be of digits only too
  if (pid) {
    const folder = cgroupOfPid(root, Number(pid[1] ?? pid[2]));
    return relative(root, folder) === "" ? undefined : folder;
  }
  // Made canonical first: a path that leads back to the root, which is everybody, must not pass for one below it.
  for (const folder of [resolve("/", what), resolve(join(root, what))]) {
    if (folder.startsWith(`${root}/`) && existsSync(join(folder, "cgroup.procs"))) return folder;
  }
  const found = /^[\w@:.-]+$/.test(what) ? search(root, what, 0) : [];
  if (found.length === 1) return found[0];
  throw new MitsuError(
    found.length === 0
      ? `cannot attach ${what}: no such cgroup, unit, process or container below ${root}`
      : `cannot attach ${what}: it could be any of ${found.join(", ")}`,
    {
      code: found.length === 0 ? "ERR_CGROUP_MISSING" : "ERR_CGROUP_AMBIGUOUS",
      exit: exitStatus.data,
      hint: found.length === 0 ? "start the unit or container first, or pass a process as pid:N" : "pass the full path",
    },
  );
}

function search(folder: string, name: string, depth: number): string[] {
  if (depth > 8) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      // Runtimes name a container's cgroup <id>, <runtime>-<id>.scope or <id>.scope; an id may be shortened as their CLIs allow.
      const bare = entry.name
        .replace(/\.(service|scope|slice)$/, "")
        .replace(/^(docker|libpod|crio|cri-containerd|runc|crun|nerdctl)-/, "");
      const hit = entry.name === name || bare === name || (/^[0-9a-f]{12,}$/.test(name) && bare.startsWith(name));
      return hit ? [path] : search(path, name, depth + 1);
    });
}
