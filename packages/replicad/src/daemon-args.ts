/** What `replicad daemon` is told, checked. @module */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { busPace } from "./bus/bus-pace.ts";
import type { LocalNodeOptions } from "./local-node.ts";

/** Flags of `replicad daemon`. */
export interface DaemonArgs {
  readonly node: string | undefined;
  readonly broker: string;
  readonly brokerUsername: string | undefined;
  readonly brokerPasswordFile: string | undefined;
  readonly brokerCa: string | undefined;
  readonly brokerCertificate: string | undefined;
  readonly brokerKey: string | undefined;
  readonly sockhijack: string;
  readonly nicd: string;
  readonly cgroup: string | undefined;
  /** Milliseconds. */
  readonly interval: number;
  readonly quiet: number;
  readonly state: string;
  readonly metrics: string | undefined;
}

/** @throws {MitsuError} `ERR_USAGE`, which names the flag and what is allowed; `ERR_BROKER_FILE` for a file that cannot be read. */
export function checkArgs(args: DaemonArgs): Omit<LocalNodeOptions, "catalog" | "reportsPath" | "log"> {
  const { interval, quiet, broker, brokerUsername } = args;
  const node = args.node ?? hostname();
  const bytes = Buffer.byteLength(node);
  const faults = [
    [bytes >= 1 && bytes <= 63 && !/[/+#\0]/.test(node), `--node ${node}`, "1 to 63 bytes without /, + and #"],
    [(args.brokerCertificate === undefined) === (args.brokerKey === undefined), "--broker-certificate", "--broker-key with it, or neither"],
  ] as const;
  for (const [right, what, allowed] of faults) {
    if (right) continue;
    throw new MitsuError(`${what}: ${allowed} is needed`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "see replicad daemon --help",
    });
  }
  const password = args.brokerPasswordFile === undefined ? undefined : read("--broker-password-file", args.brokerPasswordFile);
  return {
    node,
    broker:
      broker === "off"
        ? null
        : {
            url: broker,
            ...(brokerUsername === undefined ? {} : { username: brokerUsername }),
            ...(password === undefined ? {} : { password: password.toString().split(/\r?\n/, 1)[0]! }),
            tls: tlsOf(args),
          },
    sockhijack: args.sockhijack === "off" ? null : args.sockhijack,
    nicd: args.nicd === "off" ? null : args.nicd,
    cgroup: args.cgroup ?? null,
    pace: busPace(interval, quiet),
    state: args.state,
  };
}

function tlsOf({ brokerCa, brokerCertificate, brokerKey }: DaemonArgs): TlsOptions {
  return {
    ...(brokerCa === undefined ? {} : { ca: read("--broker-ca", brokerCa) }),
    ...(brokerCertificate === undefined ? {} : { cert: read("--broker-certificate", brokerCertificate) }),
    ...(brokerKey === undefined ? {} : { key: read("--broker-key", brokerKey) }),
  };
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MitsuError(`${flag} ${path}: ${(cause as NodeJS.ErrnoException).code ?? "cannot be read"}`, {
      code: "ERR_BROKER_FILE",
      exit: exitStatus.config,
      hint: "name a file that replicad may read",
      cause,
    });
  }
}
