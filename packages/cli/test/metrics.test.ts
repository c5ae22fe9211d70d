import { request } from "node:http";
import test from "ava";
import { parseListen } from "../src/metrics-server.ts";
import { createLog, createMetrics, type MetricsServerOptions, serveMetrics, testEnv } from "../src/mod.ts";

test("createMetrics() names metrics by daemon and unit", async (t) => {
  const metrics = await createMetrics("demo");
  metrics.counter({ name: "redirected", unit: "bytes", help: "Bytes.", labels: ["service"] }).add(5, { service: "web" });
  metrics.counter({ name: "flows", unit: "count", help: "Flows." }).add(1);
  metrics.gauge({ name: "load", unit: "ratio", help: "Load." }).set(0.5);
  metrics.histogram({ name: "attach", unit: "seconds", help: "Time.", buckets: [0.01, 0.1] }).observe(0.05);
  const text = await metrics.text();
  for (const line of [
    'mitsu_demo_redirected_bytes_total{service="web"} 5',
    "mitsu_demo_flows_total 1",
    "mitsu_demo_load_ratio 0.5",
    'mitsu_demo_attach_seconds_bucket{le="0.01"} 0',
    'mitsu_demo_attach_seconds_bucket{le="0.1"} 1',
    "# TYPE mitsu_demo_redirected_bytes_total counter",
  ]) {
    t.true(text.split("\n").includes(line), line);
  }
});

test("a counter's set() takes over a total counted elsewhere", async (t) => {
  const metrics = await createMetrics("demo");
  const counter = metrics.counter({ name: "drops", unit: "count", help: "Drops.", labels: ["reason"] });
  counter.set(10, { reason: "full" });
  counter.set(12, { reason: "full" });
  t.regex(await metrics.text(), /mitsu_demo_drops_total\{reason="full"\} 12\n/);
});

test("onScrape() collects at each exposition and not before", async (t) => {
  const metrics = await createMetrics("demo");
  const gauge = metrics.gauge({ name: "reads", unit: "count", help: "Reads." });
  let reads = 0;
  metrics.onScrape(() => gauge.set(++reads));
  t.is(reads, 0);
  t.regex(await metrics.text(), /mitsu_demo_reads 1\n/);
  t.regex(await metrics.text(), /mitsu_demo_reads 2\n/);
});

test("a metric that is set anew at each scrape forgets labels that are not set again", async (t) => {
  const metrics = await createMetrics("demo");
  const spec = { unit: "count", help: "X.", labels: ["node"], anew: true } as const;
  const [gauge, counter] = [metrics.gauge({ ...spec, name: "age" }), metrics.counter({ ...spec, name: "lost" })];
  let nodes = ["a", "b"];
  metrics.onScrape(() => {
    for (const node of nodes) {
      gauge.set(1, { node });
      counter.set(2, { node });
    }
  });
  t.regex(await metrics.text(), /mitsu_demo_age\{node="b"\} 1\n/);
  nodes = ["a"];
  const text = await metrics.text();
  t.notRegex(text, /node="b"/);
  t.regex(text, /mitsu_demo_age\{node="a"\} 1\n[\s\S]*mitsu_demo_lost_total\{node="a"\} 2\n/);
});

test("createMetrics() refuses a name that is not snake_case, and one taken already", async (t) => {
  const metrics = await createMetrics("demo");
  const spec = { name: "x", unit: "count", help: "X." } as const;
  metrics.gauge(spec);
  t.throws(() => metrics.gauge(spec), { message: /already been registered/ });
  t.throws(() => metrics.gauge({ ...spec, name: "camelCase" }), { instanceOf: TypeError });
});

test("parseListen() puts a bare port on loopback", (t) => {
  t.deepEqual(parseListen("9101"), { host: "127.0.0.1", port: 9101 });
  t.deepEqual(parseListen(":9101"), { host: "127.0.0.1", port: 9101 });
  t.deepEqual(parseListen("0.0.0.0:1"), { host: "0.0.0.0", port: 1 });
  t.deepEqual(parseListen("[::1]:1"), { host: "::1", port: 1 });
  for (const bad of ["", "host", "1:2:3", "h:99999", "h:-1"]) t.throws(() => parseListen(bad), { code: "ERR_METRICS_ADDRESS" }, bad);
});

const ask = (port: number, path: string, method = "GET"): Promise<readonly [number | undefined, string]> =>
  new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, method }, async (response) => {
      resolve([response.statusCode, (await response.setEncoding("utf8").toArray()).join("")]);
    })
      .on("error", reject)
      .end();
  });

const serving = async (options: Partial<MetricsServerOptions> = {}) =>
  serveMetrics({ listen: "0", metrics: await createMetrics("demo"), log: createLog(testEnv()), ...options });

test("serveMetrics() answers /metrics, /healthz, /readyz and nothing else", async (t) => {
  const state = { healthy: true, notReady: undefined as string | undefined };
  const server = await serving({ healthy: () => state.healthy, notReady: () => state.notReady });
  t.is(server.host, "127.0.0.1");
  t.is((await ask(server.port, "/metrics?x=1"))[0], 200);
  t.deepEqual(await ask(server.port, "/healthz"), [200, "ok\n"]);
  t.deepEqual(await ask(server.port, "/readyz"), [200, "ready\n"]);
  state.healthy = false;
  state.notReady = "no BPF";
  t.deepEqual(await ask(server.port, "/healthz"), [503, "unhealthy\n"]);
  t.deepEqual(await ask(server.port, "/readyz"), [503, "not ready: no BPF\n"]);
  t.is((await ask(server.port, "/"))[0], 404);
  t.is((await ask(server.port, "/metrics", "POST"))[0], 405);
  await server.close();
});

test("serveMetrics() says 500 and logs when collecting fails", async (t) => {
  const env = testEnv();
  const metrics = await createMetrics("demo");
  metrics.onScrape(() => Promise.reject(new Error("map gone")));
  const server = await serving({ metrics, log: createLog(env) });
  t.is((await ask(server.port, "/metrics"))[0], 500);
  t.regex(env.err(), /cannot collect metrics error="map gone"/);
  await server.close();
});

test("serveMetrics() names the address when the port is taken", async (t) => {
  const server = await serving();
  await t.throwsAsync(serving({ listen: `127.0.0.1:${server.port}` }), {
    code: "ERR_METRICS_LISTEN",
    message: new RegExp(`${server.port}`),
  });
  await server.close();
});
