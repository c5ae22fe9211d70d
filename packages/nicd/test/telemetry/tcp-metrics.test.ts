import test from "ava";
import type { LinkCaller } from "../../src/link-caller.ts";
import { flag } from "../../src/live-exchange.ts";
import type { PassedConnection } from "../../src/proxy/tcp-passage.ts";
import { TcpMetrics, tcpMetricNames } from "../../src/telemetry/tcp-metrics.ts";
import { readPrometheus } from "./prometheus-text.ts";

const passed = (parts: Partial<PassedConnection> = {}): PassedConnection => ({
  entry: { caller: { service: "shop", address: "10.0.0.9", port: 1, by: "cgroup" }, service: "db", port: 5432, chosen: null },
  endpoint: null,
  target: "db",
  startNs: 0,
  endNs: 1,
  receivedBytes: 10,
  sentBytes: 20,
  flag: flag.none,
  ...parts,
});

test("TcpMetrics counts what was begun and what has ended, by who called whom and how it went", (t) => {
  const metrics = new TcpMetrics();
  metrics.begin(passed());
  metrics.begin(passed());
  metrics.end(passed());
  metrics.end(passed({ flag: flag.unauthorised, receivedBytes: 0, sentBytes: 0 }));
  const families = readPrometheus(metrics.text());
  t.deepEqual(
    [...families.keys()],
    tcpMetricNames.map((name) => `${name}_total`),
  );
  const of = (name: string, why: string): number | undefined =>
    families.get(`${name}_total`)!.samples.find(({ labels }) => labels.response_flags === why)?.value;
  t.is(of("istio_tcp_connections_opened", "-"), 2);
  t.is(of("istio_tcp_connections_closed", "-"), 1);
  t.is(of("istio_tcp_connections_closed", "UAEX"), 1);
  t.is(of("istio_tcp_sent_bytes", "-"), 20);
  t.is(of("istio_tcp_received_bytes", "-"), 10);
});

test("TcpMetrics: what came over a link is told by the destination, with the link's security", (t) => {
  const caller: LinkCaller = { service: "shop", address: "10.0.0.9", port: 1, by: "link", node: "n2", security: "mtls" };
  const metrics = new TcpMetrics();
  metrics.begin(passed({ entry: { ...passed().entry, caller } }));
  t.regex(metrics.text(), /opened_total\{reporter="destination",source_workload="shop",.*connection_security_policy="mutual_tls"\} 1/);
});

test("TcpMetrics stops at 1000 series, and counts what is missing", (t) => {
  const metrics = new TcpMetrics();
  for (let index = 0; index < 1010; index++) metrics.end(passed({ target: `db-${index}` }));
  t.is(metrics.dropped, 10);
  t.is(readPrometheus(metrics.text()).get("istio_tcp_connections_closed_total")!.samples.length, 1000);
});
