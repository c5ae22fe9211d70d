/** `attach`, `detach`, `cleanup`, `policy check`: what changes the mesh, and what it would allow. @module */
import { type Context, lockDaemon, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { askOrStart, daemonClient } from "../client.ts";
import { removeLeftovers } from "../leftovers.ts";
import { parseService } from "./run.ts";

/** `sockhijack attach`. */
export async function attach(
  args: { readonly target: string; readonly service: string; readonly redirect: "auto" | "on" | "off" | undefined },
  context: Context,
): Promise<void> {
  const { name, ports } = parseService(args.service);
  const attaching = { target: args.target, service: name, ports, redirect: args.redirect };
  const answer = await askOrStart(context, (client) => client.call("attach", attaching, { timeoutMs: 15_000 }));
  print(context, answer, ({ cgroup, tookMs }) => `${cgroup} is ${name} (attached in ${tookMs.toFixed(1)} ms)\n`);
}

/** `sockhijack detach`. */
export async function detach({ target }: { readonly target: string }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const answer = await client.call("detach", { target }, { timeoutMs: 30_000 });
  print(context, answer, ({ cgroups, tookMs }) => cgroups.map((c) => `${c} detached in ${tookMs.toFixed(1)} ms\n`).join(""));
}

/** `sockhijack cleanup`: through the daemon when one runs, else straight from what is pinned. */
export async function cleanup(
  args: { readonly pins: string | undefined; readonly state: string | undefined },
  context: Context,
): Promise<void> {
  const stopped = await stopDaemon(context);
  const removed = await afterItsEnd(context, () => removeLeftovers(context, args));
  print(context, { stoppedDaemon: stopped, removed }, (value) =>
    value.stoppedDaemon
      ? "the daemon has returned every socket to TCP, removed its kernel state and ended\n"
      : value.removed.length > 0
        ? `removed ${value.removed.join(", ")}\n`
        : "nothing to clean up\n",
  );
}

/** Does something while no daemon can start, once the one that is ending has let go of its lock. */
async function afterItsEnd<T>({ env, socket, log }: Context, body: () => Promise<T>): Promise<T> {
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

/** `sockhijack policy check`: exit status 1 when the connection would be denied. */
export async function policyCheck(
  args: { readonly from: string; readonly to: string; readonly port: number },
  context: Context,
): Promise<number> {
  using client = await daemonClient(context);
  const from = args.from === "-" ? "" : args.from;
  const answer = await client.call("policyCheck", { from, to: args.to, port: args.port });
  print(context, answer, ({ action, rule }) => `${args.from} → ${args.to}:${args.port} ${action} (${rule})\n`);
  return answer.action === "allow" ? exitStatus.ok : exitStatus.failure;
}
