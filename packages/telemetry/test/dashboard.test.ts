/** nicd's Grafana dashboard, which stands on the metrics that are made here. @module */
import { readFileSync } from "node:fs";
import test from "ava";
import { RedMetrics } from "../src/red-metrics.ts";
import { redMetricNames } from "../src/red-text.ts";
import { someCall, someExchange } from "./some-exchanges.ts";

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string }; readonly overrides: readonly unknown[] };
  readonly options?: object;
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}

const dashboard = JSON.parse(readFileSync(new URL("../../nicd/grafana/mitsu.json", import.meta.url), "utf8")) as {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly time: { readonly from: string; readonly to: string };
  readonly annotations: { readonly list: readonly unknown[] };
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
};
const { panels } = dashboard;
const targets = panels.flatMap((panel) => panel.targets ?? []);
const variables = dashboard.templating.list;
const queries = variables.flatMap(({ query }) => (typeof query === "string" ? [] : [query.query]));

/** What nicd counts of itself, with the labels used here; a test of nicd's checks that it makes them. */
const nicdMetrics: Readonly<Record<string, readonly string[]>> = {
  mitsu_nicd_connections: ["instance"],
  mitsu_nicd_retries_total: ["service"],
  mitsu_nicd_ejected_endpoints: ["service"],
  mitsu_nicd_links: ["instance", "state"],
  mitsu_nicd_refused_total: ["reason"],
};

/** Samples and labels of the request metrics, as their text has them. */
function requestMetrics(): { readonly names: ReadonlySet<string>; readonly labels: ReadonlySet<string> } {
  const red = new RedMetrics();
  for (const one of [someCall(), someExchange({ from: "a", to: "b", span: 1, ms: [0, 1, 2] })]) red.add(one);
  const lines = red.text(false).split("\n");
  return {
    names: new Set(lines.filter((line) => line && !line.startsWith("#")).map((line) => line.slice(0, line.indexOf("{")))),
    labels: new Set(lines.flatMap((line) => [...line.matchAll(/([a-z_]+)="/g)].map(([, label]) => label!))),
  };
}
const made = requestMetrics();

const words = new Set(["sum", "by", "rate", "histogram_quantile", "or", "label_values"]);

/** Names of metrics, of labels and of variables in a PromQL expression. */
function namesIn(expr: string) {
  const used = [...expr.matchAll(/\$\{?(\w+)\}?/g)].map(([, name]) => name!).filter((name) => !name.startsWith("__"));
  const labels: string[] = [];
  const rest = expr
    .replace(/\{([^}]*)\}/g, (_, inside: string) => {
      labels.push(...[...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"/g)].map(([, label]) => label!));
      return "";
    })
    .replace(/by \(([^)]*)\)/g, (_, list: string) => {
      labels.push(...list.split(",").map((label) => label.trim()));
      return "";
    })
    .replace(/\[[^\]]*\]/g, "");
  const metrics = [...rest.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([name]) => name).filter((name) => !words.has(name));
  return { metrics, labels, used };
}

test("redMetricNames are the metrics that RedMetrics makes", (t) => {
  const families = new Set([...made.names].map((name) => name.replace(/_(?:bucket|sum|count)$/, "")));
  t.deepEqual([...families].sort(), [...redMetricNames].sort());
});

test("the dashboard asks for no metric and no label that nobody makes", (t) => {
  t.true(targets.length > 15);
  for (const { expr } of targets) {
    const { metrics, labels } = namesIn(expr);
    t.true(metrics.length > 0, expr);
    for (const metric of metrics) {
      const own = nicdMetrics[metric];
      t.true(made.names.has(metric) || own !== undefined, `${metric} in ${expr}`);
      for (const label of labels) t.true(own?.includes(label) ?? made.labels.has(label), `${label} in ${expr}`);
    }
  }
  for (const query of queries) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    t.true(made.names.has(metric!) && made.labels.has(label!), query);
  }
});

test("the dashboard shows every metric that it could", (t) => {
  const shown = new Set(targets.flatMap(({ expr }) => namesIn(expr).metrics.map((name) => name.replace(/_(?:bucket|sum|count)$/, ""))));
  t.deepEqual([...shown].sort(), [...redMetricNames, ...Object.keys(nicdMetrics)].sort());
});

test("the dashboard's expressions close what they open, and use variables that there are", (t) => {
  const known = new Set(variables.map(({ name }) => name));
  for (const { expr, legendFormat } of targets) {
    let depth = 0;
    for (const letter of expr) {
      depth += "([{".includes(letter) ? 1 : ")]}".includes(letter) ? -1 : 0;
      t.true(depth >= 0, expr);
    }
    t.is(depth, 0, expr);
    for (const name of namesIn(expr).used) t.true(known.has(name), `${name} in ${expr}`);
    const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    for (const label of legend) t.true(namesIn(expr).labels.includes(label), `${legendFormat} of ${expr}`);
  }
});

test("the dashboard has what Grafana's classic model needs", (t) => {
  t.regex(dashboard.uid, /^[\w-]{1,40}$/);
  t.truthy(dashboard.title);
  t.true(dashboard.schemaVersion >= 36, "data sources by uid came with 36");
  t.deepEqual(Object.keys(dashboard.time).sort(), ["from", "to"]);
  t.true(Array.isArray(dashboard.annotations.list));
  t.deepEqual(
    variables.map(({ name, type }) => [name, type]),
    [
      ["datasource", "datasource"],
      ["reporter", "custom"],
      ["source", "query"],
      ["destination", "query"],
    ],
  );
  for (const panel of panels) {
    t.true(["row", "stat", "timeseries"].includes(panel.type), panel.type);
    t.truthy(panel.title);
    if (panel.type === "row") continue;
    t.truthy(panel.description, panel.title);
    t.truthy(panel.fieldConfig?.defaults.unit, panel.title);
    t.true(Array.isArray(panel.fieldConfig?.overrides), panel.title);
    t.truthy(panel.options, panel.title);
    t.true((panel.targets?.length ?? 0) > 0, panel.title);
    for (const at of [panel, ...panel.targets!]) t.deepEqual(at.datasource, { type: "prometheus", uid: `\${datasource}` }, panel.title);
    t.is(new Set(panel.targets!.map(({ refId }) => refId)).size, panel.targets!.length, panel.title);
  }
});

test("the dashboard's panels have ids of their own, lie within the 24 columns, and none on another", (t) => {
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    const { x, y, w, h } = gridPos;
    t.true([x, y, w, h].every(Number.isInteger) && x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const cell = `${column},${line}`;
        t.false(taken.has(cell), `${title} lies on ${taken.get(cell)}`);
        taken.set(cell, title);
      }
    }
  }
});
