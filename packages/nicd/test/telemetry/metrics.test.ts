/** Metrics as a scraper sees them: their form, Istio's names and labels, and all that the dashboard asks for. */
import { readFileSync } from "node:fs";
import { redMetricNames } from "@mitsu/telemetry";
import test from "ava";
import { nicdMetricNames } from "../../src/metrics.ts";
import { tcpMetricNames } from "../../src/telemetry/tcp-metrics.ts";
import { ask, Wire } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin, replicas } from "../daemon/support/origin.ts";
import { readPrometheus } from "./prometheus-text.ts";

/** A daemon that has done a bit of everything, so that every metric has a sample. */
async function busy(t: Parameters<typeof Origin.start>[0], ...args: readonly string[]): Promise<InProcessNicd> {
  const origin = await Origin.start(t, "a");
  const mesh = `version: 1
services:
  web: { ports: [80], tracing: header, replicas: ${replicas(origin)}, authorisation: deny }
authorisation: [{ name: oks, action: allow, to: web, from: "*", match: { path: /ok } }]
`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"], args });
  t.is((await ask(daemon.port, "/ok")).status, 200);
  t.is((await ask(daemon.port, "/no")).status, 403);
  const broken = new Wire(daemon.port);
  broken.send("GET / HTTP/1.1\r\nbad header\r\n\r\n");
  await broken.closed;
  const odd = new Wire(daemon.port);
  odd.send("\x00\x01\x02");
  await odd.closed;
  return daemon;
}

test("metrics are what Prometheus reads, over HTTP and by `nicd metrics`", async (t) => {
  const daemon = await busy(t, "--metrics", "127.0.0.1:0");
  const [, metricsPort] = /serving metrics.*port\D+(\d+)/.exec(daemon.log)!;
  const scraped = await ask(Number(metricsPort), "/metrics");
  t.regex(scraped.headers["content-type"]!, /^text\/plain; version=0\.0\.4/);
  for (const text of [scraped.body, (await daemon.cli("metrics")).out]) {
    const families = readPrometheus(text);
    for (const { type, help } of families.values()) t.true(type !== "untyped" && help !== "");
    t.true(families.size > 20);
  }
  t.is((await ask(Number(metricsPort), "/readyz")).status, 200);
});

test("every name of nicdMetricNames, redMetricNames and tcpMetricNames appears, and no other", async (t) => {
  const families = readPrometheus(await (await busy(t)).metrics());
  t.deepEqual(
    [...families.keys()].sort(),
    [...nicdMetricNames, ...redMetricNames, ...tcpMetricNames.map((name) => `${name}_total`)].sort(),
  );
});

test("requests have Istio's labels: who told, from whom, to whom, code, flags, security", async (t) => {
  const families = readPrometheus(await (await busy(t)).metrics());
  const requests = families.get("istio_requests_total")!.samples;
  t.deepEqual(requests.map(({ labels, value }) => [labels.reporter, labels.response_code, labels.response_flags, value]).sort(), [
    ["destination", "200", "-", 1],
    ["destination", "403", "UAEX", 1],
    ["source", "200", "-", 1],
    ["source", "403", "UAEX", 1],
  ]);
  for (const { labels } of requests)
    t.like(labels, {
      source_workload: "unknown",
      destination_service: "web",
      request_protocol: "http",
      connection_security_policy: "none",
    });
  t.is(families.get("mitsu_nicd_refused_total")!.samples[0]!.value, 1);
  t.is(families.get("mitsu_nicd_authorisation_total")!.samples[0]!.labels.rule, "oks");
});

test("the dashboard's names of nicd's own metrics exist, with the labels it uses", async (t) => {
  const families = readPrometheus(await (await busy(t)).metrics());
  const dashboard = readFileSync(new URL("../../grafana/mitsu.json", import.meta.url), "utf8");
  const asked = new Set(dashboard.match(/\b(?:mitsu_nicd|istio)_[a-z_]+/g)!.map((name) => name.replace(/_(?:bucket|sum|count)$/, "")));
  t.true(asked.size > 6);
  for (const name of asked) t.true(families.has(name), name);
  const labelled = {
    mitsu_nicd_links: "state",
    mitsu_nicd_refused_total: "reason",
    mitsu_nicd_ejected_endpoints: "service",
    mitsu_nicd_retries_total: "service",
  };
  for (const [name, label] of Object.entries(labelled)) t.true(label in families.get(name)!.samples[0]!.labels, `${name} by ${label}`);
});
