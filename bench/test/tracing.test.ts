import test from "ava";
import { countSpans } from "../lib/count-spans.ts";
import { exportRemarks } from "../report/exported.ts";
import { sizeName } from "../report/names.ts";
import { toPoints } from "../report/points.ts";
import { decadeTicks, renderResponseChart } from "../report/response-chart.ts";
import { parseMeasurements } from "../report/samples.ts";
import { renderTable, tracingLayout } from "../report/table.ts";
import { judgeTracing, spansTaken } from "../report/tracing-targets.ts";

/** A length-delimited protobuf field. */
function field(number: number, content: readonly number[]): number[] {
  const length = content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7];
  return [(number << 3) | 2, ...length, ...content];
}

/** One raw line of tracing.sh: 1000 requests in 1 s. */
function line(phase: string, mode: string, fields: Readonly<Record<string, unknown>> = {}, meanUs = 100): string {
  return JSON.stringify({
    phase,
    rep: 1,
    mode,
    size: "64",
    connections: 16,
    exit: 0,
    wallSeconds: 1,
    cpuSeconds: { server: 0.01, client: 0.01 },
    foreignCpuSeconds: 0,
    stealSeconds: 0,
    segments: 0,
    steady: null,
    output: `{"requests":1000,"seconds":1,"bytes":1,"meanUs":${meanUs},"p50Us":5,"p99Us":50,"errors":0}\n`,
    ...fields,
  });
}

const openLoop = (size: string, header: number): string[] => [
  line("http-open", "envoy2", { size }, 1000),
  line("http-open", "header", { size }, header),
];

const targetOf = (lines: readonly string[], name: RegExp) =>
  judgeTracing(parseMeasurements(lines.join("\n"))).find((t) => name.test(t.name));

test("countSpans() counts the spans of every scope of every resource in protobuf, stepping over the rest", (t) => {
  const span = [
    ...field(1, Array(16).fill(7)),
    0x39,
    ...Array(8).fill(1),
    0x30,
    0x80,
    0x01,
    ...field(13, [...field(1, Array(16).fill(1))]),
  ];
  const scope = [...field(1, field(1, [120])), ...field(2, span), ...field(2, span)];
  const resource = [...field(1, field(1, Array(150).fill(0x22))), ...field(2, scope), ...field(2, field(2, [])), ...field(3, [104])];
  const body = [...field(1, resource), ...field(1, field(2, scope))];
  t.is(countSpans(Uint8Array.from(body), "application/x-protobuf"), 5);
  t.is(countSpans(new Uint8Array(), "application/x-protobuf"), 0);
});

test("countSpans() counts JSON spans and neither their links nor their events", (t) => {
  const span = { traceId: "ab", spanId: "cd", startTimeUnixNano: "1", events: [{ timeUnixNano: "2" }], links: [{ spanId: "ef" }] };
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span, span] }, { spans: [span] }] }] });
  t.is(countSpans(Buffer.from(body), "application/json; charset=utf-8"), 3);
});

test("countSpans() refuses a body that is not protobuf", (t) => {
  t.throws(() => countSpans(Uint8Array.from([0x0a, 0x05, 1]), ""), { instanceOf: RangeError, message: /leaves its message/ });
  t.throws(() => countSpans(Uint8Array.from([0x0f]), ""), { instanceOf: RangeError, message: /wire type 7/ });
  t.throws(() => countSpans(Uint8Array.from([0x0a, 0x80]), ""), { instanceOf: RangeError, message: /inside a varint/ });
});

test("parseMeasurements() leaves the receiver out of the total and charges spans to requests", (t) => {
  const raw = line("http", "header", {
    cpuSeconds: { server: 0.01, client: 0.02, receiver: 0.5 },
    received: { spans: 1990 },
    daemonRssMb: 80,
  });
  const [sample] = parseMeasurements(raw).samples;
  t.is(sample?.cpuUs.total, 30);
  t.is(sample?.cpuUs.receiver, 500);
  t.is(sample?.spans, 1.99);
  t.is(sample?.meanUs, 100);
  t.is(sample?.daemonRssMb, 80);
});

test("spansTaken() counts two spans a request, less what was lost", (t) => {
  const fields = { cpuSeconds: { daemon: 0.005, client: 0.1 }, counters: { requests: 1000, spans_lost: 100 } };
  const [sample] = parseMeasurements(line("spans", "header", fields)).samples;
  t.deepEqual(spansTaken(sample!), { rate: 1800, perCore: 360_000, lost: 0.1 });
});

test("judgeTracing() holds a bound at every size, and none is met while one is missing", (t) => {
  const sizes = ["64", "256", "1024", "4096", "16384", "65536"];
  const name = /same node: header mean.*to 64 KiB/;
  const all = sizes.flatMap((size) => openLoop(size, 400));
  t.is(targetOf(all, name)?.state, "met");
  t.like(targetOf(all.slice(2), name), { state: "no data", measured: "worst 256 B: 0.40 ×; not measured: 64 B" });
  const slow = [...all.slice(2), ...openLoop("64", 600)];
  t.like(targetOf(slow, name), { state: "missed", measured: "64 B: 0.60 ×" });
});

test("judgeTracing() takes neither a lost span nor a daemon that counted nothing for met", (t) => {
  const of = (counters: Readonly<Record<string, number>>) => [
    line("spans", "header", { cpuSeconds: { daemon: 0.001, client: 0.1 }, counters }),
  ];
  t.is(targetOf(of({ requests: 1000 }), /header: spans off the ring/)?.state, "met");
  t.is(targetOf(of({ requests: 1000 }), /header: spans lost/)?.state, "met");
  t.is(targetOf(of({ requests: 1000, spans_lost: 1 }), /header: spans lost/)?.state, "missed");
  t.is(targetOf(of({}), /header: spans off the ring/)?.state, "missed");
  t.is(targetOf([], /header: spans off the ring/)?.state, "no data");
});

test("exportRemarks() warns when one mode exports every span and another leaves some out", (t) => {
  const remarksOf = (ours: number) =>
    exportRemarks(
      toPoints(
        parseMeasurements(
          [
            line("http", "plain"),
            line("http", "header", { received: { spans: ours } }),
            line("nodes", "header", { received: { spans: 2000 } }),
            line("http", "envoy2", { received: { spans: 1990 } }),
          ].join("\n"),
        ).samples,
      ),
    );
  t.deepEqual(remarksOf(2000), ["Exported by sockhijack, header: every span.", "Exported by Envoy pair, traced: every span."]);
  const [ours, , warning] = remarksOf(100);
  t.is(ours, "Exported by sockhijack, header: 5 % to 100 % of its spans, by point.");
  t.regex(warning ?? "", /did NOT export alike/);
});

test("renderTable() shows tracing's columns, and what tracing left out", (t) => {
  const counters = { redirected: 2000, not_injected: 30, opaque_gap: 1 };
  const measurements = parseMeasurements(
    [line("http", "plain"), line("http", "header", { counters, received: { spans: 2000 } }, 80)].join("\n"),
  );
  const text = renderTable(toPoints(measurements.samples), judgeTracing(measurements), false, tracingLayout);
  t.regex(text, /mean µs.*receiver\s+spans\/req/);
  t.regex(text, /sockhijack, header\s+1,000\s+1\.00 ×\s+80\s+0\.80 ×.*2\.00\s+redirected 2\.00, not_injected 0\.03\n/);
});

test("renderResponseChart() draws a line a mode and a panel a route that was measured", (t) => {
  const raw = [...openLoop("64", 90), ...openLoop("1048576", 900), line("nodes-open", "plain"), line("http", "haproxy2")].join("\n");
  const svg = renderResponseChart(toPoints(parseMeasurements(raw).samples), "a < b");
  t.is(svg.match(/<path class="line header"/g)?.length, 2); // legend and panel
  t.is(svg.match(/<path class="line haproxy2"/g), null); // closed loop only
  t.deepEqual(
    [...svg.matchAll(/class="head"[^>]*>([^<]+)</g)].map(([, title]) => title),
    ["same node", "two nodes"],
  );
  t.regex(svg, /a &lt; b/);
  t.notRegex(svg, /NaN|Infinity/);
});

test("renderResponseChart() stands without any measurement", (t) => {
  t.notRegex(renderResponseChart([], ""), /NaN|Infinity/);
});

test("decadeTicks() are 1, 2 and 5 of each decade", (t) => {
  t.deepEqual(decadeTicks(40, 1100), [50, 100, 200, 500, 1000]);
});

test("sizeName() speaks of MiB from 1 MiB", (t) => {
  t.is(sizeName("1048576"), "1 MiB");
});
