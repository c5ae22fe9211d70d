/** What `metrics` shows, read from the kernel at each scrape. @module */
import type { Metrics } from "@mitsu/cli";
import type { OtlpExporter } from "@mitsu/telemetry";
import type { Dns } from "./dns.ts";
import type { Engine } from "./engine.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { nicView } from "./nic-view.ts";
import type { ExchangeFeed } from "./tracing/exchange-feed.ts";
import { matrixView, serviceViews } from "./views.ts";

/** Registers every metric of sockhijack. */
export function exposeMetrics(
  metrics: Metrics,
  {
    kernel,
    mesh,
    engine,
    dns,
    exchanges,
    otlp,
  }: {
    readonly kernel: Kernel;
    readonly mesh: Mesh;
    readonly engine: Engine;
    readonly dns: Dns;
    readonly exchanges: Pick<ExchangeFeed, "headerBlocks">;
    readonly otlp: Pick<OtlpExporter, "counts"> | undefined;
  },
): void {
  const events = metrics.counter({
    name: "kernel_events",
    unit: "count",
    help: "What the kernel programs did, by event.",
    labels: ["event"],
  });
  const queries = metrics.counter({ name: "dns_queries", unit: "count", help: "DNS queries by what became of them.", labels: ["result"] });
  const flows = metrics.gauge({
    name: "flows",
    unit: "count",
    help: "Open connections of attached programs.",
    labels: ["state", "reason"],
  });
  const edge = ["from", "to"] as const;
  const connections = metrics.counter({ name: "connections", unit: "count", help: "Connections between services.", labels: edge });
  const bytes = metrics.counter({ name: "payload", unit: "bytes", help: "Payload between services, both ways.", labels: edge });
  const redirected = metrics.counter({ name: "redirected", unit: "bytes", help: "Of that, what never met the TCP stack.", labels: edge });
  const denied = metrics.counter({ name: "denied", unit: "count", help: "Connects that a policy denied.", labels: edge });
  const active = metrics.gauge({
    name: "replica_connections",
    unit: "count",
    help: "Open connections by replica.",
    labels: ["service", "replica"],
  });
  const nic = metrics.gauge({ name: "nic_connections", unit: "count", help: "Open connections to nicd." });
  const nicThere = metrics.gauge({ name: "nic_registered", unit: "count", help: "1 while a nicd takes connections, else 0." });
  const scans = metrics.counter({ name: "scans", unit: "count", help: "Scans of the sockets of attached programs." });

  const spans = metrics.counter({ name: "spans", unit: "count", help: "Spans by what became of their export.", labels: ["result"] });
  const headerBlocks = metrics.counter({
    name: "header_blocks",
    unit: "count",
    help: "HTTP/2 frames with a header block by what came of them; all but read leave requests without names.",
    labels: ["result"],
  });

  metrics.onScrape(() => {
    for (const [result, value] of Object.entries(otlp?.counts ?? {})) spans.set(value, { result });
    for (const [result, value] of Object.entries(exchanges.headerBlocks)) headerBlocks.set(value, { result });
    const seen = engine.look();
    for (const [event, value] of Object.entries(kernel.counters())) events.set(Number(value), { event });
    for (const [result, value] of Object.entries(dns.counters)) queries.set(value, { result });
    for (const [key, group] of Map.groupBy(seen, ({ state, reason }) => `${state} ${reason}`)) {
      const [state = "", reason = ""] = key.split(" ");
      flows.set(group.length, { state, reason });
    }
    for (const cell of matrixView(seen, mesh, kernel)) {
      const labels = { from: cell.from, to: cell.to };
      connections.set(cell.connections, labels);
      bytes.set(cell.bytesOut + cell.bytesIn, labels);
      redirected.set(cell.redirectedBytes, labels);
      denied.set(cell.denied, labels);
    }
    for (const service of serviceViews(mesh, kernel, "mesh")) {
      for (const r of service.replicas) active.set(r.active, { service: service.name, replica: `${r.address}:${r.port}` });
    }
    const there = nicView(mesh, kernel);
    nicThere.set(there ? 1 : 0);
    nic.set(there?.active ?? 0);
    scans.set(engine.counts.scans);
  });
}
