/** `nicd trace`: the last traces, or one of them, as trees. @module */
import { type Context, json as jsonText, painter } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { exchangeFromWire, traceText } from "@mitsu/telemetry";
import { daemonClient } from "../client.ts";

/** Arguments of `trace`. */
export interface TraceArgs {
  readonly id: string | undefined;
  readonly service: string | undefined;
  readonly minMs: number | undefined;
  readonly limit: number;
}

/** As many as the daemon gives. */
const most = 1000;

/** `nicd trace`. */
export async function run({ id, service, minMs, limit }: TraceArgs, context: Context): Promise<void> {
  const { env, json } = context;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= most)) {
    throw new MitsuError(`--limit ${limit}: a whole number from 1 to ${most} is needed`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "leave it out for 10",
    });
  }
  using client = await daemonClient(context);
  const answer = await client.call("traces", { service, minMs, limit: id === undefined ? limit : most });
  const traces = answer.traces.filter(({ traceId }) => id === undefined || traceId === id.toLowerCase());
  if (id !== undefined && traces.length === 0) {
    throw new MitsuError(`no trace ${id} among the last ${answer.traces.length}`, {
      code: "ERR_TRACE_UNKNOWN",
      exit: exitStatus.failure,
      hint: "it was not sampled, or is too old: nicd keeps some 4000 requests; look for it in your tracing back end",
    });
  }
  if (json) return env.stdout.write(jsonText({ traces }));
  const paint = painter(env.stdout, env.vars);
  for (const { traceId, exchanges } of traces)
    env.stdout.write(`${traceText({ traceId, exchanges: exchanges.map(exchangeFromWire) }, env.stdout, paint)}\n`);
  if (traces.length === 0) env.stdout.write("no traces yet: have services traced with `tracing: header` in mesh.yaml\n");
}
