import { once } from "node:events";
import { createServer } from "node:net";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { OtlpExporter, type OtlpExporterOptions } from "../src/otlp-exporter.ts";
import { otlpReceiver, partialAnswer } from "./otlp-receiver.ts";
import { at, someExchange, spanIdOf, type Told, traceIdOf } from "./some-exchanges.ts";

/** One span, the client's. */
const one = (span = 1, more: Partial<Told> = {}) => someExchange({ from: "web", to: "cart", here: "client", span, ms: [1, 2, 5], ...more });
/** Waits end at once and are written down. */
function noWait() {
  const waits: number[] = [];
  return { waits, wait: async (ms: number) => void waits.push(ms) };
}
const quick = { attempts: 3, firstWaitMs: 1000, maxWaitMs: 1500 };

/** Sends these exchanges and closes. */
async function send(options: Omit<OtlpExporterOptions, "daemon">, exchanges = [one()]): Promise<OtlpExporter> {
  const exporter = await OtlpExporter.open({ daemon: "sockhijack", ...options });
  for (const exchange of exchanges) exporter.add(exchange);
  await exporter.close(5000);
  return exporter;
}

test("OtlpExporter sends what an independent decoder of the schema reads", async (t) => {
  const receiver = await otlpReceiver(t);
  const exchange = someExchange({ from: "web", to: "cart", span: 7, parent: 3, ms: [1, 2.000001, 5], status: 503, target: "/i/17?a=b" });
  const exporter = await send({ endpoint: receiver.endpoint, headers: "api-key=secret", version: "1.2.3" }, [exchange]);
  const [post, ...rest] = receiver.posts;
  t.deepEqual(rest, []);
  t.is(post!.path, "/v1/traces");
  t.is(post!.headers["content-type"], "application/x-protobuf");
  t.is(post!.headers["api-key"], "secret");
  t.is(post!.headers["content-encoding"], undefined);
  t.regex(String(post!.headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  const [client, server] = post!.spans;
  t.is(post!.spans.length, 2);
  t.like(client, {
    name: "GET /i/{id}",
    kind: "SPAN_KIND_CLIENT",
    scope: "mitsu.sockhijack@1.2.3",
    traceId: traceIdOf(1),
    spanId: spanIdOf(7),
    parentSpanId: spanIdOf(3),
    startTimeUnixNano: String(at(1)),
    endTimeUnixNano: String(at(5)),
    resource: { "service.name": "web", "service.instance.id": "127.0.0.1", "host.name": "n1" },
  });
  t.like(server, {
    name: "GET /i/{id}",
    kind: "SPAN_KIND_SERVER",
    spanId: spanIdOf(0x107),
    parentSpanId: spanIdOf(7),
    startTimeUnixNano: String(at(2) + 1n),
    resource: { "service.name": "cart", "service.instance.id": "127.0.0.2:8080" },
  });
  t.like(server!.attributes, {
    "http.request.method": "GET",
    "http.response.status_code": "503",
    "http.route": "/i/{id}",
    "url.query": "a=b",
    "error.type": "503",
    "mitsu.redirected": true,
    "mitsu.time_to_first_byte_ms": 2.999999,
  });
  t.is(server!.status.code, "STATUS_CODE_ERROR");
  t.deepEqual(exporter.counts, { exported: 2, thinned: 0, dropped: 0, failed: 0, rejected: 0, retries: 0 });
});

test("OtlpExporter compresses when told", async (t) => {
  const receiver = await otlpReceiver(t);
  const exporter = await send({ endpoint: receiver.endpoint, gzip: true });
  t.is(receiver.posts[0]!.headers["content-encoding"], "gzip");
  t.is(receiver.posts[0]!.spans[0]!.name, "GET /cart");
  t.is(exporter.counts.exported, 1);
});

test("OtlpExporter cuts the queue into batches, each grouped by resource", async (t) => {
  const receiver = await otlpReceiver(t);
  const exchanges = Array.from({ length: 25 }, (_, n) => one(n + 1, { from: n % 2 ? "web" : "ads" }));
  const exporter = await send({ endpoint: receiver.endpoint, batchSpans: 10 }, exchanges);
  t.deepEqual(
    receiver.posts.map(({ spans, resources }) => [spans.length, resources]),
    [
      [10, 2],
      [10, 2],
      [5, 2],
    ],
  );
  t.is(new Set(receiver.posts.flatMap(({ spans }) => spans.map(({ spanId }) => spanId))).size, 25);
  t.is(exporter.counts.exported, 25);
});

test("OtlpExporter sends a full batch at once and a smaller one after a while", async (t) => {
  const arrived: (() => void)[] = [];
  const receiver = await otlpReceiver(t, (response) => {
    response.end();
    arrived.shift()?.();
  });
  const exporter = await OtlpExporter.open({ daemon: "sockhijack", endpoint: receiver.endpoint, batchSpans: 2, delayMs: 50 });
  t.teardown(() => exporter.close(0));
  const [full, small] = [1, 2].map(() => new Promise<void>((resolve) => arrived.push(resolve)));
  for (const n of [1, 2, 3]) exporter.add(one(n));
  await full;
  t.is(receiver.posts[0]!.spans.length, 2);
  // The timer does not keep a process alive; this one does.
  const alive = setInterval(() => {}, 10);
  await small;
  clearInterval(alive);
  t.is(receiver.posts[1]!.spans.length, 1);
});

test("OtlpExporter leaves out what is not sampled", async (t) => {
  const receiver = await otlpReceiver(t);
  const exporter = await send({ endpoint: receiver.endpoint }, [one(1, { sampled: false })]);
  t.deepEqual(receiver.posts, []);
  t.deepEqual(exporter.counts, { exported: 0, thinned: 0, dropped: 0, failed: 0, rejected: 0, retries: 0 });
});

for (const status of [429, 502, 503, 504]) {
  test(`OtlpExporter sends the same spans again after ${status}`, async (t) => {
    const receiver = await otlpReceiver(t, (response, post) => response.writeHead(post < 2 ? status : 200).end());
    const { wait, waits } = noWait();
    const exporter = await send({ endpoint: receiver.endpoint, retry: quick, wait });
    t.deepEqual(
      receiver.posts.map(({ spans }) => spans[0]!.spanId),
      [spanIdOf(1), spanIdOf(1), spanIdOf(1)],
    );
    t.true(waits[0]! >= 800 && waits[0]! <= 1200 && waits[1]! >= 1200 && waits[1]! <= 1800, String(waits));
    t.deepEqual(exporter.counts, { exported: 1, thinned: 0, dropped: 0, failed: 0, rejected: 0, retries: 2 });
    t.is(exporter.lastError, undefined);
  });
}

test("OtlpExporter waits as long as Retry-After says", async (t) => {
  const receiver = await otlpReceiver(t, (response, post) => {
    response.writeHead(post === 0 ? 429 : 200, { "retry-after": "17" }).end();
  });
  const { wait, waits } = noWait();
  await send({ endpoint: receiver.endpoint, retry: quick, wait });
  t.deepEqual(waits, [17_000]);
});

test("OtlpExporter gives a batch up after its attempts, counts it, and goes on with the next", async (t) => {
  const receiver = await otlpReceiver(t, (response, post) => response.writeHead(post < 3 ? 503 : 200).end());
  const { wait } = noWait();
  const exporter = await send({ endpoint: receiver.endpoint, retry: quick, wait, batchSpans: 1 }, [one(1), one(2)]);
  t.is(receiver.posts.length, 4);
  t.deepEqual(exporter.counts, { exported: 1, thinned: 0, dropped: 0, failed: 1, rejected: 0, retries: 2 });
});

for (const status of [400, 401, 404, 500, 307]) {
  test(`OtlpExporter does not repeat what ${status} refused`, async (t) => {
    const receiver = await otlpReceiver(t, (response) => response.writeHead(status, { location: "/" }).end());
    const exporter = await send({ endpoint: receiver.endpoint, retry: quick });
    t.is(receiver.posts.length, 1);
    t.deepEqual(exporter.counts, { exported: 0, thinned: 0, dropped: 0, failed: 1, rejected: 0, retries: 0 });
    t.is(exporter.lastError, `the receiver answers ${status}`);
  });
}

test("OtlpExporter counts what a partial success left out", async (t) => {
  const receiver = await otlpReceiver(t, (response) => response.end(partialAnswer(2, "too old")));
  const exporter = await send({ endpoint: receiver.endpoint }, [one(1), one(2), one(3)]);
  t.is(receiver.posts.length, 1);
  t.deepEqual(exporter.counts, { exported: 1, thinned: 0, dropped: 0, failed: 0, rejected: 2, retries: 0 });
  t.is(exporter.lastError, "too old");
});

test("OtlpExporter takes a 200 with text for what it is", async (t) => {
  const receiver = await otlpReceiver(t, (response) => response.end("thanks a lot"));
  t.is((await send({ endpoint: receiver.endpoint })).counts.exported, 1);
});

test("OtlpExporter tries again when the receiver is down, and says why it fails", async (t) => {
  const receiver = await otlpReceiver(t);
  await receiver.close();
  const { wait, waits } = noWait();
  const exporter = await send({ endpoint: receiver.endpoint, retry: quick, wait });
  t.is(waits.length, 2);
  t.deepEqual(exporter.counts, { exported: 0, thinned: 0, dropped: 0, failed: 1, rejected: 0, retries: 2 });
  t.regex(exporter.lastError ?? "", /ECONNREFUSED/);
});

test("OtlpExporter tries again when the connection breaks or the receiver says nothing", async (t) => {
  const receiver = await otlpReceiver(t, (response, post) => {
    if (post === 0) response.destroy();
    else if (post === 1) response.writeHead(200, { "content-length": 10 }).write("half");
    else response.end();
  });
  const { wait, waits } = noWait();
  const exporter = await send({ endpoint: receiver.endpoint, timeoutMs: 1500, retry: quick, wait });
  t.is(waits.length, 2);
  t.is(exporter.counts.exported, 1);
});

test("OtlpExporter drops and counts what its queue cannot hold, and never blocks", async (t) => {
  const receiver = await otlpReceiver(t);
  const exchanges = Array.from({ length: 20_000 }, (_, n) => someExchange({ from: "web", to: "cart", span: n + 1, ms: [1, 2, 5] }));
  const exporter = await OtlpExporter.open({ daemon: "sockhijack", endpoint: receiver.endpoint, queueSpans: 100, batchSpans: 50 });
  for (const exchange of exchanges) exporter.add(exchange);
  t.is(exporter.waiting, 100);
  t.is(exporter.counts.dropped, 39_900);
  await exporter.close(5000);
  t.is(exporter.counts.exported, 100);
  exporter.add(one());
  t.is(exporter.counts.dropped, 39_901);
});

test("OtlpExporter holds no more than its queue while the receiver is down", async (t) => {
  const receiver = await otlpReceiver(t, (response) => response.writeHead(503).end());
  const waiting = Promise.withResolvers<void>();
  const wait = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      waiting.resolve();
      signal.addEventListener("abort", () => resolve());
    });
  const exporter = await OtlpExporter.open({ daemon: "sockhijack", endpoint: receiver.endpoint, queueSpans: 10, batchSpans: 5, wait });
  for (let n = 0; n < 5; n++) exporter.add(one(n));
  await waiting.promise;
  for (let n = 0; n < 1000; n++) exporter.add(one(n));
  t.is(exporter.waiting, 10);
  await exporter.close(10);
  t.deepEqual(exporter.counts, { exported: 0, thinned: 0, dropped: 1000, failed: 5, rejected: 0, retries: 0 });
});

test("OtlpExporter.close() ends at its limit though the receiver never answers", async (t) => {
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const exporter = await OtlpExporter.open({ daemon: "sockhijack", endpoint: `http://127.0.0.1:${port}`, batchSpans: 1 });
  for (const n of [1, 2, 3]) exporter.add(one(n));
  const began = performance.now();
  await exporter.close(100);
  t.true(performance.now() - began < 2000);
  const { failed, dropped } = exporter.counts;
  t.is(failed + dropped, 3);
});

test("OtlpExporter.open() refuses a wrong URL", async (t) => {
  const error = await t.throwsAsync(OtlpExporter.open({ daemon: "sockhijack", endpoint: "127.0.0.1:4318" }), { instanceOf: MitsuError });
  t.is(error?.code, "ERR_OTLP_ENDPOINT");
});
