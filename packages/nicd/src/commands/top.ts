/** `nicd top`: who asks whom, by two readings of the counts. @module */
import { setTimeout as wait } from "node:timers/promises";
import { type Context, formatRate, type OutputStream, onSignals, print, table, watch } from "@mitsu/cli";
import type { NicdSeries } from "@mitsu/ipc";
import { daemonClient, type NicdClient } from "../client.ts";
import { rowKey } from "../merged-rows.ts";

/** Requests from one service to another over an interval. */
export interface TopRow {
  readonly from: string;
  readonly to: string;
  readonly requestsPerSecond: number;
  /** Share of answers of 500 and above, and of none, 0 to 1. */
  readonly errorShare: number;
  /** Milliseconds; interpolated within a histogram's bucket. Null without a request. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Envoy's response flags and how often each came. */
  readonly flags: Readonly<Record<string, number>>;
}

interface Reading {
  readonly boundsMs: readonly number[];
  readonly series: readonly NicdSeries[];
  readonly atNs: bigint;
}

async function read(client: NicdClient, { env }: Context): Promise<Reading> {
  return { ...(await client.call("requests", {})), atNs: env.nowNs() };
}

/**
 * What happened between two readings, the busiest first.
 *
 * @param seconds Between the two.
 */
export function topRows(
  before: readonly NicdSeries[],
  after: readonly NicdSeries[],
  boundsMs: readonly number[],
  seconds: number,
): TopRow[] {
  const earlier = new Map(before.map((series) => [rowKey(series), series]));
  const grown = after.map((series) => {
    const known = earlier.get(rowKey(series));
    // Fewer than before: a worker was started anew, and counts from 0.
    const base = known && known.requests <= series.requests ? known : undefined;
    return {
      ...series,
      requests: series.requests - (base?.requests ?? 0),
      durations: series.durations.map((times, bucket) => times - (base?.durations[bucket] ?? 0)),
    };
  });
  const rows = [
    ...Map.groupBy(
      grown.filter(({ requests }) => requests > 0),
      ({ from, to }) => `${from}\0${to}`,
    ).values(),
  ].map((group): TopRow => {
    const total = group.reduce((sum, { requests }) => sum + requests, 0);
    const failed = group.filter(({ code }) => Number(code) >= 500 || Number(code) === 0).reduce((sum, { requests }) => sum + requests, 0);
    const durations = group[0]!.durations.map((_, bucket) => group.reduce((sum, series) => sum + series.durations[bucket]!, 0));
    const flags: Record<string, number> = {};
    for (const series of group) if (series.flags !== "") flags[series.flags] = (flags[series.flags] ?? 0) + series.requests;
    return {
      from: group[0]!.from,
      to: group[0]!.to,
      requestsPerSecond: total / seconds,
      errorShare: failed / total,
      p50Ms: quantile(durations, boundsMs, 0.5),
      p99Ms: quantile(durations, boundsMs, 0.99),
      flags,
    };
  });
  return rows.sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
}

/** As Prometheus' `histogram_quantile`: linear within the bucket; the last bound for what lies beyond it. */
export function quantile(counts: readonly number[], bounds: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, times) => sum + times, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [bucket, times] of counts.entries()) {
    if (below + times < share * total) {
      below += times;
      continue;
    }
    const upper = bounds[bucket];
    if (upper === undefined) return bounds.at(-1)!;
    const lower = bucket === 0 ? 0 : bounds[bucket - 1]!;
    return times === 0 ? lower : lower + ((upper - lower) * (share * total - below)) / times;
  }
  return bounds.at(-1)!;
}

function topText(rows: readonly TopRow[], out: OutputStream): string {
  if (rows.length === 0) return "no requests\n";
  const ms = (value: number | null): string => (value === null ? "-" : value < 10 ? value.toFixed(2) : value.toFixed(0));
  return table(
    rows,
    [
      { header: "FROM", value: ({ from }) => from || "(outside)" },
      { header: "TO", value: ({ to }) => to },
      { header: "RATE", value: ({ requestsPerSecond }) => formatRate(requestsPerSecond, "req"), align: "right" },
      { header: "ERRORS [%]", value: ({ errorShare }) => (errorShare * 100).toFixed(2), align: "right" },
      { header: "P50 [ms]", value: ({ p50Ms }) => ms(p50Ms), align: "right" },
      { header: "P99 [ms]", value: ({ p99Ms }) => ms(p99Ms), align: "right" },
      {
        header: "FLAGS",
        value: ({ flags }) =>
          Object.entries(flags)
            .map(([name, times]) => `${name} ${times}`)
            .join(", "),
      },
    ],
    out,
  );
}

/** `nicd top`. */
export async function run({ intervalMs }: { readonly intervalMs: number }, context: Context): Promise<void> {
  const { env, json } = context;
  using client = await daemonClient(context);
  let last = await read(client, context);
  const next = async (): Promise<readonly TopRow[]> => {
    const now = await read(client, context);
    const rows = topRows(last.series, now.series, now.boundsMs, Number(now.atNs - last.atNs) / 1e9);
    last = now;
    return rows;
  };
  await wait(intervalMs);
  if (json || !env.stdout.isTTY) return print(context, { rows: await next() }, (value, out) => topText(value.rows, out));
  using signals = onSignals(env);
  await watch(env, async () => topText(await next(), env.stdout), { intervalMs, signal: signals.signal });
}
