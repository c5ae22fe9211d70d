/** Facts for placer(8): metrics. @module */
import type { Metrics } from "../../cli/src/metrics.ts";
import { exposeMetrics } from "../src/metrics.ts";

/** Registers every metric of its own; none is scraped. */
export function registerMetrics(metrics: Metrics): void {
  exposeMetrics(metrics, () => {
    throw new Error("nothing is scraped here");
  });
}
