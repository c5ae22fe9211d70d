import test from "ava";
import { renderChart, separate } from "../report/chart.ts";
import { sizeName } from "../report/names.ts";
import { spread, toPoints } from "../report/points.ts";
import { parseMeasurements } from "../report/samples.ts";
import { renderTable } from "../report/table.ts";
import { judgeTargets } from "../report/targets.ts";

const wrk = (requests: number, p99Us: number): string =>
  `{"requests":${requests},"seconds":2,"bytes":1,"p50Us":5,"p99Us":${p99Us},"errors":0}\n`;

/** One raw line of phase http at 64 B × 16, 2 s long, 1 s of it steady. */
function line(mode: string, rep: number, requests: number, fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    phase: "http",
    rep,
    mode,
    size: "64",
    connections: 16,
    exit: 0,
    wallSeconds: 2,
    cpuSeconds: { server: 1, client: 0.5 },
    foreignCpuSeconds: 0,
    stealSeconds: 0,
    segments: 300,
    steady: { segments: 0, seconds: 1 },
    output: wrk(requests, 50),
    ...fields,
  });
}

test("parseMeasurements() charges CPU and segments to operations", (t) => {
  const { samples } = parseMeasurements(line("plain", 1, 1000, { steady: { segments: 100, seconds: 1 } }));
  const [sample] = samples;
  t.is(sample?.throughput, 500);
  t.is(sample?.cpuUs.total, 1500);
  t.is(sample?.cpuUs.client, 500);
  t.is(sample?.segments, 0.2);
  t.is(sample?.segmentsWholeRun, 0.3);
});

test("parseMeasurements() reads redis-benchmark's CSV and iperf3's JSON", (t) => {
  const csv = '"test","rps","avg","min","p50","p95","p99","max"\n"GET","1000.50","0.1","0.05","0.090","0.2","0.300","1"\n';
  const iperf = JSON.stringify({ end: { sum_received: { bits_per_second: 8e9, bytes: 2 ** 20 } } });
  const text = [
    line("plain", 1, 1, { phase: "redis", size: "GET", requests: 2000, output: csv }),
    line("plain", 1, 1, { phase: "iperf", size: "stream", connections: 1, output: iperf }),
  ];
  const [redis, stream] = parseMeasurements(text.join("\n")).samples;
  t.deepEqual([redis?.throughput, redis?.p50Us, redis?.p99Us, redis?.cpuUs.total], [1000.5, 90, 300, 750]);
  t.deepEqual([stream?.throughput, stream?.p99Us, stream?.cpuUs.total], [8, undefined, 1.5e6]);
});

test("parseMeasurements() keeps failed generators apart and refuses empty measurements", (t) => {
  t.deepEqual(parseMeasurements(line("envoy2", 1, 0, { exit: 1, output: "" })).failed, ["http envoy2 64 × 16"]);
  t.throws(() => parseMeasurements(line("plain", 1, 0)), { instanceOf: RangeError, message: /no operation/ });
});

test("spread() takes the mean of the middle two of an even count", (t) => {
  t.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  t.throws(() => spread([]), { instanceOf: RangeError });
});

test("toPoints() takes ratios inside each repetition, then the median", (t) => {
  const raw = [
    [100, 150],
    [200, 220],
    [1000, 1400],
  ].flatMap(([plain, ours], rep) => [line("plain", rep, plain!), line("sockhijack", rep, ours!)]);
  const [point] = toPoints(parseMeasurements(raw.join("\n")).samples);
  t.deepEqual(point?.modes.sockhijack?.ratio, { median: 1.4, min: 1.1, max: 1.5 });
  t.is(point?.modes.plain?.ratio?.median, 1);
});

test("judgeTargets() never takes a figure below its bound, or none at all, for met", (t) => {
  const measurements = parseMeasurements(
    [
      line("plain", 1, 1000),
      line("sockhijack", 1, 1299, { steady: { segments: 200, seconds: 1 } }),
      JSON.stringify({
        phase: "daemon",
        idleRssMb: 71,
        idleCpuPercent: 0.2,
        helpMs: [90, { failed: "--help", exit: 1, stderr: "boom" }],
        attach: [{ statusMs: 100, attachMs: 149 }],
      }),
    ].join("\n"),
  );
  const states = new Map(judgeTargets(measurements, toPoints(measurements.samples)).map((target) => [target.name, target.state]));
  t.is(states.get("req/s over plain, 64 B × 16"), "missed");
  t.is(states.get("req/s over plain, 1 KiB × 16"), "no data");
  t.is(states.get("req/s over an Envoy pair, 64 B × 16"), "no data");
  t.is(states.get("never under 0.97 × plain, any size, connections or program"), "met");
  t.is(states.get("TCP segments per request, 64 B to 4 KiB"), "missed");
  t.is(states.get("attach a running program"), "met");
  t.is(states.get("idle daemon, resident"), "missed");
  t.is(states.get("idle daemon, CPU"), "met");
  t.is(states.get("sockhijack --help"), "missed");
});

test("renderTable() shows every miss, without escapes when not on a terminal", (t) => {
  const measurements = parseMeasurements([line("plain", 1, 1000), line("sockhijack", 1, 900)].join("\n"));
  const points = toPoints(measurements.samples);
  const text = renderTable(points, judgeTargets(measurements, points), false);
  t.regex(text, /MISSED\s+req\/s over plain, 64 B × 16\s+≥ 1\.30 ×\s+0\.90 ×/);
  t.regex(text, /MISSED\s+never under 0\.97.*http 64 B × 16: 0\.900/);
  t.false(text.includes("\x1b"));
});

test("separate() keeps labels apart, in order and inside", (t) => {
  t.deepEqual(separate([10, 12, 80], 20, 0, 100), [10, 30, 80]);
  t.deepEqual(separate([95, 97, 99], 20, 0, 100), [60, 80, 100]);
});

test("renderChart() draws one mark for each mode that was measured, and escapes the caption", (t) => {
  const { samples } = parseMeasurements([line("plain", 1, 1000), line("sockhijack", 1, 1400), line("envoy2", 1, 70)].join("\n"));
  const svg = renderChart(toPoints(samples), "a < b");
  t.is(svg.match(/<path class="envoy2"/g)?.length, 2); // legend and row
  t.is(svg.match(/<path class="haproxy1"/g), null);
  t.regex(svg, />1\.40</);
  t.regex(svg, /a &lt; b/);
});

test("sizeName() speaks for people", (t) => {
  t.deepEqual(["64", "4096", "262144-write", "1024-after-bulk", "SET"].map(sizeName), [
    "64 B",
    "4 KiB",
    "256 KiB by write()",
    "1 KiB after bulk",
    "SET",
  ]);
});
