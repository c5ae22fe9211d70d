/** `replicad drain`: no new requests for one replica, and the wait until it has none. @module */
import { setTimeout as pause } from "node:timers/promises";
import { type Context, formatDuration, onSignals, print, progress } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { OverrideRequest, ReplicadReplica } from "@mitsu/ipc";
import { daemonClient, type ReplicadClient } from "../client.ts";
import { counted, nodeText, numberText, plain } from "./quantity.ts";
import { replicaArgument } from "./replica-argument.ts";
import { untoldError } from "./untold.ts";

/** Arguments of `drain`. */
export interface DrainArgs {
  readonly replica: string;
  readonly undo: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

/** A replica and what is not told. */
interface Drained {
  readonly replica: ReplicadReplica;
  readonly untold: string | null;
}

/** Between two questions while it waits. */
const askMs = 50;
/** Between two tries to tell other nodes. */
const tellMs = 500;
/** Whoever has just chosen the replica may still be sending: nothing in flight counts when it is true so long after all nodes were told. */
const settleMs = 100;

/**
 * `replicad drain`.
 *
 * @throws {MitsuError} `ERR_USAGE`; `ERR_UNTOLD` and, with `--wait`, `ERR_DRAIN_TIMEOUT`, status 75 both; the daemon's `ERR_NO_REPLICA`.
 */
export async function run(args: DrainArgs, context: Context): Promise<number> {
  const replica = replicaArgument(args.replica);
  check(args);
  using client = await daemonClient(context);
  const request = { replica, draining: !args.undo };
  const first = await client.call("override", request);
  if (args.wait) return await waited(first, request, args, client, context);
  print(context, first, ({ replica: one }) => (args.undo ? undoneText(one) : drainedText(one)));
  if (first.untold !== null) throw untoldError(replica, first.untold);
  return exitStatus.ok;
}

function check({ undo, wait, timeout }: DrainArgs): void {
  const usage = { code: "ERR_USAGE", exit: exitStatus.usage };
  if (undo && wait) throw new MitsuError("--wait and --undo exclude each other", { ...usage, hint: "it gets requests again at once" });
  // setTimeout's limit is 2³¹ − 1 ms.
  if (!(timeout > 0 && timeout <= 2_000_000))
    throw new MitsuError(`--timeout ${timeout}: give seconds above 0 and up to 2000000`, { ...usage, hint: "such as --timeout 60" });
}

/** Waits until other nodes are told and nothing is in flight. */
async function waited(
  first: Drained,
  request: OverrideRequest,
  { timeout }: DrainArgs,
  client: ReplicadClient,
  context: Context,
): Promise<number> {
  const { env } = context;
  using signals = onSignals(env);
  const line = progress(env);
  const started = env.nowNs();
  const passedMs = (): number => Number(env.nowNs() - started) / 1e6;
  let state = first;
  let [toldAtMs, triedAtMs] = [passedMs(), passedMs()];
  try {
    while (!(state.untold === null && isIdle(state.replica, passedMs() - toldAtMs))) {
      if (signals.signal.aborted) throw interrupted(request.replica);
      if (passedMs() >= timeout * 1000) throw late(state, timeout);
      const { replica } = state;
      const why = state.untold === null ? inFlightText(replica) : `other nodes do not know it yet (${plain(state.untold)})`;
      line.update(`${replica.replica}: ${why}, ${(passedMs() / 1000).toFixed(0)} s of ${timeout} s`);
      await pause(askMs, undefined, { signal: signals.signal }).catch(() => {}); // the loop sees the abort
      if (state.untold === null) state = { replica: await looked(replica, client), untold: null };
      else if (passedMs() - triedAtMs >= tellMs) {
        state = await client.call("override", request);
        toldAtMs = triedAtMs = passedMs();
      }
    }
  } finally {
    line.done();
  }
  const waitedMs = passedMs();
  print(context, { ...state, waitedMs }, ({ replica }) => {
    return `${plain(`${nameOf(replica)} is drained, with nothing in flight after ${formatDuration(waitedMs * 1e6)}`)}\n`;
  });
  return exitStatus.ok;
}

/** Its node says so, of a moment when every node knew that it is drained. */
function isIdle({ inFlight, ageMs }: ReplicadReplica, sinceToldMs: number): boolean {
  return inFlight === 0 && ageMs !== null && sinceToldMs - ageMs >= settleMs;
}

/** The replica now. @throws {MitsuError} `ERR_NO_REPLICA` when the mesh file has it no more */
async function looked({ replica, service }: ReplicadReplica, client: ReplicadClient): Promise<ReplicadReplica> {
  const { replicas } = await client.call("replicas", { service });
  const found = replicas.find((one) => one.replica === replica);
  if (found) return found;
  throw new MitsuError(`${replica} has left the mesh file while it was drained`, {
    code: "ERR_NO_REPLICA",
    hint: "nobody sends to it any more; what it had in flight is not known",
  });
}

const nameOf = (one: ReplicadReplica): string => `${one.service}:${one.port} at ${one.replica} (${nodeText(one)})`;

function inFlightText({ inFlight, ageMs }: ReplicadReplica): string {
  if (inFlight === null || ageMs === null) return "its node says nothing of what is in flight";
  return ageMs > 1000
    ? `${numberText(inFlight)} in flight ${formatDuration(ageMs * 1e6)} ago, nothing heard since`
    : `${numberText(inFlight)} in flight`;
}

const drainedText = (one: ReplicadReplica): string => `${plain(`${nameOf(one)} gets no new requests; ${inFlightText(one)}`)}\n`;

function undoneText(one: ReplicadReplica): string {
  const still =
    one.standing === "draining" ? `, but its weight is ${numberText(one.weight)}: replicad set-weight ${one.replica} default` : "";
  const slowly = one.ramp < 1 ? ", slowly at first" : "";
  return `${plain(`${nameOf(one)} is not drained any more${still || ` and gets requests${slowly}`}`)}\n`;
}

function late({ replica, untold }: Drained, timeout: number): MitsuError {
  if (untold !== null) return untoldError(replica.replica, untold);
  return new MitsuError(`${replica.replica} is drained, but not idle after ${counted(timeout, "second")}: ${inFlightText(replica)}`, {
    code: "ERR_DRAIN_TIMEOUT",
    exit: exitStatus.temporary,
    hint: `wait on with the same command and a longer --timeout, or take it back: replicad drain ${replica.replica} --undo`,
  });
}

function interrupted(replica: string): MitsuError {
  return new MitsuError(`interrupted; ${replica} stays drained`, {
    code: "ERR_INTERRUPTED",
    exit: 130,
    hint: `take it back: replicad drain ${replica} --undo`,
  });
}
