/** `sockhijack cleanup`: in a file of its own, since it loads the kernel's side, which no other client needs. @module */
import { type Context, lockDaemon, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { daemonClient } from "../client.ts";
import { removeLeftovers } from "../leftovers.ts";

/** `sockhijack cleanup`: through the daemon when one runs, else straight from what is pinned. */
export async function run(
  args: { readonly pins: string | undefined; readonly state: string | undefined },
  context: Context,
): Promise<void> {
  let stopped = await stopDaemon(context);
  // One that was just starting did not listen yet.
  const again = async (): Promise<void> => {
    stopped = (await stopDaemon(context)) || stopped;
  };
  const removed = await afterItsEnd(context, again, () => removeLeftovers(context, args));
  print(context, { stoppedDaemon: stopped, removed }, (value) =>
    value.stoppedDaemon
      ? "the daemon has returned every socket to TCP, removed its kernel state and ended\n"
      : value.removed.length > 0
        ? `removed ${value.removed.join(", ")}\n`
        : "nothing to clean up\n",
  );
}

/** Does something while no daemon can start, once the one that is ending, or that `stop` stops, has let go of its lock. */
async function afterItsEnd<T>({ env, socket, log }: Context, stop: () => Promise<void>, body: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      const unlock = await lockDaemon(env, socket, log);
      try {
        return await body();
      } finally {
        unlock();
      }
    } catch (error) {
      if (!(error instanceof MitsuError) || error.code !== "ERR_DAEMON_RUNNING" || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await stop();
    }
  }
}

/** Asks a living daemon to clean up and waits until it is gone; false when there is none. */
async function stopDaemon({ socket }: Context): Promise<boolean> {
  let pid: number;
  try {
    using client = await daemonClient({ socket });
    pid = client.daemon.pid;
    await client.call("stop", { cleanup: true }, { timeoutMs: 30_000 });
  } catch (error) {
    // Down, or ending by itself as we asked: what it has not removed is removed after its end.
    if (error instanceof MitsuError && ["ERR_DAEMON_DOWN", "ERR_IPC_CLOSED"].includes(error.code)) return false;
    throw error;
  }
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new MitsuError(`the daemon (pid ${pid}) has not ended within 30 s`, {
    code: "ERR_DAEMON_STUCK",
    exit: exitStatus.temporary,
    hint: "read its log; end it with SIGTERM, then run cleanup again",
  });
}
