import test from "ava";
import { istioBuckets } from "../src/histogram.ts";
import { RedMetrics } from "../src/red-metrics.ts";
import { mergedSeries } from "../src/red-series.ts";
import { redText } from "../src/red-text.ts";
import { at, nameless, someCall, someExchange, spanIdOf, type Told, traceIdOf } from "./some-exchanges.ts";

const exchange = (more: Partial<Told> = {}) => someExchange({ from: "web", to: "cart", span: 7, ms: [0, 10, 40], ...more });
function counted(...exchanges: readonly ReturnType<typeof exchange>[]): RedMetrics {
  const red = new RedMetrics();
  for (const each of exchanges) red.add(each);
  return red;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar: string | undefined;
}

const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`;
const labelSet = String.raw`\{(${label}(?:,${label})*)\}`;
const number = String.raw`-?\d+(?:\.\d+)?(?:e[+-]\d+)?`;
const line = new RegExp(`^([a-zA-Z_]\\w*)${labelSet} (${number})(?: # (${labelSet} ${number} ${number}))?$`);

/** Strict: any line that the formats do not have is an error. */
function parse(text: string): { readonly samples: Sample[]; readonly types: Record<string, string> } {
  const samples: Sample[] = [];
  const types: Record<string, string> = {};
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  for (const each of text.slice(0, -1).split("\n")) {
    const comment = /^# (?:TYPE (\S+) (counter|histogram)|HELP (\S+) .+|EOF)$/.exec(each);
    if (comment?.[1]) types[comment[1]] = comment[2]!;
    if (comment) continue;
    const match = line.exec(each);
    if (!match) throw new Error(`no sample: ${each}`);
    const labels = Object.fromEntries([...match[2]!.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key!, value!]));
    samples.push({ name: match[1]!, labels, value: Number(match[3]), exemplar: match[4] });
  }
  return { samples, types };
}

/** Values of a metric where labels are so. */
function values(red: RedMetrics, name: string, where: Readonly<Record<string, string>> = {}): number[] {
  return parse(red.text(false))
    .samples.filter((sample) => sample.name === name && Object.entries(where).every(([key, value]) => sample.labels[key] === value))
    .map(({ value }) => value);
}

test("RedMetrics has Istio's names and labels", (t) => {
  const { samples, types } = parse(counted(exchange({ here: "client" })).text(false));
  t.deepEqual(types, {
    istio_requests_total: "counter",
    istio_request_duration_milliseconds: "histogram",
    istio_request_bytes: "histogram",
    istio_response_bytes: "histogram",
  });
  t.deepEqual(samples[0], {
    name: "istio_requests_total",
    labels: {
      reporter: "source",
      source_workload: "web",
      destination_workload: "cart",
      destination_service: "cart",
      destination_service_name: "cart",
      request_protocol: "http",
      response_code: "200",
      response_flags: "-",
      connection_security_policy: "none",
    },
    value: 1,
    exemplar: undefined,
  });
  const bounds = samples.filter(({ name }) => name === "istio_request_bytes_bucket").map(({ labels }) => labels.le);
  t.deepEqual(bounds, [...istioBuckets.map(String), "+Inf"]);
});

test("RedMetrics counts an exchange once for each end that is here", (t) => {
  const red = counted(exchange(), exchange(), exchange({ here: "client" }), exchange({ here: "server" }));
  t.deepEqual(values(red, "istio_requests_total", { reporter: "source" }), [3]);
  t.deepEqual(values(red, "istio_requests_total", { reporter: "destination" }), [3]);
});

test("RedMetrics measures the source from sending and the destination from reading, in milliseconds", (t) => {
  const red = counted(exchange(), { ...exchange(), readNs: undefined });
  t.deepEqual(values(red, "istio_request_duration_milliseconds_sum", { reporter: "source" }), [80]);
  t.deepEqual(values(red, "istio_request_duration_milliseconds_sum", { reporter: "destination" }), [70]);
});

test("RedMetrics' buckets are cumulative, a value on a bound is below it, and +Inf is the count", (t) => {
  const red = counted(...[0.5, 0.6, 1, 7, 4e6].map((ms) => exchange({ here: "client", ms: [0, 0, ms] })));
  const buckets = values(red, "istio_request_duration_milliseconds_bucket");
  t.deepEqual(buckets, [1, 3, 3, ...new Array<number>(istioBuckets.length - 3).fill(4), 5]);
  t.deepEqual(values(red, "istio_request_duration_milliseconds_count"), [5]);
  t.deepEqual(values(red, "istio_request_bytes_sum"), [500]);
  t.deepEqual(values(red, "istio_response_bytes_sum"), [5000]);
  t.deepEqual(values(red, "istio_response_bytes_bucket", { le: "1000" }), [5]);
  t.deepEqual(values(red, "istio_response_bytes_bucket", { le: "500" }), [0]);
});

test("RedMetrics tells services, codes and broken connections apart, and names what is outside unknown", (t) => {
  const red = counted(
    exchange({ here: "server", from: "" }),
    exchange({ here: "server", from: "web" }),
    exchange({ here: "server", from: "web", status: 404 }),
    exchange({ here: "server", from: "web", status: 0, aborted: true }),
  );
  const { samples } = parse(red.text(false));
  t.deepEqual(
    samples
      .filter(({ name }) => name === "istio_requests_total")
      .map(({ labels }) => [labels.source_workload, labels.response_code, labels.response_flags]),
    [
      ["unknown", "200", "-"],
      ["web", "200", "-"],
      ["web", "404", "-"],
      ["web", "0", "UC"],
    ],
  );
});

test("RedMetrics tells gRPC from HTTP, by its own status too, and what was lost from what was not answered", (t) => {
  const here = { here: "server" } as const;
  const red = counted(
    ...[0, 0, 14, undefined].map((grpcStatus) => someCall({ ...here, grpcStatus })),
    someCall({ ...here, protocol: "http/2", grpcStatus: undefined }),
    exchange(here),
    someCall({ ...here, ...nameless }),
    exchange({ ...here, status: 0 }),
    someCall({ ...here, grpcStatus: 14, aborted: true }),
  );
  const { samples } = parse(red.text(false));
  t.deepEqual(
    samples
      .filter(({ name }) => name === "istio_requests_total")
      .map(({ labels, value }) => [
        labels.request_protocol,
        labels.response_code,
        labels.grpc_response_status,
        labels.response_flags,
        value,
      ]),
    [
      ["grpc", "200", "0", "-", 2],
      ["grpc", "200", "14", "-", 1],
      ["grpc", "200", undefined, "-", 1],
      ["http", "200", undefined, "-", 2],
      ["http", "unknown", undefined, "-", 1],
      ["http", "0", undefined, "-", 1],
      ["grpc", "200", "14", "UC", 1],
    ],
  );
});

test("RedMetrics' OpenMetrics text shows a sampled trace of each bucket, not much older than a second, and ends in EOF", (t) => {
  const red = counted(
    exchange({ here: "server", traceId: traceIdOf(1) }),
    exchange({ here: "server", traceId: traceIdOf(2), ms: [1000, 1010, 1040] }),
    exchange({ here: "server", traceId: traceIdOf(3), ms: [1900, 1910, 1940] }),
    exchange({ here: "server", traceId: traceIdOf(4), ms: [3000, 3000, 3400] }),
    exchange({ here: "server", traceId: traceIdOf(5), ms: [4000, 4010, 4040], sampled: false }),
  );
  const text = red.text(true);
  t.true(text.endsWith("\n# EOF\n"));
  const { samples, types } = parse(text);
  t.is(types.istio_requests, "counter");
  const seconds = (ms: number) => (Number(at(ms) / 1_000_000n) / 1000).toFixed(3);
  const ids = (n: number) => `{trace_id="${traceIdOf(n)}",span_id="${spanIdOf(0x107)}"}`;
  t.deepEqual(
    samples.filter(({ exemplar }) => exemplar).map(({ name, labels, exemplar }) => [name, labels.le, exemplar]),
    [
      ["istio_requests_total", undefined, `${ids(4)} 1 ${seconds(3400)}`],
      ["istio_request_duration_milliseconds_bucket", "50.0", `${ids(2)} 30 ${seconds(1040)}`],
      ["istio_request_duration_milliseconds_bucket", "500.0", `${ids(4)} 400 ${seconds(3400)}`],
    ],
  );
  t.notRegex(red.text(false), / # \{|EOF/);
});

/** Of each series: flags, security, requests. */
const flagged = (text: string) =>
  parse(text)
    .samples.filter(({ name }) => name === "istio_requests_total")
    .map(({ labels, value }) => [labels.response_flags, labels.connection_security_policy, value]);

test("RedMetrics tells a proxy's flags and encryption apart, and then not whether the connection broke", (t) => {
  const here = { here: "client" } as const;
  const red = counted(
    exchange({ ...here, flags: "" }),
    exchange({ ...here, flags: "", security: "mutual_tls" }),
    exchange({ ...here, flags: "URX", aborted: true }),
    exchange({ ...here, flags: "URX" }),
    exchange({ ...here, flags: "UC" }),
    exchange({ ...here, aborted: true }),
    exchange({ ...here, flags: "", security: "none" }),
  );
  t.deepEqual(flagged(red.text(false)), [
    ["-", "none", 2],
    ["-", "mutual_tls", 1],
    ["URX", "none", 2],
    ["UC", "none", 2],
  ]);
});

test("RedMetrics calls its ends what it is told to", (t) => {
  const red = new RedMetrics({ reporters: ["waypoint", "waypoint-in"] });
  red.add(exchange());
  t.deepEqual(values(red, "istio_requests_total", { reporter: "waypoint" }), [1]);
  t.deepEqual(values(red, "istio_requests_total", { reporter: "waypoint-in" }), [1]);
});

test("mergedSeries() adds up what workers counted and sent by structured cloning, as if one had counted all", (t) => {
  const all = [
    exchange({ traceId: traceIdOf(1) }),
    exchange({ status: 503, flags: "UH", security: "mutual_tls" }),
    someCall({ grpcStatus: 14 }),
    exchange({ traceId: traceIdOf(2), ms: [2000, 2010, 2040] }),
    exchange({ traceId: traceIdOf(3), ms: [5000, 5000, 5600] }),
  ];
  const workers = [counted(all[0]!, all[1]!), counted(all[2]!), counted(all[3]!, all[4]!, all[1]!)];
  const merged = mergedSeries(workers.map(({ series }) => structuredClone(series)));
  t.is(redText(merged, true), counted(...all, all[1]!).text(true));
  t.deepEqual(mergedSeries([]), []);
});

test("RedMetrics escapes names", (t) => {
  const red = counted(exchange({ here: "client", from: 'a"b\\c\nd' }));
  t.is(parse(red.text(false)).samples[0]!.labels.source_workload, String.raw`a\"b\\c\nd`);
});

test("RedMetrics holds no more series than it may, and counts what it leaves out", (t) => {
  const red = new RedMetrics({ limit: 5 });
  for (let status = 100; status < 600; status++) red.add(exchange({ here: "client", status }));
  red.add(exchange({ here: "client", status: 100 }));
  t.is(values(red, "istio_requests_total").length, 5);
  t.deepEqual(values(red, "istio_requests_total", { response_code: "100" }), [2]);
  t.is(red.dropped, 495);
});

test("RedMetrics without exchanges is a valid text", (t) => {
  t.deepEqual(parse(new RedMetrics().text(true)).samples, []);
});
