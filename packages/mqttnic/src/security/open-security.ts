/** Opens all of security as the configuration says. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { SecurityConfig } from "../config/broker-config.ts";
import type { Security } from "./security.ts";

/** What the configuration does not say. */
export interface SecurityOptions {
  /** What peers of the mesh prove themselves by where there is no TLS. */
  readonly meshSecret: Buffer | undefined;
  /** Names of the mesh's other nodes; a client id `$mesh/<name>` is for them alone. */
  readonly meshNodes: readonly string[];
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A {@link Security} and what is counted. */
export interface OpenedSecurity extends Security {
  /** Lines of the audit log that were lost, because the disk was slower than the events. */
  readonly auditLinesLost: number;
}

/** Reads all files. @throws {MitsuError} with file and line when one is wrong. */
export async function openSecurity(_config: SecurityConfig, _options: SecurityOptions): Promise<OpenedSecurity> {
  throw new MitsuError("security: not written yet", { code: "ERR_NOT_WRITTEN" });
}
