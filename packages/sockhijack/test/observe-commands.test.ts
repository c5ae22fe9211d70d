/** `graph` and `trace` from the command line to a daemon that a test plays. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createLog, run, type TestEnvOptions, testEnv } from "@mitsu/cli";
import { type Handlers, sockhijack as protocol, type SockhijackProtocol, serve } from "@mitsu/ipc";
import { type Exchange, RecentTraces } from "@mitsu/telemetry";
import test, { type ExecutionContext } from "ava";
import { shop, someExchange, traceIdOf } from "../../telemetry/test/some-exchanges.ts";
import { sockhijack } from "../src/cli.ts";

/** A daemon with traces and one edge on which 1 MB passes between any two readings, and what calls commands on it. */
async function daemon(t: ExecutionContext) {
  const folder = mkdtempSync("/tmp/mitsu-observe-");
  const said: Exchange[] = [];
  const sinks = new Set<(exchange: Exchange) => void>([(exchange) => said.push(exchange)]);
  const recent = new RecentTraces({
    recent: () => said,
    to: (sink) => {
      sinks.add(sink);
      return () => void sinks.delete(sink);
    },
  });
  let bytesOut = 0;
  const handlers: Partial<Handlers<SockhijackProtocol>> = {
    matrix: () => {
      bytesOut += 1e6;
      return {
        cells: [{ from: "client", to: "web", connections: 3, bytesOut, bytesIn: 0, messages: 9, redirectedBytes: bytesOut, denied: 0 }],
      };
    },
    traces: (request) => recent.traces(request),
    exchanges: (_request, { signal }) => recent.follow(signal),
  };
  const path = `${folder}/s.sock`;
  const server = await serve({
    listen: { path },
    daemon: "sockhijack",
    version: "0.0.0",
    protocol,
    handlers: handlers as Handlers<SockhijackProtocol>,
    log: createLog(testEnv()),
  });
  t.teardown(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const say = (...exchanges: readonly Exchange[]): void => {
    for (const exchange of exchanges) for (const sink of sinks) sink(exchange);
  };
  const begin = (argv: readonly string[], options: TestEnvOptions = {}) => {
    const env = testEnv({ nowNs: () => process.hrtime.bigint(), ...options });
    return { env, status: run(sockhijack, [...argv, "--socket", path], env) };
  };
  const call = async (argv: readonly string[], options?: TestEnvOptions) => {
    const { env, status } = begin(argv, options);
    return { status: await status, out: env.out(), err: env.err() };
  };
  /** Until a follower listens: two sinks are there always. */
  const followed = async (): Promise<void> => {
    while (sinks.size < 3) await sleep(5);
  };
  return { say, begin, call, followed };
}

const second = someExchange({ from: "a", to: "b", span: 7, ms: [0, 0, 50], traceId: traceIdOf(2) });

test("graph shows rates as text, DOT, SVG and JSON", async (t) => {
  const { call } = await daemon(t);
  const graph = (...args: string[]) => call(["graph", "--seconds", "0.05", ...args]);
  t.regex((await graph()).out, /^client\n└─ web {2}[\d.]+ MiB\/s, 100 % redirected\n$/);
  t.regex((await graph("--format", "dot")).out, /^digraph mesh \{[\s\S]*"client" -> "web"/);
  t.regex((await graph("--format", "svg")).out, /^<\?xml[\s\S]*>web<[\s\S]*<\/svg>\n$/);
  const { seconds, edges } = JSON.parse((await graph("--json")).out);
  t.is(seconds, 0.05);
  t.like(edges[0], { from: "client", to: "web", connections: 3, redirectedShare: 1 });
  t.true(edges[0].bytesPerSecond > 1e6 && edges[0].bytesPerSecond <= 2e7 * 1.01, String(edges[0].bytesPerSecond));
});

test("graph --watch draws until it is interrupted, in colour on a terminal", async (t) => {
  const { begin } = await daemon(t);
  const { env, status } = begin(["graph", "--seconds", "0.02", "--watch"], { isTTY: true });
  while ((env.out().match(/web/g)?.length ?? 0) < 2) await sleep(5);
  env.raise("SIGINT");
  t.is(await status, 0);
  t.true(env.out().includes("\x1b[32m"));
});

test("graph refuses a time that is none, and to watch a picture", async (t) => {
  const { call } = await daemon(t);
  for (const [args, message] of [
    [["--seconds", "-1"], /--seconds -1: rates are taken over/],
    [["--seconds", "0"], /--seconds 0/],
    [["--watch", "--format", "svg"], /--watch draws text, not svg/],
    [["--watch", "--json"], /--watch draws text, not JSON/],
    [["--format", "png"], /format/],
  ] as const) {
    const { status, err } = await call(["graph", ...args]);
    t.is(status, 2);
    t.regex(err, message);
  }
});

test("trace shows the last traces, the newest last, and the share of linked requests", async (t) => {
  const { say, call } = await daemon(t);
  t.is((await call(["trace"])).out, "no traces yet: have services traced with `--tracing side-band`\nno requests seen yet\n");
  say(...shop, second);
  const { out } = await call(["trace"]);
  t.regex(out, /^0{31}1 {2}12\.0 ms[^\n]*\n\(outside\) → web {2}POST \/[\s\S]*\n\n0{31}2 {2}50\.0 ms[^\n]*\na → b {2}GET \/b/);
  t.regex(out, /\n\n60\.0 % of 5 requests have a parent: 2 by thread, 1 by header; 0 had several to choose from, 2 none\n$/);
  t.regex((await call(["trace", "--limit", "1"])).out, /^0{31}2 {2}/);
  t.regex((await call(["trace", "--service", "db"])).out, /^0{31}1 [\s\S]*\n\n60/);
  t.regex((await call(["trace", "--min-ms", "1000"])).out, /^no such traces\n60/);
  t.true((await call(["trace"], { isTTY: true })).out.includes("\x1b[31m503\x1b[0m"));
  t.false((await call(["trace"], { isTTY: true, vars: { NO_COLOR: "1" } })).out.includes("\x1b"));
});

test("trace --json has every field, with times as strings", async (t) => {
  const { say, call } = await daemon(t);
  say(...shop);
  const { traces, linkedShare } = JSON.parse((await call(["trace", "--json"])).out);
  t.deepEqual(linkedShare, { header: 1, thread: 2, "side-band": 0, ambiguous: 0, none: 1 });
  t.is(traces[0].exchanges.length, 4);
  t.like(traces[0].exchanges[3], { startNs: "1767225600000000000", parentSpanId: null, method: "POST" });
});

test("trace --follow prints a trace once it has ended, and ends after --limit of those that are wanted", async (t) => {
  const { say, begin, followed } = await daemon(t);
  const { env, status } = begin(["trace", "--follow", "--limit", "1", "--min-ms", "20"]);
  await followed();
  say(...shop, second);
  t.is(await status, 0);
  t.regex(env.out(), /^0{31}2 {2}50\.0 ms[^\n]*\na → b {2}GET \/b[^\n]*\n\n60\.0 % of 5 requests/);
});

test("trace --follow --json prints a line for each trace, what is left when it is interrupted", async (t) => {
  const { say, begin, followed } = await daemon(t);
  const { env, status } = begin(["trace", "-f", "--json"]);
  await followed();
  say(shop[0]!, second);
  while (env.out() === "") await sleep(5);
  env.raise("SIGINT");
  t.is(await status, 0);
  const lines = env.out().trimEnd().split("\n");
  t.deepEqual(
    lines.map((line) => JSON.parse(line).traceId),
    [traceIdOf(2), traceIdOf(1)],
  );
});

test("trace refuses limits and times that are none", async (t) => {
  const { call } = await daemon(t);
  for (const [args, message] of [
    [["--limit", "0"], /--limit 0: a whole number from 1 to 1000/],
    [["--limit", "1.5"], /--limit 1.5/],
    [["--limit", "2000"], /--limit 2000/],
    [["--min-ms", "-1"], /--min-ms -1/],
  ] as const) {
    const { status, err } = await call(["trace", ...args]);
    t.is(status, 2);
    t.regex(err, message);
  }
});
