/** mqttnic's Grafana dashboard asks for what the broker exposes. */
import { readFileSync } from "node:fs";
import { createMetrics } from "@mitsu/cli";
import test from "ava";
import { exposeMetrics } from "../src/metrics.ts";
import { emptyStatus } from "./aggregate/fake-broker.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const text = readFileSync(new URL("../grafana/mqttnic.json", import.meta.url), "utf8");
const { panels } = JSON.parse(text) as { readonly panels: readonly Panel[] };

test("the dashboard's metrics are mqttnic's, with the labels it uses", async (t) => {
  const bridge = { name: "up", kind: "bridge", to: "x:1883", state: "up", messagesIn: 3, messagesOut: 4, lastError: null } as const;
  const status = { ...emptyStatus, storeBytes: 1, limits: { queuedMessages: 5 }, refusals: { "bad-packet": 1 }, bridges: [bridge] };
  const metrics = exposeMetrics(await createMetrics("mqttnic"), () => status);
  const samples = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = new Set(samples.map((line) => /^\w+/.exec(line)![0]));
  const asked = new Set(text.match(/\bmitsu_mqttnic_\w+/g));
  t.true(asked.size > 15);
  for (const name of asked) t.true(names.has(name), name);
  // Prometheus itself adds `instance`.
  const labels = new Set(["instance", ...samples.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label!))]);
  for (const { title, targets } of panels)
    for (const { expr, legendFormat } of targets)
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        t.true(labels.has(label!), `${label} of ${title}`);
        t.true(expr.includes(label!), `${legendFormat} of ${expr}`);
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
