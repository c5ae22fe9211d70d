/** What `cleanup` of a daemon does that needs nothing but its socket: ends it and removes what it left beside that. @module */
import { existsSync, rmSync } from "node:fs";
import { glob } from "node:fs/promises";
import { type Context, print } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";

/** Which daemon, and how long it may take. */
export interface CleanUp {
  readonly daemon: string;
  /** Connects to it; throws `ERR_DAEMON_DOWN` when none runs. */
  readonly connect: () => Promise<Disposable & { readonly daemon: { readonly pid: number } }>;
  /** What is on its way may end within so long. Milliseconds. */
  readonly endMs: number;
  /** Files beside the socket, as a glob of what follows its path: `{,.lock}`. */
  readonly files: string;
  /** Further files, by their paths. */
  readonly also?: readonly string[];
}

/**
 * Sends SIGTERM, waits for the end, removes the files, and says what it did.
 *
 * @throws {MitsuError} `ERR_DAEMON_STUCK` when it does not end in time.
 * @example
 * ```ts
 * await cleanUp(context, { daemon: "nicd", connect: () => daemonClient(context), endMs: 20_000, files: "{,.lock}" });
 * ```
 */
export async function cleanUp(context: Context, { daemon, connect, endMs, files, also = [] }: CleanUp): Promise<void> {
  const ended = await endDaemon(daemon, connect, endMs);
  const removed: string[] = [];
  for await (const path of glob(`${context.socket}${files}`)) {
    rmSync(path, { force: true });
    removed.push(path);
  }
  for (const path of also.filter((one) => existsSync(one))) {
    rmSync(path, { force: true });
    removed.push(path);
  }
  print(context, { endedDaemon: ended, removed: removed.sort() }, (value) => {
    const left = value.removed.length > 0 ? `removed ${value.removed.join(", ")}\n` : "";
    return value.endedDaemon ? `the daemon has ended\n${left}` : left || "nothing to clean up\n";
  });
}

/** False when none runs. */
async function endDaemon(daemon: string, connect: CleanUp["connect"], endMs: number): Promise<boolean> {
  let pid: number;
  try {
    using client = await connect();
    ({ pid } = client.daemon);
  } catch (error) {
    if (error instanceof MitsuError && ["ERR_DAEMON_DOWN", "ERR_IPC_CLOSED"].includes(error.code)) return false;
    throw error;
  }
  process.kill(pid, "SIGTERM");
  for (let waitedMs = 0; waitedMs < endMs; waitedMs += 20) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new MitsuError(`${daemon}, pid ${pid}, does not end`, { code: "ERR_DAEMON_STUCK", hint: `look at its log, or kill -9 ${pid}` });
}
