/** How a command reaches the daemon. @module */
import { spawn } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { isSea } from "node:sea";
import type { Context } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Client, connect, type SockhijackProtocol, sockhijack } from "@mitsu/ipc";
import { placesOf } from "./places.ts";

/** A connection to the daemon. */
export type SockhijackClient = Client<SockhijackProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<SockhijackClient> {
  return connect(socket, sockhijack, { startHint: "start it: sockhijack daemon, or sockhijack run --service NAME -- COMMAND" });
}

/** How long a daemon started by `run` may take until it listens. */
const startMs = 15_000;

/**
 * Connects to the daemon, starting one when none runs; that one ends, and takes everything away, when the last program of `run` has ended.
 *
 * @throws {MitsuError} ERR_DAEMON_START with the last lines of the daemon's log.
 */
export async function daemonOrStart(context: Context): Promise<SockhijackClient> {
  try {
    return await daemonClient(context);
  } catch (error) {
    if (!(error instanceof MitsuError) || error.code !== "ERR_DAEMON_DOWN") throw error;
  }
  const { state } = placesOf(context.socket);
  const logPath = `${state}/daemon.log`;
  const log = openLog(state, logPath);
  const program = isSea() ? [] : [process.argv[1]!];
  const args = [...process.execArgv, ...program, "daemon", "--ephemeral", "--socket", context.socket, "--config", context.config];
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  child.unref();
  let ended: number | string | undefined;
  child.once("exit", (code, signal) => {
    ended = code ?? signal ?? "unknown";
  });
  const deadline = Date.now() + startMs;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    try {
      return await daemonClient(context);
    } catch (error) {
      if (ended === undefined && Date.now() < deadline) continue;
      // Two `run`s at once both start a daemon; the one that lost the race has ended, and the other one answers.
      if (ended === exitStatus.temporary && Date.now() < deadline) continue;
      const text = String(context.env.readFile(logPath) ? new TextDecoder().decode(context.env.readFile(logPath)) : "");
      throw new MitsuError(
        `no daemon runs and none could be started: ${text.trim().split("\n").slice(-3).join(" / ") || `it ended with ${ended}`}`,
        {
          code: "ERR_DAEMON_START",
          exit: exitStatus.unavailable,
          hint: `read ${logPath}, or run \`sockhijack daemon\` by hand`,
          cause: error,
        },
      );
    }
  }
}

function openLog(state: string, path: string): number {
  try {
    mkdirSync(state, { recursive: true, mode: 0o750 });
    return openSync(path, "w", 0o640);
  } catch (cause) {
    const denied = ["EACCES", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "");
    throw new MitsuError(`no daemon runs and none can be started: cannot write ${path}`, {
      code: "ERR_DAEMON_START",
      exit: denied ? exitStatus.rights : exitStatus.system,
      hint: denied ? "run it as root, or have root start the daemon: sockhijack daemon" : "make room for it, or pass another --socket",
      cause,
    });
  }
}
