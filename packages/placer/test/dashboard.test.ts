/** placer's Grafana dashboard asks for what the daemon exposes. */
import { readFileSync } from "node:fs";
import { createMetrics } from "@mitsu/cli";
import test from "ava";
import { exposeMetrics } from "../src/metrics.ts";
import { proposing } from "./watch/support/status.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const text = readFileSync(new URL("../grafana/placer.json", import.meta.url), "utf8");
const { panels } = JSON.parse(text) as { readonly panels: readonly Panel[] };

test("the dashboard's metrics are placer's, all of them, with the labels it uses", async (t) => {
  const metrics = exposeMetrics(await createMetrics("placer"), () => proposing);
  const samples = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = new Set(samples.map((line) => /^\w+/.exec(line)![0]));
  t.deepEqual([...new Set(text.match(/\bmitsu_placer_\w+/g))].toSorted(), [...names].toSorted());
  const labelsOf = (name: string): Set<string> =>
    new Set(
      samples.filter((line) => line.startsWith(`${name}{`)).flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label!)),
    );
  for (const { title, targets } of panels)
    for (const { expr, legendFormat } of targets) {
      const known = labelsOf(/mitsu_placer_\w+/.exec(expr)![0]).add("instance"); // which Prometheus itself adds
      const used = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g), ...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!);
      for (const label of used) t.true(known.has(label), `${label} of ${title}`);
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
