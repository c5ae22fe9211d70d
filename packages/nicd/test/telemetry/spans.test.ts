/** Spans as a collector gets them, decoded by OpenTelemetry's own schema: one for each hop, linked by the ids that were really sent. */
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { otlpReceiver, type ReceivedSpan } from "../../../telemetry/test/otlp-receiver.ts";
import { ask, askMany } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin, replicas } from "../daemon/support/origin.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";

const mesh = (origin: { readonly port: number }, tracing = "header"): string =>
  `version: 1\nservices: { web: { ports: [80], tracing: ${tracing}, replicas: ${replicas(origin)} } }\n`;

test("a span for each request reaches the collector, below the caller's: W3C in, W3C out", async (t) => {
  const collector = await otlpReceiver(t);
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(origin),
    listen: ["web"],
    args: ["--otlp", collector.endpoint, "--node", "n1"],
  });
  await ask(daemon.port, "/items?id=1", { headers: { traceparent: `00-${traceId}-${parent}-01`, tracestate: "other=1" } });
  const [span] = await until("a span came", () => collector.posts.flatMap(({ spans }) => spans).length > 0 && collector.posts[0]!.spans);
  t.is(collector.posts.flatMap(({ spans }) => spans).length, 1, "one hop is one span");
  t.like(span, { traceId, parentSpanId: parent, kind: "SPAN_KIND_SERVER", name: "GET /items", scope: "mitsu.nicd@0.1.0" });
  t.like(span!.resource, { "service.name": "web", "host.name": "n1" });
  t.like(span!.attributes, {
    "http.request.method": "GET",
    "http.response.status_code": "200",
    "url.path": "/items",
    "mitsu.injected": true,
  });
  const { headers } = origin.asked[0]!;
  t.is(headers.traceparent, `00-${traceId}-${span!.spanId}-01`, "what the replica's own spans hang on is what was exported");
  t.is(headers.tracestate, "other=1");
  t.true(BigInt(span!.endTimeUnixNano) > BigInt(span!.startTimeUnixNano));
  t.true(Math.abs(Number(BigInt(span!.startTimeUnixNano) / 1_000_000n) - Date.now()) < 60_000);
});

for (const [form, headers] of [
  ["single", { b3: `${traceId}-${parent}-1` }],
  ["multi", { "x-b3-traceid": traceId, "x-b3-spanid": parent, "x-b3-sampled": "1" }],
] as const) {
  test(`B3 in its ${form} form is continued, and W3C goes on`, async (t) => {
    const collector = await otlpReceiver(t);
    const origin = await Origin.start(t, "a");
    const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--otlp", collector.endpoint] });
    await ask(daemon.port, "/", { headers });
    const span = await until("a span came", () => collector.posts[0]?.spans[0]);
    t.like(span, { traceId, parentSpanId: parent });
    t.is(origin.asked[0]!.headers.traceparent, `00-${traceId}-${span.spanId}-01`);
  });
}

test("a trace that begins here has no parent; what the caller has not sampled is not exported, and the replica is told so", async (t) => {
  const collector = await otlpReceiver(t);
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--otlp", collector.endpoint] });
  await ask(daemon.port, "/quiet", { headers: { traceparent: `00-${traceId}-${parent}-00` } });
  await ask(daemon.port, "/own");
  const span = await until("a span came", () => collector.posts[0]?.spans[0]);
  t.deepEqual([span.attributes["url.path"], span.parentSpanId], ["/own", ""]);
  t.regex(origin.asked[0]!.headers.traceparent as string, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  t.regex(origin.asked[1]!.headers.traceparent as string, new RegExp(`^00-${span.traceId}-${span.spanId}-0[13]$`));
});

test("`tracing: side-band` changes no byte, and `off` makes no span", async (t) => {
  const collector = await otlpReceiver(t);
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin, "side-band"), listen: ["web"], args: ["--otlp", collector.endpoint] });
  await ask(daemon.port, "/");
  const span = await until("a span came", () => collector.posts[0]?.spans[0]);
  t.is(span.attributes["mitsu.injected"], false);
  t.is(origin.asked[0]!.headers.traceparent, undefined);
  await daemon.reload(mesh(origin, "off"));
  await ask(daemon.port, "/");
  t.deepEqual((await daemon.call((client) => client.call("traces", { limit: 10 }))).traces.length, 1);
});

test("own answers are spans too: an error of the server where it was one", async (t) => {
  const collector = await otlpReceiver(t);
  const daemon = await InProcessNicd.start(t, { mesh: mesh({ port: 1 }), listen: ["web"], args: ["--otlp", collector.endpoint] });
  t.is((await ask(daemon.port)).status, 503);
  const span = await until("a span came", () => collector.posts[0]?.spans[0]);
  t.like(span.attributes, { "error.type": "503", "mitsu.response_flags": "UF" });
  t.is(span.status.code, "STATUS_CODE_ERROR");
});

test("a collector that is down costs no request: lost spans are counted, and status says so", async (t) => {
  const down = await otlpReceiver(t);
  await down.close();
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--otlp", down.endpoint] });
  for (const { status } of await askMany(daemon.port, 100)) t.is(status, 200);
  const degraded = await until("status says so", async () => (await daemon.status()).degraded[0]);
  t.regex(degraded, /spans do not reach the collector: .*ECONNREFUSED/);
  t.is((await daemon.cli("status")).status, 69);
  t.is((await ask(daemon.port)).status, 200);
  t.is(await daemon.stop(), 0, "the end does not wait for it for long");
});

test("a collector that refuses spans loses them, counted; when it takes them again status is well", async (t) => {
  let takes = false;
  const collector = await otlpReceiver(t, (response) => void response.writeHead(takes ? 200 : 400).end());
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--otlp", collector.endpoint] });
  await ask(daemon.port);
  t.regex(await until("status says so", async () => (await daemon.status()).degraded[0]), /the receiver answers 400/);
  takes = true;
  await ask(daemon.port);
  await until("status is well", async () => (await daemon.status()).degraded.length === 0);
  t.like((await daemon.status()).spans, { exported: 1, failed: 1, dropped: 0 });
  t.regex(await daemon.metrics(), /^mitsu_nicd_spans_total\{result="failed"\} 1$/m);
});

/** Spans by id of several posts. */
const byId = (spans: readonly ReceivedSpan[]): Map<string, ReceivedSpan> => new Map(spans.map((span) => [span.spanId, span]));

test("a program that passes its traceparent on: each of nicd's spans hangs on the one before", async (t) => {
  const collector = await otlpReceiver(t);
  const back = await Origin.start(t, "back");
  let nicdPort = 0;
  const front = await Origin.start(t, "front", (request, response) => {
    void ask(nicdPort, "/back", { headers: { traceparent: String(request.headers.traceparent) } }).then(({ body }) => response.end(body));
  });
  const text = `version: 1
services:
  front: { ports: [80], tracing: header, replicas: ${replicas(front)} }
  back: { ports: [80], tracing: header, replicas: ${replicas(back)} }
`;
  const daemon = await InProcessNicd.start(t, { mesh: text, listen: ["front", "back"], args: ["--otlp", collector.endpoint] });
  nicdPort = daemon.ports[1]!;
  t.is((await ask(daemon.port)).body, "back");
  const spans = await until("both spans came", () => {
    const all = collector.posts.flatMap((post) => post.spans);
    return all.length >= 2 && all;
  });
  const root = spans.find(({ parentSpanId }) => parentSpanId === "")!;
  const child = spans.find(({ parentSpanId }) => parentSpanId !== "")!;
  t.is(byId(spans).get(child.parentSpanId), root);
  t.is(child.traceId, root.traceId);
  t.is(root.resource["service.name"], "front");
  t.is(child.resource["service.name"], "back");

  const tree = (await daemon.cli("trace", root.traceId.toUpperCase())).out.split("\n");
  t.regex(tree.join("\n"), /→ front {2}GET \/.*\n.*└─ .*→ back {2}GET \/back/);
});

test("OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_COMPRESSION hold for what is exported", async (t) => {
  const collector = await otlpReceiver(t);
  const origin = await Origin.start(t, "web");
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(origin),
    listen: ["web"],
    args: ["--otlp", collector.endpoint],
    vars: { OTEL_EXPORTER_OTLP_HEADERS: "x-token=a%20b", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" },
  });
  await ask(daemon.port);
  await until("exported", () => collector.posts.length > 0);
  t.like(collector.posts[0]!.headers, { "x-token": "a b", "content-encoding": "gzip" });
});
