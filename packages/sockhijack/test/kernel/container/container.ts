/** A running OCI container of this test, and its network. @module */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BundleOptions, writeBundle } from "./bundle.ts";

/** How a command sees cgroups: as the machine is, or with cgroup v2 alone at /sys/fs/cgroup (in a mount namespace of its own). */
export type CgroupView = "as it is" | "pure v2";

const pureView = ["unshare", "--mount", "sh", "-c", 'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"];

/** The command, in front of it what gives it this view. */
function viewed(view: CgroupView, command: readonly string[]): readonly [string, ...string[]] {
  return (view === "pure v2" ? [...pureView, ...command] : [...command]) as [string, ...string[]];
}

/** Runs a command to its end and returns its stdout. @throws with its stderr. */
function execute([program, ...args]: readonly [string, ...string[]]): string {
  try {
    // runc leaves its stderr open in the container: a file, not a pipe, or the call would wait for the container's end.
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${program} ${args.join(" ")}: ${stderr || message}`);
  }
}

/** Runs a command of a clean-up, where there may be nothing left to clean. */
function attempt(command: readonly [string, ...string[]]): void {
  try {
    execute(command);
  } catch {
    // Gone already, which is what was wanted.
  }
}

/** Where the machine has cgroup v2, whatever hierarchies of v1 lie beside it. */
export function unifiedRoot(): string {
  const line = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((mount) => mount.split(" ")[2] === "cgroup2");
  return line?.split(" ")[1] ?? "/sys/fs/cgroup";
}

/** What a container is made from. */
export interface ContainerOptions extends BundleOptions {
  readonly runtime: "runc" | "crun";
  readonly view: CgroupView;
  /** Unique on the machine; at most 10 letters, as the network device is named after it. */
  readonly name: string;
}

/** A container that was created; `start()` lets its program run. */
export class Container {
  readonly pid: number;
  readonly #options: ContainerOptions;
  readonly #directory: string;

  /** Creates namespaces and cgroups; the program waits. @throws with what the runtime says. */
  constructor(options: ContainerOptions) {
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), "mitsu-container-"));
    writeBundle(this.#directory, options);
    const pidFile = join(this.#directory, "pid");
    const log = join(this.#directory, "log");
    const create = this.#runtime("create", "--bundle", this.#directory, "--pid-file", pidFile, options.name);
    try {
      execute(viewed(options.view, ["sh", "-c", `${this.#joinCgroup()} exec "$@" >"$0" 2>&1`, log, ...create]));
    } catch (error) {
      const said = existsSync(log) ? readFileSync(log, "utf8").trim() : "";
      rmSync(this.#directory, { recursive: true, force: true });
      throw new Error(`${options.runtime} cannot create the container: ${said || (error as Error).message}`);
    }
    this.pid = Number(readFileSync(pidFile, "utf8"));
  }

  /** crun is started in the container's cgroup, see below. */
  #joinCgroup(): string {
    const { runtime, cgroup } = this.#options;
    if (runtime === "runc") return "";
    const path = unifiedRoot() + cgroup;
    mkdirSync(path, { recursive: true });
    return `echo $$ >${this.#options.view === "pure v2" ? `/sys/fs/cgroup${cgroup}` : path}/cgroup.procs;`;
  }

  #runtime(...args: string[]): string[] {
    const { runtime } = this.#options;
    // crun refuses cgroups of its own where v1 lies beside v2, and without CAP_SYS_RESOURCE; it stays in the cgroup it is started in.
    const manager = runtime === "crun" ? ["--cgroup-manager=disabled"] : [];
    return [runtime, ...manager, "--root", join(this.#directory, "state"), ...args];
  }

  /** Lets the program run. */
  start(): void {
    execute(viewed(this.#options.view, this.#runtime("start", this.#options.name)));
  }

  /** Joins the container to the host by a veth with these two addresses of one /30. */
  connect(host: string, own: string): void {
    const { name } = this.#options;
    const inside = ["nsenter", "--net", `--target=${this.pid}`, "ip"];
    execute(["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", String(this.pid)]);
    execute(["ip", "address", "add", `${host}/30`, "dev", name]);
    execute(["ip", "link", "set", name, "up"]);
    for (const command of [
      ["link", "set", "lo", "up"],
      ["address", "add", `${own}/30`, "dev", "eth0"],
      ["link", "set", "eth0", "up"],
    ])
      execute([...inside, ...command] as [string, ...string[]]);
  }

  /** Joins two containers by a veth with these addresses of one /30. */
  connectTo(other: Container, own: string, others: string): void {
    const ends = [
      [this, own],
      [other, others],
    ] as const;
    const inside = (pid: number): [string, ...string[]] => ["nsenter", "--net", `--target=${pid}`, "ip"];
    execute([...inside(this.pid), "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", String(other.pid)]);
    for (const [container, address] of ends) {
      execute([...inside(container.pid), "address", "add", `${address}/30`, "dev", "eth1"]);
      execute([...inside(container.pid), "link", "set", "eth1", "up"]);
    }
  }

  /** The container's cgroup, in the v2 hierarchy as the host has it mounted. */
  cgroup(): string {
    const line = readFileSync(`/proc/${this.pid}/cgroup`, "utf8")
      .split("\n")
      .find((entry) => entry.startsWith("0::"));
    return unifiedRoot() + line!.slice(3);
  }

  /** What the program and the runtime wrote. */
  log(): string {
    return readFileSync(join(this.#directory, "log"), "utf8");
  }

  /** Ends the program and removes everything that the constructor and `connect` made. */
  remove(): void {
    const { cgroup, name, view } = this.#options;
    attempt(viewed(view, this.#runtime("kill", name, "KILL")));
    attempt(viewed(view, this.#runtime("delete", "--force", name)));
    attempt(["ip", "link", "delete", name]); // it goes with the namespace, but the kernel takes its time
    for (const path of cgroupPaths(cgroup)) if (existsSync(path)) rmdirSync(path); // a hierarchy may be mounted at several places
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The folders of a `cgroupsPath` in every hierarchy that is mounted. */
function cgroupPaths(path: string): string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const roots = mounts.map((line) => line.split(" ")).filter(([, , type]) => type === "cgroup" || type === "cgroup2");
  return roots.map(([, target]) => target! + path);
}
