/** `sockhijack trace`: requests as they called each other, of the past or as they end. @module */
import { type Context, json as jsonText, onSignals, painter } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { exchangeFromWire, exchangeToWire, isWanted, linkText, noLinks, QuietTraces, type Trace, traceText } from "@mitsu/telemetry";
import { daemonClient, type SockhijackClient } from "../client.ts";

/** Arguments of `trace`. */
export interface TraceArgs {
  readonly follow: boolean;
  readonly service: string | undefined;
  readonly minMs: number | undefined;
  readonly limit: number | undefined;
}

/** Traces shown unless `--limit` says otherwise, and at most. */
const limits = { usual: 10, most: 1000 };
/** How often a follower looks which traces have become quiet. */
const lookEveryMs = 100;

/** `sockhijack trace`. */
export async function run(args: TraceArgs, context: Context): Promise<void> {
  const { limit, minMs } = args;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= limits.most)) {
    throw usageError(`--limit ${limit}: a whole number from 1 to ${limits.most} is needed`, `leave it out for ${limits.usual}`);
  }
  if (minMs !== undefined && !(minMs >= 0)) throw usageError(`--min-ms ${minMs}: a time cannot be negative`, "leave it out for all traces");
  using client = await daemonClient(context);
  await (args.follow ? follow(client, args, context) : showLast(client, args, context));
}

function usageError(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}

async function showLast(
  client: SockhijackClient,
  { service, minMs, limit = limits.usual }: TraceArgs,
  { env, json }: Context,
): Promise<void> {
  const answer = await client.call("traces", { service, minMs, limit });
  if (json) return env.stdout.write(jsonText(answer));
  const paint = painter(env.stdout, env.vars);
  for (const { traceId, exchanges } of answer.traces) {
    env.stdout.write(`${traceText({ traceId, exchanges: exchanges.map(exchangeFromWire) }, env.stdout, paint)}\n`);
  }
  if (answer.traces.length === 0) {
    const narrowed = service !== undefined || minMs !== undefined;
    env.stdout.write(narrowed ? "no such traces\n" : "no traces yet: have services traced with `--tracing side-band`\n");
  }
  env.stdout.write(`${linkText(answer.linkedShare)}\n`);
}

async function follow(
  client: SockhijackClient,
  { service, minMs, limit = Number.POSITIVE_INFINITY }: TraceArgs,
  { env, json }: Context,
): Promise<void> {
  const { stdout } = env;
  const paint = painter(stdout, env.vars);
  const links = noLinks();
  const quiet = new QuietTraces();
  const nowMs = (): number => Number(env.nowNs() / 1_000_000n);
  const messages = client.subscribe("exchanges", {});
  let shown = 0;
  const show = (traces: readonly Trace[]): void => {
    for (const trace of traces) {
      if (shown >= limit || !isWanted(trace, { service, minMs })) continue;
      shown++;
      const wire = { traceId: trace.traceId, exchanges: trace.exchanges.map(exchangeToWire) };
      stdout.write(json ? `${JSON.stringify(wire)}\n` : `${traceText(trace, stdout, paint)}\n`);
    }
    if (shown >= limit) messages.cancel();
  };
  using signals = onSignals(env);
  void signals.stop.then(() => messages.cancel());
  const timer = setInterval(() => show(quiet.take(nowMs())), lookEveryMs);
  try {
    for await (const message of messages) {
      const exchange = exchangeFromWire(message);
      links[exchange.link]++;
      quiet.add(exchange, nowMs());
    }
  } finally {
    clearInterval(timer);
  }
  show(quiet.take());
  if (!json) stdout.write(`${linkText(links)}\n`);
  const lost = messages.dropped();
  if (lost > 0) env.stderr.write(`${lost} requests lost since they were not read in time; traces may lack some\n`);
}
