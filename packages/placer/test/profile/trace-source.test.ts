/** Files of traces: Jaeger's real ones, OTLP in all its spellings, and damaged ones. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";
import type { Observation } from "../../src/profile/observation.ts";
import { otlpService, otlpSpan } from "../../src/profile/otlp-span.ts";
import { profileProblem } from "../../src/profile/profile-problem.ts";
import { thisNode } from "../../src/profile/this-node.ts";
import { observeTraces, type TraceFile } from "../../src/profile/trace-source.ts";

const corpus = new URL("../corpus/profile/", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "mitsu-traces-"));
const real = join(directory, "socialnetwork-jaeger-traces.json");
writeFileSync(real, gunzipSync(readFileSync(join(corpus, "socialnetwork-jaeger-traces.json.gz"))));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
let made = 0;

function read(
  files: readonly TraceFile[],
  { perSecond = 1 as number | "traces", stdin = "", signal = new AbortController().signal } = {},
): Promise<Observation> {
  const env = {
    stdin: (async function* () {
      yield Buffer.from(stdin);
    })(),
  };
  return observeTraces(files, { env, perSecond: perSecond === "traces" ? undefined : perSecond, signal, progress: () => {} });
}

function observe(form: TraceFile["form"], text: string | Uint8Array): Promise<Observation> {
  const path = join(directory, `${made++}.json`);
  writeFileSync(path, text);
  return read([{ form, path }]);
}

const edges = (found: Observation): unknown =>
  found.edges.map(({ from, to, messagesPerSecond, bytesPerSecond }) => [from, to, messagesPerSecond, bytesPerSecond]);

interface JaegerFile {
  readonly data: readonly {
    readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
    readonly spans: readonly {
      readonly spanID: string;
      readonly processID: string;
      readonly startTime: number;
      readonly references: readonly { readonly spanID: string }[];
    }[];
  }[];
}

test("observeTraces() has of DeathStarBench's real traces what an independent count has", async (t) => {
  const found = await read([{ form: "jaeger", path: real }], { perSecond: "traces" });
  const { data } = JSON.parse(readFileSync(real, "utf8")) as JaegerFile;
  const counted = new Map<string, number>();
  for (const { spans, processes } of data) {
    const service = new Map(spans.map(({ spanID, processID }) => [spanID, processes[processID]!.serviceName]));
    for (const { spanID, references } of spans) {
      const [from, to] = [service.get(references[0]?.spanID ?? ""), service.get(spanID)];
      if (from !== undefined && from !== to) counted.set(`${from} ${to}`, (counted.get(`${from} ${to}`) ?? 0) + 1);
    }
  }
  const starts = data.map(({ spans }) => Math.min(...spans.map(({ startTime }) => startTime)));
  // Every trace tells that it was kept with a probability of 0.2.
  const rate = (data.length - 1) / 0.2 / ((Math.max(...starts) - Math.min(...starts)) / 1e6);
  t.is(counted.size, 11);
  t.is(found.edges.length, 11);
  for (const { from, to, messagesPerSecond, sources } of found.edges) {
    const expected = (2 * counted.get(`${from} ${to}`)! * rate) / data.length;
    t.true(Math.abs(messagesPerSecond - expected) < 1e-9 * expected, `${from} ${to}`);
    t.deepEqual(sources, ["jaeger:socialnetwork-jaeger-traces.json"]);
  }
  t.is(new Set(found.services.map(({ name }) => name)).size, 12);
  t.like(found, { records: 20, skipped: 0, kind: "sample", seconds: 1.851 });
  t.regex(found.notices.join("\n"), /requests arrive at 51\.3\/s, by 20 traces in 1\.85 s/);
  t.regex(found.notices.join("\n"), /220 of 220 calls tell no bytes/);
});

test("observeTraces() makes a problem of the real traces that reads back", async (t) => {
  const { problem } = profileProblem([await read([{ form: "jaeger", path: real }], { perSecond: 200 })], {
    problem: undefined,
    nodes: [thisNode()],
    catalog: undefined,
  });
  t.is(problem.services.length, 12);
  t.true(problem.traffic.every(({ messagesPerSecond }) => messagesPerSecond === 400));
  t.deepEqual(parseProblem(writeProblem(problem, "yaml"), "p.yaml"), problem);
});

const attribute = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const traceId = "5b8efff798038103d269b633813fc60c";
const spans = [
  {
    traceId,
    spanId: "eee19b7ec3c1b173",
    name: "ask",
    kind: 3,
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000010000000",
  },
  {
    traceId,
    spanId: "eee19b7ec3c1b174",
    parentSpanId: "eee19b7ec3c1b173",
    name: "answer",
    kind: 2,
    startTimeUnixNano: "1700000000001000000",
    endTimeUnixNano: "1700000000005000000",
    attributes: [
      { key: "http.response.body.size", value: { intValue: "70" } },
      { key: "http.request.body.size", value: { intValue: 30 } },
    ],
  },
] as const;
const request = (service: string, ...list: readonly object[]): object => ({
  resourceSpans: [{ resource: { attributes: [attribute("service.name", service)] }, scopeSpans: [{ spans: list }] }],
});
const call = [["web", "db", 2, 100]];

test("observeTraces() reads OTLP whole, and one request a line", async (t) => {
  const [one, other] = [request("web", spans[0]), request("db", spans[1])];
  const whole = {
    resourceSpans: [...(one as { resourceSpans: object[] }).resourceSpans, ...(other as { resourceSpans: object[] }).resourceSpans],
  };
  for (const text of [JSON.stringify(whole), JSON.stringify(whole, null, 2), `${JSON.stringify(one)}\n${JSON.stringify(other)}\n`]) {
    const found = await observe("otlp", text);
    t.deepEqual(edges(found), call);
    t.deepEqual(
      found.services.map(({ name, demand }) => [name, Number(demand.cpu!.mean.toFixed(9))]),
      [
        ["web", 0],
        ["db", 0.004],
      ],
    );
    t.like(found, { records: 2, skipped: 0 });
  }
});

test("observeTraces() reads OTLP with kinds by name, ids in base64, other spellings, and the resource last", async (t) => {
  const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
  const ask = { ...spans[0], kind: "SPAN_KIND_CLIENT", traceId: base64(traceId), spanId: base64(spans[0].spanId) };
  const { traceId: trace, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, ...rest } = spans[1];
  const answer = {
    ...rest,
    trace_id: trace.toUpperCase(),
    span_id: spanId,
    parent_span_id: parentSpanId,
    kind: "SPAN_KIND_SERVER",
    start_time_unix_nano: Number(startTimeUnixNano),
    end_time_unix_nano: endTimeUnixNano,
  };
  const late = { scopeSpans: [{ spans: [ask] }], resource: { attributes: [attribute("service.name", "web")] } };
  const snake = { resource_spans: [{ resource: { attributes: [attribute("service.name", "db")] }, scope_spans: [{ spans: [answer] }] }] };
  const old = {
    resourceSpans: [
      late,
      { resource: { attributes: [] }, instrumentationLibrarySpans: [{ spans: [{ ...spans[1], spanId: "aaaaaaaaaaaaaaaa" }] }] },
    ],
  };
  const found = await observe("otlp", `${JSON.stringify(old)}\n${JSON.stringify(snake)}`);
  t.deepEqual(edges(found), [
    ["web", "unknown_service", 2, 100],
    ["web", "db", 2, 100],
  ]);
});

test("otlpSpan() reads times to the nanosecond, and refuses what has no id", (t) => {
  t.like(otlpSpan(JSON.stringify({ ...spans[0], endTimeUnixNano: "1700000000000001500" })), {
    traceId,
    span: { durationUs: 1.5, kind: "client", service: "" },
  });
  for (const broken of [
    { spanId: "" },
    { spanId: "0000000000000000" },
    { spanId: 5 },
    { traceId: "xyz" },
    { startTimeUnixNano: "soon" },
    { endTimeUnixNano: null },
  ]) {
    t.is(otlpSpan(JSON.stringify({ ...spans[0], ...broken })), null, JSON.stringify(broken));
  }
  t.is(otlpService("{}"), "unknown_service");
});

test("otlpSpan() knows the sampling of OpenTelemetry's threshold", (t) => {
  for (const [state, share] of [
    ["ot=th:8", 0.5],
    ["a=b,ot=rv:1;th:c", 0.25],
    ["ot=th:0", 1],
    ["other=th:8", null],
  ] as const) {
    t.is(otlpSpan(JSON.stringify({ ...spans[0], traceState: state }))?.span.sampling, share, state);
  }
});

test("observeTraces() loses only a damaged line of OTLP, and says where it was", async (t) => {
  const line = (index: number): string => JSON.stringify(request("web", { ...spans[0], spanId: index.toString(16).padStart(16, "0") }));
  const lines = [line(1), line(2).replace('"spans":[', '"spans":[['), line(3).slice(0, -20), line(4)];
  const found = await observe("otlp", lines.join("\n"));
  t.true(found.records >= 2);
  t.true(found.skipped >= 2, JSON.stringify(found.notices));
  t.regex(found.notices.join("\n"), /at byte \d+: unexpected/);
});

test("observeTraces() gives spans of a damaged line to no service of another line", async (t) => {
  const late = { resourceSpans: [{ scopeSpans: [{ spans: [spans[0]] }], resource: { attributes: [attribute("service.name", "web")] } }] };
  const found = await observe(
    "otlp",
    `${JSON.stringify(late).slice(0, -70)}\n${JSON.stringify(request("db", { ...spans[0], spanId: "a".repeat(16) }))}`,
  );
  t.deepEqual(
    found.services.map(({ name }) => name),
    ["db"],
  );
  t.is(found.skipped, 3);
});

const jaegerTrace = (id: string, tags: readonly object[] = []): object => ({
  traceID: id,
  spans: [
    { traceID: id, spanID: "1", operationName: "a", references: [], startTime: 1000, duration: 100, tags, processID: "p1" },
    {
      traceID: id,
      spanID: "2",
      operationName: "b",
      references: [{ refType: "CHILD_OF", traceID: id, spanID: "1" }],
      startTime: 1010,
      duration: 50,
      tags: [],
      processID: "p2",
    },
  ],
  processes: { p1: { serviceName: "web" }, p2: { serviceName: "db" } },
});

test("observeTraces() reads a bare list of Jaeger's traces, stdin, and several files together", async (t) => {
  const path = join(directory, "list.json");
  writeFileSync(path, JSON.stringify([jaegerTrace("a")]));
  const found = await read(
    [
      { form: "jaeger", path },
      { form: "jaeger", path: "-" },
    ],
    { perSecond: 10, stdin: JSON.stringify({ data: [jaegerTrace("b")] }) },
  );
  t.deepEqual(edges(found), [["web", "db", 20, null]]);
  t.deepEqual(found.edges[0]!.sources, ["jaeger:list.json", "jaeger:stdin"]);
});

for (const [what, damage] of [
  [
    "a trace that is cut",
    (text: string) =>
      text.replace(
        /"processes":\{"p1":\{"serviceName":"web"\},"p2":\{"serviceName":"db"\}\}\},\{"traceID":"3"/,
        '"processes":{"p1":{"serviceNa,{"traceID":"3"',
      ),
  ],
  ["rubbish in a string of a trace", (text: string) => text.replace('"traceID":"2","spans"', '"traceID":"2\u0001","spans"')],
  ["a trace without spans", (text: string) => text.replace('"traceID":"2","spans":[', '"traceID":"2","spins":[')],
  ["a bracket too many", (text: string) => text.replace('"traceID":"2","spans":[', '"traceID":"2","spans":[]],[')],
] as const) {
  test(`observeTraces() skips ${what}, says where, and reads the others`, async (t) => {
    const text = JSON.stringify({ data: ["0", "1", "2", "3", "4"].map((id) => jaegerTrace(id)) });
    const damaged = damage(text);
    t.not(damaged, text);
    const found = await observe("jaeger", damaged);
    t.deepEqual(edges(found), [["web", "db", 2, null]]);
    t.true(found.skipped >= 1);
    t.regex(found.notices.join("\n"), /json: at byte \d+: /);
    const bytes = found.notices.join("\n").match(/at byte (\d+)/)!;
    t.true(Number(bytes[1]) >= text.indexOf('{"traceID":"2"') && Number(bytes[1]) <= text.indexOf('{"traceID":"4"'));
  });
}

test("observeTraces() tells broken spans and a cut off end, and uses the rest", async (t) => {
  const text = JSON.stringify({ data: [jaegerTrace("1"), jaegerTrace("2"), jaegerTrace("3")] })
    .replace('"processID":"p2"', '"processID":"none"')
    .slice(0, -100);
  const found = await observe("jaeger", text);
  t.regex(found.notices.join("\n"), /trace 1: 1 spans lack an id, a time or a process/);
  t.regex(found.notices.join("\n"), /the text ends in the middle of what begins here/);
  t.deepEqual(edges(found), [["web", "db", 1, null]]);
});

for (const [what, text] of [
  ["an empty file", ""],
  ["text", "hello"],
  ["other JSON", '{"data":{"a":1}}'],
  ["a list of something else", '{"data":[{"a":1}]}'],
] as const) {
  test(`observeTraces() refuses ${what}`, async (t) => {
    for (const form of ["jaeger", "otlp"] as const) {
      const error = await t.throwsAsync<MitsuError>(observe(form, text));
      t.is(error?.code, "ERR_TRACES_UNREADABLE");
      t.is(error?.exit, 65);
    }
  });
}

test("observeTraces() names a file that is not there, and a folder", async (t) => {
  t.regex((await t.throwsAsync(read([{ form: "otlp", path: "/none.json" }])))!.message, /\/none\.json: no such file/);
  t.regex((await t.throwsAsync(read([{ form: "otlp", path: directory }])))!.message, /it is a folder/);
});

test("observeTraces() survives any damage to both forms", async (t) => {
  const texts = [
    ["jaeger", JSON.stringify({ data: ["1", "2", "3"].map((id) => jaegerTrace(id)) })],
    ["otlp", [request("web", spans[0]), request("db", spans[1])].map((one) => JSON.stringify(one)).join("\n")],
  ] as const;
  const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.nat(1), change, async (which, changes) => {
      const [form, text] = texts[which]!;
      const bytes = Buffer.from(text);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      try {
        const found = await observe(form, bytes);
        const { problem } = profileProblem([found], { problem: undefined, nodes: [thisNode()], catalog: undefined });
        t.deepEqual(parseProblem(writeProblem(problem, "json"), "p.json"), problem);
      } catch (error) {
        t.is((error as MitsuError).code, "ERR_TRACES_UNREADABLE", String(error));
      }
    }),
    { seed: 1, numRuns: 150 },
  );
});

test("observeTraces() reads 60 MB in a heap of 32 MB", (t) => {
  const path = join(directory, "large.json");
  const trace = JSON.stringify(jaegerTrace("1", [{ key: "x", value: "y".repeat(10_000) }]));
  const count = 6000;
  writeFileSync(path, `{"data":[${Array<string>(count).fill(trace).join(",")}]}`);
  const source = new URL("../../src/profile/trace-source.ts", import.meta.url);
  const script = `const { observeTraces } = await import(${JSON.stringify(source)});
const found = await observeTraces([{ form: "jaeger", path: process.argv[1] }], { env: {}, perSecond: 1, signal: new AbortController().signal, progress() {} });
console.log(found.records);`;
  const out = execFileSync(process.execPath, ["--max-old-space-size=32", "--input-type=module", "-e", script, path], { encoding: "utf8" });
  t.is(Number(out), count);
});

test("observeTraces() reads the corpus' odd OTLP", async (t) => {
  const found = await read([{ form: "otlp", path: join(corpus, "odd-otlp.jsonl") }]);
  t.deepEqual(edges(found), [
    ["front", "back", 2, 12],
    ["back", "postgresql", 2, null],
  ]);
  t.regex(found.notices.join("\n"), /1 spans name a parent that is not in their trace/);
});
