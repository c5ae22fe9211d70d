/**
 * What becomes of a filter that spins, and of one that wants 64 MiB: one JSON object on stdout.
 *
 *     node bench/lib/filters-safety.ts --scratch DIR [--rounds N]
 *
 * The filters are of the conformance kit. Each round begins with a virtual machine that works; times are of a whole request, ms.
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Answer, createAsk } from "../../packages/meshfilters/src/conformance/ask.ts";
import { compileKit } from "../../packages/meshfilters/src/conformance/compile-kit.ts";
import { startUpstream } from "../../packages/meshfilters/src/conformance/upstream.ts";
import { startNicd } from "./filters-nicd.ts";

const { values } = parseArgs({ options: { scratch: { type: "string", default: "." }, rounds: { type: "string", default: "3" } } });
const port = 18180;
const upstreamPort = 18190;
const mesh = `version: 1
filters:
  closed: { module: traps.wasm, on-failure: closed }
  open: { module: traps.wasm, on-failure: open }
  state: { module: state.wasm }
services:
  kit:
    ports: ["${port}:${upstreamPort}"]
    replicas: [{ address: 127.0.0.1, port: ${upstreamPort} }]
    routes:
      - { name: closed, match: { path: /closed }, filters: [closed] }
      - { name: open, match: { path: /open }, filters: [open] }
      - { name: state, match: { path: /state }, filters: [state] }
`;
/** For a virtual machine to come back, ms. */
const backMs = 30_000;

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;

await compileKit(values.scratch);
const upstream = await startUpstream({ upstream: upstreamPort, grpc: upstreamPort + 1 });
const nicd = await startNicd(values.scratch, mesh, port, "kit");
const { ask, close } = createAsk(`http://127.0.0.1:${port}`);
try {
  const alive = async (filter: string): Promise<boolean> => (await ask(filter, { check: "alive" })).body === "alive=1";
  const backIn = async (filter: string): Promise<number> => {
    const began = performance.now();
    while (!(await alive(filter))) {
      if (performance.now() - began > backMs) return Number.POSITIVE_INFINITY;
      await wait(5);
    }
    return performance.now() - began;
  };
  const spin = async (filter: string): Promise<{ spun: Answer; next: Answer; backMs: number }> => {
    const spun = await ask(filter, { check: "request-headers!s", timeoutMs: 5000 });
    // Not one that the filter answers itself: it may be away, and then the exchange passes or is refused, as configured.
    const next = await ask(filter, { check: "pass" });
    return { spun, next, backMs: await backIn(filter) };
  };
  const rounds: Record<string, Awaited<ReturnType<typeof spin>>[]> = { closed: [], open: [] };
  for (const filter of ["closed", "open"]) {
    await backIn(filter);
    for (let round = 0; round < Number(values.rounds); round++) rounds[filter]!.push(await spin(filter));
  }
  // What a request takes that does not spin.
  const usual: number[] = [];
  for (let at = 0; at < 20; at++) usual.push((await ask("closed", { check: "pass" })).tookMs);
  const grow = await ask("state", { check: "grow" });
  const figures = (filter: string) => {
    const own = rounds[filter]!;
    return {
      spinMs: median(own.map(({ spun }) => spun.tookMs)),
      statuses: own.map(({ spun }) => spun.status),
      nextStatuses: own.map(({ next }) => next.status),
      backMs: own.map(({ backMs: ms }) => Math.round(ms)),
    };
  };
  process.stdout.write(
    `${JSON.stringify({ closed: figures("closed"), open: figures("open"), usualMs: median(usual), grow: grow.body || grow.error })}\n`,
  );
} finally {
  close();
  await nicd.stop();
  await upstream.close();
}
