/** Facts for replicad(8): metrics. @module */
import { metricList as listOf } from "../../../scripts/man/metric-list.ts";
import { exposeMetrics } from "../src/metrics.ts";

/** Every metric with its labels and what it counts. */
export function metricList(): string {
  const unasked = (): never => {
    throw new Error("nothing is scraped here");
  };
  return listOf("replicad", (metrics) => exposeMetrics(metrics, unasked, unasked));
}
