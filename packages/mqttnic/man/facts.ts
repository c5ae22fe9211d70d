/** Facts for mqttnic(8): metrics, and which directives of mosquitto.conf are followed. @module */
import { argument, prose, sentence, tagged } from "../../../scripts/man/mdoc.ts";
import type { Metrics } from "../../cli/src/metrics.ts";
import { bridgeDirectives } from "../src/config/conf-bridge.ts";
import { globalDirectives } from "../src/config/conf-global.ts";
import { listenerDirectives } from "../src/config/conf-listener.ts";
import { needlessDirectives, refusedDirectives } from "../src/config/conf-refused.ts";
import { exposeMetrics } from "../src/metrics.ts";

/** Names of the directives that are followed, in a sentence. */
export function followed(): string {
  const names = ["include_dir", ...[globalDirectives, listenerDirectives, bridgeDirectives].flatMap((table) => Object.keys(table))];
  return names
    .toSorted()
    .map((name, index) => `.Ic ${argument(name)}${index < names.length - 1 ? " ," : " ."}`)
    .join("\n");
}

const reasons = (list: ReadonlyMap<string, string>): string =>
  tagged([...list].map(([name, why]) => [`Ic ${argument(name)}`, prose(sentence(why.replace(/^(has no effect): /, "")))]));

/** Directives that are refused, and why. */
export function refusedList(): string {
  return reasons(refusedDirectives);
}

/** Directives that are taken and change nothing, and why. */
export function needlessList(): string {
  return reasons(needlessDirectives);
}

/** Registers every metric of its own; none is scraped. */
export function registerMetrics(metrics: Metrics): void {
  const nothing = (): never => {
    throw new Error("nothing is scraped here");
  };
  exposeMetrics(metrics, nothing, nothing);
}
