/** `mqttnic cleanup`: ends the daemon and removes what it left. @module */
import { rmSync } from "node:fs";
import { glob } from "node:fs/promises";
import { type Context, print } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { daemonClient } from "../client.ts";

/** Messages on their way may leave. */
const endMs = 20_000;

/** `mqttnic cleanup`. */
export async function run(_args: unknown, context: Context): Promise<void> {
  const ended = await endDaemon(context);
  const removed: string[] = [];
  for await (const path of glob(`${context.socket}{,.lock}`)) {
    rmSync(path, { force: true });
    removed.push(path);
  }
  print(context, { endedDaemon: ended, removed: removed.sort() }, (value) => {
    const left = value.removed.length > 0 ? `removed ${value.removed.join(", ")}\n` : "";
    return value.endedDaemon ? `the daemon has ended\n${left}` : left || "nothing to clean up\n";
  });
}

/** False when none runs. */
async function endDaemon({ socket }: Context): Promise<boolean> {
  let pid: number;
  try {
    using client = await daemonClient({ socket });
    pid = client.daemon.pid;
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
  throw new MitsuError(`mqttnic, pid ${pid}, does not end`, { code: "ERR_DAEMON_STUCK", hint: `look at its log, or kill -9 ${pid}` });
}
