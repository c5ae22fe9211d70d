/** How a command reaches the daemon. @module */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
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

/** What a daemon says, or fails to say, that is just ending: the next one will answer. */
const endingCodes: readonly string[] = ["ERR_IPC_CLOSED", "ERR_DAEMON_STOPPING"];

/**
 * Asks the daemon, starting one when none runs; that one ends, and takes everything away, when the last program of `run` has ended. One that
 * was ending as it was asked is waited for, and its successor asked.
 *
 * @throws {MitsuError} ERR_DAEMON_START with the last lines of the daemon's log; the daemon's own error.
 */
export async function askOrStart<T>(context: Context, ask: (client: SockhijackClient) => Promise<T>): Promise<T> {
  const deadline = Date.now() + startMs;
  for (;;) {
    try {
      using client = await daemonOrStart(context, deadline);
      return await ask(client);
    } catch (error) {
      if (!(error instanceof MitsuError) || !endingCodes.includes(error.code) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function daemonOrStart(context: Context, deadline: number): Promise<SockhijackClient> {
  let started: { readonly ended: () => number | string | undefined } | undefined;
  const logPath = `${placesOf(context.socket).state}/daemon.log`;
  for (;;) {
    try {
      return await daemonClient(context);
    } catch (error) {
      if (!(error instanceof MitsuError) || error.code !== "ERR_DAEMON_DOWN") throw error;
      const ended = started?.ended();
      const inTime = Date.now() < deadline;
      // Exit status 75: another daemon holds the lock. It was started by another `run` and will answer, or it is ending and makes room.
      if (!started || (ended === exitStatus.temporary && inTime)) started = startDaemon(context, logPath);
      else if (ended !== undefined || !inTime) throw startError(context, logPath, ended, error);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Keeps a daemon that was busy small; as in `scripts/run-daemon` and the systemd unit. */
const daemonHeap = "--max-semi-space-size=4";

function startDaemon(context: Context, logPath: string): { readonly ended: () => number | string | undefined } {
  const log = openLog(dirname(logPath), logPath);
  const program = isSea() ? [] : [process.argv[1]!];
  const args = [...process.execArgv, ...program, "daemon", "--ephemeral", "--socket", context.socket, "--config", context.config];
  const env = isSea() ? { ...process.env, NODE_OPTIONS: daemonHeap } : process.env; // from the sources, execArgv has it
  const child = spawn(process.execPath, args, { detached: true, stdio: ["ignore", log, log], cwd: "/", env });
  closeSync(log);
  child.unref();
  let ended: number | string | undefined;
  child.once("exit", (code, signal) => {
    ended = code ?? signal ?? "unknown";
  });
  return { ended: () => ended };
}

function startError(context: Context, logPath: string, ended: number | string | undefined, cause: unknown): MitsuError {
  const bytes = context.env.readFile(logPath);
  const lines = bytes ? new TextDecoder().decode(bytes).trim().split("\n").slice(-3).join(" / ") : "";
  return new MitsuError(`no daemon runs and none could be started: ${lines || `it ended with ${ended}`}`, {
    code: "ERR_DAEMON_START",
    exit: exitStatus.unavailable,
    hint: `read ${logPath}, or run \`sockhijack daemon\` by hand`,
    cause,
  });
}

/** A daemon that ends just now takes the folder away, perhaps between making it and opening the file: then it is made again. */
const opensOfLog = 10;

function openLog(state: string, path: string): number {
  for (let opens = 1; ; opens++) {
    try {
      mkdirSync(state, { recursive: true, mode: 0o750 });
      return openSync(path, "w", 0o640);
    } catch (cause) {
      const { code = "" } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT" && opens < opensOfLog) continue;
      const denied = ["EACCES", "EPERM"].includes(code);
      throw new MitsuError(`no daemon runs and none can be started: cannot write ${path}`, {
        code: "ERR_DAEMON_START",
        exit: denied ? exitStatus.rights : exitStatus.system,
        hint: denied ? "run it as root, or have root start the daemon: sockhijack daemon" : "make room for it, or pass another --socket",
        cause,
      });
    }
  }
}
