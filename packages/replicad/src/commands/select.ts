/** `replicad select`: the replica for one request, and what came of it. @module */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { type Context, type Env, print, type SignalName } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SelectAnswer, SelectOutcome, SelectRequest } from "@mitsu/ipc";
import { replicaKey } from "../bus/replica-key.ts";
import { daemonClient } from "../client.ts";
import { type ServiceArgs, serviceRequest } from "./service-argument.ts";

/** Arguments of `select`. */
export interface SelectArgs extends ServiceArgs {
  readonly command: readonly string[];
}

/** How a command went. */
interface Ending {
  /** Its exit status; 128 and the signal's number when one ended it, as shells have it. */
  readonly status: number;
  /** Whoever called wanted it to end: that says nothing of the replica. */
  readonly interrupted: boolean;
  readonly latencyMs: number;
}

/** curl's `CURLE_COULDNT_CONNECT`. */
const refusedStatus = 7;

/**
 * `replicad select`; the exit status is the command's.
 *
 * @throws {MitsuError} `ERR_COMMAND_MISSING` (127), `ERR_COMMAND_DENIED` (126), and the daemon's.
 */
export async function run(args: SelectArgs, context: Context): Promise<number> {
  const { passthrough, env } = context;
  const request = serviceRequest(args);
  if (args.command.length > passthrough.length)
    throw new MitsuError(`unexpected argument '${args.command[0]}' for 'select'`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: `put the command after --: replicad select ${args.service} -- ${args.command[0]}`,
    });
  const answer = await selected(request, context);
  const replica = replicaKey(answer.address, answer.port);
  if (passthrough.length === 0) {
    print(context, answer, () => `${replica}\n`);
    return exitStatus.ok;
  }
  try {
    const { status, interrupted, latencyMs } = await ended(passthrough, answer, env);
    await tell(answer, interrupted ? "cancelled" : outcomeOf(status), latencyMs, context);
    return status;
  } catch (error) {
    await tell(answer, "cancelled", 0, context); // it never began
    throw error;
  }
}

async function selected(request: SelectRequest, context: Context): Promise<SelectAnswer> {
  using client = await daemonClient(context);
  return await client.call("select", request);
}

/** Over a connection of its own: a command may run for long, and the daemon's clients are counted. Never changes the exit status. */
async function tell({ ticket }: SelectAnswer, outcome: SelectOutcome, latencyMs: number, context: Context): Promise<void> {
  try {
    using client = await daemonClient(context);
    await client.call("answered", { ticket, latencyMs, outcome });
  } catch (error) {
    context.log.warn("the daemon was not told how it went", { outcome, error });
  }
}

function outcomeOf(status: number): SelectOutcome {
  return status === 0 ? "ok" : status === refusedStatus ? "refused" : "failed";
}

/** What a terminal sends to the whole foreground, so that the command has it already. */
const fromTerminal: readonly SignalName[] = ["SIGINT", "SIGQUIT", "SIGTSTP", "SIGWINCH"];
const forwarded: readonly SignalName[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT", ...fromTerminal];
/** These are for the command to end. */
const ending: ReadonlySet<SignalName> = new Set(["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"]);

function ended(command: readonly string[], { address, port }: SelectAnswer, env: Env): Promise<Ending> {
  const vars = {
    ...env.vars,
    MITSU_REPLICA: replicaKey(address, port),
    MITSU_REPLICA_ADDRESS: address,
    MITSU_REPLICA_PORT: String(port),
  };
  const [file, ...rest] = command;
  const sentAtNs = env.nowNs();
  let interrupted = false;
  const { promise, resolve, reject } = Promise.withResolvers<Ending>();
  const foreground = inForeground(env);
  // Listeners before the child: a signal in between must not end us and leave it.
  const early: SignalName[] = [];
  let send = (name: SignalName): unknown => early.push(name);
  const off = forwarded.map((name) =>
    env.onSignal(name, () => {
      interrupted ||= ending.has(name);
      if (!(foreground && fromTerminal.includes(name))) send(name);
    }),
  );
  const child = spawn(file!, rest, { stdio: "inherit", env: vars, cwd: env.cwd() });
  child.once("spawn", () => {
    send = (name) => child.kill(name);
    for (const name of early) child.kill(name);
  });
  child.once("error", (error: NodeJS.ErrnoException) => reject(commandError(file!, error)));
  child.once("exit", (code, signal) => {
    const status = signal === null ? (code ?? exitStatus.failure) : 128 + constants.signals[signal];
    const answered = status === 0 || status === refusedStatus;
    resolve({ status, interrupted: interrupted && !answered, latencyMs: Number(env.nowNs() - sentAtNs) / 1e6 });
  });
  return promise.finally(() => {
    for (const remove of off) remove();
  });
}

/** Whether a terminal's signals come to this process, and so to its child too. [proc(5): pgrp and tpgid of stat] */
function inForeground({ readFile }: Env): boolean {
  const stat = Buffer.from(readFile("/proc/self/stat")).toString();
  const [, , pgrp, , , tpgid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return pgrp === tpgid;
}

function commandError(command: string, { code, message }: NodeJS.ErrnoException): MitsuError {
  const denied = code === "EACCES";
  if (!denied && code !== "ENOENT")
    return new MitsuError(`cannot run ${command}: ${message}`, { code: "ERR_COMMAND", exit: exitStatus.system, hint: "see man 2 execve" });
  return new MitsuError(`${command}: ${denied ? "permission denied" : "command not found"}`, {
    code: denied ? "ERR_COMMAND_DENIED" : "ERR_COMMAND_MISSING",
    exit: denied ? 126 : 127,
    hint: denied ? "make it executable" : "check the name, or give the full path",
  });
}
