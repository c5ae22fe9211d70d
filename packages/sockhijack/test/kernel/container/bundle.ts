/** OCI bundles: a `config.json` beside a root file system that nobody changes. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** What differs between the test's containers. */
export interface BundleOptions {
  /** Root file system, mounted read-only. */
  readonly root: string;
  readonly args: readonly string[];
  /** `cgroupsPath`, such as `/mitsu-web`: runc makes it in every hierarchy that is mounted, v2's too. */
  readonly cgroup: string;
  /** Folders of the host that appear in the container, read-only: destination → source. */
  readonly binds?: Readonly<Record<string, string>>;
}

const capabilities = ["CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE"];
const writable = ["/run", "/tmp", "/var/log/nginx", "/var/lib/nginx"];

/**
 * Writes `config.json` (OCI runtime specification 1.0.2) for a container with its own pid, mount, network, ipc and uts namespaces.
 *
 * @example
 * ```ts
 * writeBundle("/tmp/bundle", { root: rootFileSystem(), args: ["/usr/sbin/nginx", "-g", "daemon off;"] });
 * ```
 */
export function writeBundle(directory: string, { root, args, cgroup, binds = {} }: BundleOptions): void {
  const tmpfs = writable.map((destination) => ({ destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"] }));
  const bound = Object.entries(binds).map(([destination, source]) => ({ destination, type: "none", source, options: ["bind", "ro"] }));
  const config = {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: root, readonly: true },
    hostname: "container",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      ...tmpfs,
      ...bound,
    ],
    linux: {
      cgroupsPath: cgroup,
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
  writeFileSync(join(directory, "config.json"), JSON.stringify(config, undefined, 2));
}
