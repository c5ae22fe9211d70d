/** Metrics that filters define, as Prometheus' text. @module */
import { type MetricHandle, type MetricType, metricType } from "@mitsu/proxy-wasm";

/** Bounds of histograms, in whatever unit the filter records: it does not say. */
const bounds = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];

class FilterMetric implements MetricHandle {
  readonly type: MetricType;
  readonly #counts: Float64Array;
  #value = 0;
  #sum = 0;

  constructor(type: MetricType) {
    this.type = type;
    this.#counts = new Float64Array(type === metricType.histogram ? bounds.length + 1 : 0);
  }

  increment(offset: number): void {
    this.#value += offset;
  }

  record(value: number): void {
    if (this.type === metricType.counter) this.#value += value;
    else if (this.type === metricType.gauge) this.#value = value;
    else {
      const bucket = bounds.findIndex((bound) => value <= bound);
      this.#counts[bucket < 0 ? bounds.length : bucket]!++;
      this.#value++;
      this.#sum += value;
    }
  }

  value(): number {
    return this.#value;
  }

  lines(name: string, labels: string): string[] {
    if (this.type === metricType.counter) return [`${name}_total{${labels}} ${this.#value}`];
    if (this.type === metricType.gauge) return [`${name}{${labels}} ${this.#value}`];
    let total = 0;
    const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, index) => {
      total += this.#counts[index]!;
      return `${name}_bucket{${labels},le="${bound === Number.POSITIVE_INFINITY ? "+Inf" : bound}"} ${total}`;
    });
    return [...buckets, `${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${this.#value}`];
  }
}

/** Longest name that is kept. */
const longestName = 200;
const kinds = new Map<MetricType, string>([
  [metricType.counter, "counter"],
  [metricType.gauge, "gauge"],
  [metricType.histogram, "histogram"],
]);

/** What a filter calls its metric, as a metric's name: `nicd_filter_custom_` and its letters, digits and underscores. */
export function metricName(name: string): string {
  return `nicd_filter_custom_${name.slice(0, longestName).replace(/[^A-Za-z0-9_]/g, "_")}`;
}

/** Those of one filter; they outlive its virtual machines. */
export class FilterMetrics {
  readonly #most: number;
  readonly #metrics = new Map<string, FilterMetric>();

  /** @param most Names; more are refused. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The one of that name; null beyond the bound, or when it has another type. */
  metric(type: MetricType, name: string): MetricHandle | null {
    const own = metricName(name);
    const known = this.#metrics.get(own);
    if (known) return known.type === type ? known : null;
    if (this.#metrics.size >= this.#most) return null;
    const made = new FilterMetric(type);
    this.#metrics.set(own, made);
    return made;
  }

  /** By name and type, for {@link metricsText}. */
  entries(): IterableIterator<[string, FilterMetric]> {
    return this.#metrics.entries();
  }
}

/** All filters' metrics in Prometheus' text format: a family once, whichever filters have it. */
export function metricsText(filters: ReadonlyMap<string, FilterMetrics>): string {
  const families = new Map<string, { readonly type: MetricType; readonly lines: string[] }>();
  for (const [filter, metrics] of filters)
    for (const [name, metric] of metrics.entries()) {
      const family = families.get(name) ?? { type: metric.type, lines: [] };
      families.set(name, family);
      // A name that two filters give two types cannot be one family.
      if (family.type === metric.type) family.lines.push(...metric.lines(name, `filter="${filter}"`));
    }
  return [...families]
    .map(([name, { type, lines }]) => {
      const shown = type === metricType.counter ? `${name}_total` : name;
      return `# HELP ${shown} Defined by a filter.\n# TYPE ${shown} ${kinds.get(type)}\n${lines.join("\n")}\n`;
    })
    .join("");
}
