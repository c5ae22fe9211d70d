/** Facts for placer(8): metrics. @module */
import { prose, tagged } from "../../../scripts/man/mdoc.ts";
import type { MetricSpec, Metrics } from "../../cli/src/metrics.ts";
import { exposeMetrics } from "../src/metrics.ts";

/** Every metric with its labels and what it counts. */
export function metricList(): string {
  const items: (readonly [string, string])[] = [];
  const note = ({ name, unit, help, labels = [] }: MetricSpec, suffix = ""): { add(): void; set(): void; observe(): void } => {
    const full = `mitsu_placer_${name}${unit === "count" ? "" : `_${unit}`}${suffix}`;
    items.push([`Li ${full}`, prose(`${help}${labels.length > 0 ? ` Labels: ${labels.map((one) => `\`${one}\``).join(", ")}.` : ""}`)]);
    return { add() {}, set() {}, observe() {} };
  };
  const metrics: Metrics = {
    counter: (spec) => note(spec, "_total"),
    gauge: (spec) => note(spec),
    histogram: (spec) => note(spec),
    onScrape() {}, // the watch is asked only then
    text: async () => "",
    contentType: "",
  };
  exposeMetrics(metrics, () => {
    throw new Error("nothing is scraped here");
  });
  return tagged(items);
}
