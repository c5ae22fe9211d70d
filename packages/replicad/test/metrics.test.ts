/** replicad's metrics, and its Grafana dashboard, which asks for what they are. */
import { readFileSync } from "node:fs";
import { createMetrics } from "@mitsu/cli";
import test from "ava";
import { exposeMetrics } from "../src/metrics.ts";
import { replicaOf, replicas, status } from "./commands/canned-answers.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard = readFileSync(new URL("../grafana/replicad.json", import.meta.url), "utf8");
const { panels } = JSON.parse(dashboard) as { readonly panels: readonly Panel[] };

test("exposeMetrics() exposes status, nodes and replicas in base units, each metric with help; who leaves takes its figures along", async (t) => {
  let [now, all] = [status, replicas];
  const metrics = exposeMetrics(
    await createMetrics("replicad"),
    () => now,
    () => all,
  );
  await metrics.text();
  const lines = (await metrics.text()).split("\n");
  const far = 'service="cart",port="8080",replica="10.0.0.7:8080",node="n2"';
  const dead = 'service="cart",port="8080",replica="10.0.0.9:8080",node=""';
  for (const line of [
    "mitsu_replicad_broker_up 1",
    "mitsu_replicad_broker_losses_total 1",
    "mitsu_replicad_messages_sent_total 1200",
    'mitsu_replicad_messages_unsent_total{reason="full"} 3',
    'mitsu_replicad_messages_unsent_total{reason="away"} 4',
    "mitsu_replicad_messages_received_total 2400",
    'mitsu_replicad_messages_refused_total{reason="replayed"} 2',
    'mitsu_replicad_messages_refused_total{reason="version"} 0',
    "mitsu_replicad_message_interval_seconds 0.001",
    'mitsu_replicad_source_state{source="sockhijack",state="away"} 1',
    'mitsu_replicad_source_state{source="nicd",state="away"} 0',
    'mitsu_replicad_kernel_state{state="up"} 1',
    "mitsu_replicad_kernel_replicas 4",
    "mitsu_replicad_kernel_writes_total 900",
    "mitsu_replicad_report_writes_total 901",
    "mitsu_replicad_selections_total 12",
    "mitsu_replicad_selections_waiting 1",
    "mitsu_replicad_selections_forgotten_total 2",
    "mitsu_replicad_overrides 1",
    "mitsu_replicad_degraded 0",
    'mitsu_replicad_node_age_seconds{node="n2"} 0.0016',
    'mitsu_replicad_node_clock_error_seconds{node="n2"} 0.00025',
    'mitsu_replicad_node_messages_lost_total{node="n2"} 5',
    'mitsu_replicad_node_congestion{node="n1",figure="cpuSome"} 0.12',
    `mitsu_replicad_replica_in_flight{${far}} 3`,
    `mitsu_replicad_replica_weight{${far}} 1`,
    `mitsu_replicad_replica_age_seconds{${far}} 0.0008`,
    `mitsu_replicad_replica_work_seconds{${far}} 0.00125`,
    `mitsu_replicad_replica_latency_seconds{${far}} 0.0045`,
    `mitsu_replicad_replica_standing{${far},standing="healthy"} 1`,
    `mitsu_replicad_replica_standing{${dead},standing="dead"} 1`,
    `mitsu_replicad_replica_failures_ratio{${dead}} 1`,
    `mitsu_replicad_replica_selections_total{${far}} 12`,
  ])
    t.true(lines.includes(line), line);
  t.false(
    lines.some((line) => line.includes("in_flight") && line.includes(dead)),
    "what is not known is absent",
  );
  t.false(lines.some((line) => /clock_error.*n3/.test(line)));
  const families = new Set(lines.flatMap((line) => /^(mitsu_\w+)/.exec(line)?.[1] ?? []));
  t.is(lines.filter((line) => line.startsWith("# HELP ")).length, families.size);

  now = { ...status, nodes: [status.nodes[0]!], degraded: ["x"] };
  all = [replicaOf({ standing: "draining" })];
  const later = await metrics.text();
  t.regex(later, /^mitsu_replicad_degraded 1$/m);
  t.true(later.includes(`mitsu_replicad_replica_standing{${far},standing="draining"} 1\n`));
  t.notRegex(later, /standing="healthy"|10\.0\.0\.9|\{node="n2"/);
});

test("the dashboard's metrics are replicad's, all of them, with the labels it uses", async (t) => {
  const metrics = exposeMetrics(
    await createMetrics("replicad"),
    () => status,
    () => replicas,
  );
  const samples = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = new Set(samples.map((line) => /^\w+/.exec(line)![0]));
  t.deepEqual([...new Set(dashboard.match(/\bmitsu_replicad_\w+/g))].toSorted(), [...names].toSorted());
  const labelsOf = (name: string): Set<string> =>
    new Set(
      samples.filter((line) => line.startsWith(`${name}{`)).flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label!)),
    );
  for (const { title, targets } of panels)
    for (const { expr, legendFormat } of targets) {
      const known = labelsOf(/mitsu_replicad_\w+/.exec(expr)![0]).add("instance"); // which Prometheus itself adds
      const kept = /\bby \(([\w, ]+)\)/.exec(expr)?.[1]?.split(", ");
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      const used = [...shown, ...(kept ?? []), ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!)];
      for (const label of used) t.true(known.has(label), `${label} of ${title}`);
      for (const label of kept === undefined ? [] : shown) t.true(kept!.includes(label), `${label} of ${title} is summed away`);
    }
});

test("the dashboard's panels have ids of their own, lie within the 24 columns, and none on another", (t) => {
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of panels) {
    const { x, y, w, h } = gridPos;
    t.true(x >= 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++)
      for (let line = y; line < y + h; line++) {
        t.false(taken.has(`${column},${line}`), title);
        taken.add(`${column},${line}`);
      }
  }
});
