/** Every metric of a daemon, for its manual page. @module */
import type { MetricSpec, Metrics } from "../../packages/cli/src/metrics.ts";
import { prose, tagged } from "./mdoc.ts";

/** Every metric that `expose` registers, with its labels and what it counts. Nothing is scraped. */
export function metricList(daemon: string, expose: (metrics: Metrics) => void): string {
  const items: (readonly [string, string])[] = [];
  const note = ({ name, unit, help, labels = [] }: MetricSpec, suffix = ""): { add(): void; set(): void; observe(): void } => {
    const full = `mitsu_${daemon}_${name}${unit === "count" ? "" : `_${unit}`}${suffix}`;
    items.push([`Li ${full}`, prose(`${help}${labels.length > 0 ? ` Labels: ${labels.map((one) => `\`${one}\``).join(", ")}.` : ""}`)]);
    return { add() {}, set() {}, observe() {} };
  };
  expose({
    counter: (spec) => note(spec, "_total"),
    gauge: (spec) => note(spec),
    histogram: (spec) => note(spec),
    onScrape() {}, // the daemon is asked only then
    text: async () => "",
    contentType: "",
  });
  return tagged(items);
}
