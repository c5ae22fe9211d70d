/**
 * async-engine.sh: cycles a message of two engines over a link (rtl/async_pair.sv), by link latency and by the messages that may be outstanding; blocking waits for each
 * message's completion. Simulated cycles: the same on every machine. The RTL is simulated where its model is built, else its twin, which is the same in every cycle.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { systemEnv, table } from "../packages/cli/src/mod.ts";
import { AsyncPair } from "../packages/hdl-bindings/models/async_pair.ts";
import { AsyncPair as Twin } from "../packages/hdl-bindings/src/twins/async-engine-pair.ts";
import { type PairPorts, transfer } from "../packages/hdl-bindings/src/twins/async-engine-transfer.ts";
import { type HdlPanel, renderHdl } from "./report/hdl-chart.ts";
import { type HdlOptions, type HdlReport, runHdlBench } from "./report/hdl-run.ts";

const usage = `async-engine.sh: cycles a message, blocking against asynchronous, by link latency and ring depth

usage: bench/async-engine.sh [options]

  --quick    2000 messages a point instead of 20000
  --out DIR  where async-engine-<date>.json and async-engine.svg go (default bench/out)
  --json     the report as JSON on stdout instead of text
  --strict   exit 1 when a target is missed
  --help

example:
  bench/async-engine.sh --quick
`;

const latencies = [5, 10, 20, 50, 100, 200] as const;
const depths = [1, 2, 4, 8, 16, 32, 64] as const;

interface Row {
  readonly latency: number;
  readonly blocking: number;
  /** Cycles a message, by depth. */
  readonly asynchronous: Readonly<Record<number, number>>;
}

async function pairOf(): Promise<{ readonly pair: PairPorts; readonly what: string }> {
  if (existsSync(new URL("../packages/hdl-bindings/models/async_pair.wasm", import.meta.url)))
    return { pair: await AsyncPair.open(), what: "the RTL in Verilator" };
  return { pair: new Twin(), what: "the RTL's twin (no models/async_pair.wasm here; scripts/build-rtl makes it)" };
}

async function measure({ quick }: HdlOptions): Promise<HdlReport> {
  const messages = quick ? 2000 : 20_000;
  const { pair, what } = await pairOf();
  const rows = latencies.map((latency): Row => {
    const cycles = (depth: number, count: number, blocking: boolean): number =>
      transfer(pair, { messages: count, latency, depth, blocking }) / count;
    return {
      latency,
      blocking: cycles(1, messages / 20, true),
      asynchronous: Object.fromEntries(depths.map((depth) => [depth, cycles(depth, messages, false)])),
    };
  });
  const text = table(
    rows,
    [
      { header: "latency [cycles]", value: ({ latency }) => String(latency), align: "right" },
      { header: "blocking", value: ({ blocking }) => blocking.toFixed(2), align: "right" },
      ...depths.map((depth) => ({
        header: `depth ${depth}`,
        value: (row: Row) => row.asynchronous[depth]!.toFixed(2),
        align: "right" as const,
      })),
      { header: "blocking / depth 64", value: (row) => `${(row.blocking / row.asynchronous[64]!).toFixed(1)} ×`, align: "right" },
    ],
    systemEnv.stdout,
  );
  const middle = rows.find(({ latency }) => latency === 50)!;
  const [best, gain] = [middle.asynchronous[64]!, middle.blocking / middle.asynchronous[64]!];
  const panels: readonly HdlPanel[] = [
    {
      title: "By messages outstanding",
      xName: "messages outstanding at most",
      yName: "cycles a message; the line is the link's own 4",
      logarithmic: true,
      target: 4,
      lines: [5, 50, 200].map((latency) => ({
        name: `latency ${latency}`,
        at: depths.map((depth) => [depth, rows.find((row) => row.latency === latency)!.asynchronous[depth]!] as const),
      })),
    },
    {
      title: "By latency of the link",
      xName: "cycles each way",
      yName: "cycles a message; the line is the link's own 4",
      logarithmic: true,
      target: 4,
      lines: [
        ...[64, 8].map((depth) => ({ name: `depth ${depth}`, at: rows.map((row) => [row.latency, row.asynchronous[depth]!] as const) })),
        { name: "blocking", at: rows.map((row) => [row.latency, row.blocking] as const) },
      ],
    },
  ];
  return {
    rows,
    text: `cycles a message of 4 words, ${messages} messages a point, ${what}\n\n${text}`,
    targets: [
      { target: "latency 50, depth 64: cycles a message, at most 4.2", measured: best, met: best <= 4.2 },
      { target: "latency 50: blocking over depth 64, at least 20", measured: gain, met: gain >= 20 },
    ],
    svg: renderHdl(panels, {
      title: "async_engine: cycles a message of 4 words, one way",
      note: "Simulated cycles of rtl/async_pair.sv, log scales.",
      script: "bench/async-engine.sh",
    }),
  };
}

if (import.meta.main) process.exitCode = await runHdlBench("async-engine", usage, measure);
