/** One configuration out of flags, mosquitto.conf or mesh.yaml, and defaults. @module */
import type { Context, LogLevel } from "@mitsu/cli";
import type { DaemonArgs } from "../daemon-args.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { defaultConfig } from "./defaults.ts";

/** A configuration, and where it is from. */
export interface ReadConfig {
  readonly config: BrokerConfig;
  /** What is odd in it, each with file and line; to be printed. */
  readonly warnings: readonly string[];
  /** For the log: `/etc/mitsu/mesh.yaml`, `mosquitto.conf`, `defaults`. */
  readonly from: string;
  /** Files it was read from, to be watched. */
  readonly files: readonly string[];
  /** `log_type` of a mosquitto.conf; `--log-level` goes over it. */
  readonly logLevel: LogLevel | undefined;
  /** `pid_file`, to be written once it is ready and removed at the end. */
  readonly pidFile: string | undefined;
}

/**
 * Reads it all: flags over mosquitto.conf (`--config-file`) or mesh.yaml (`--config`, which need not be there) over defaults.
 *
 * @throws {MitsuError} `ERR_MQTT_CONFIG` or `ERR_CATALOG_INVALID` with file and line, `ERR_USAGE` for a flag.
 */
export async function readConfig(_args: DaemonArgs, _context: Context): Promise<ReadConfig> {
  return { config: defaultConfig, warnings: [], from: "defaults", files: [], logLevel: undefined, pidFile: undefined };
}
