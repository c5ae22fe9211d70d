/** Where one daemon keeps what outlives it: names that keep several daemons on one machine apart. @module */
import { createHash } from "node:crypto";
import { layoutVersion } from "./kernel/layout.ts";

/** The socket of the machine's one ordinary daemon. */
const defaultSocket = "/run/mitsu/sockhijack.sock";

/** Paths of one daemon. */
export interface Places {
  /** Folder in the bpffs where programs, maps and links are pinned. */
  readonly pins: string;
  /** Folder for state on disk. */
  readonly state: string;
  /** Name of the cgroup, below the v2 root, that holds those made by `run`. */
  readonly cgroup: string;
  /** Port of the resolvers on 127.53.0.1 to .4. */
  readonly dnsPort: number;
}

/**
 * The paths that go with a control socket; a socket elsewhere gets places of its own, so that tests and several nodes on one machine never meet.
 *
 * @param given Paths the operator named.
 * @example
 * ```ts
 * placesOf("/run/mitsu/sockhijack.sock"); // { pins: "/sys/fs/bpf/mitsu/v4", state: "/var/lib/mitsu/sockhijack", cgroup: "mitsu", dnsPort: 53 }
 * ```
 */
export function placesOf(socket: string, given: { readonly pins?: string | undefined; readonly state?: string | undefined } = {}): Places {
  const digest = createHash("sha256").update(socket).digest();
  const suffix = socket === defaultSocket ? "" : `-${digest.toString("hex", 0, 4)}`;
  return {
    pins: given.pins ?? `/sys/fs/bpf/mitsu/v${layoutVersion}${suffix}`,
    state: given.state ?? `/var/lib/mitsu/sockhijack${suffix}`,
    cgroup: `mitsu${suffix}`,
    dnsPort: socket === defaultSocket ? 53 : 1053 + (digest.readUInt16BE(4) % 30_000),
  };
}
