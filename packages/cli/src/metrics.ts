/** Metrics in Prometheus' text format, on prom-client; every name ends in its unit. @module */
import type { Counter, Gauge, Histogram } from "prom-client";

/** Base units, as Prometheus asks for them; `count` is for things without one and adds nothing to the name. Source: prometheus.io/docs/practices/naming. */
export const metricUnits = ["seconds", "bytes", "ratio", "info", "count"] as const;

/** Name, unit, help and labels of one metric. */
export interface MetricSpec {
  /** snake_case without prefix, unit or `_total`: `redirected`. */
  readonly name: string;
  readonly unit: (typeof metricUnits)[number];
  readonly help: string;
  readonly labels?: readonly string[];
  /** Labels that are not set at a scrape are gone from it, as what they name is: set all of them in `onScrape`. */
  readonly anew?: boolean;
}

/** Label → value. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface CounterMetric {
  readonly add: (value: number, labels?: Labels) => void;
  /** Takes over a total counted elsewhere, such as in a BPF map. */
  readonly set: (total: number, labels?: Labels) => void;
}

/** A number that goes up and down. */
export interface GaugeMetric {
  readonly set: (value: number, labels?: Labels) => void;
}

/** A distribution. */
export interface HistogramMetric {
  readonly observe: (value: number, labels?: Labels) => void;
}

/** A daemon's metrics; names begin with `mitsu_<daemon>_`. */
export interface Metrics {
  /** Named `…_<unit>_total`. */
  readonly counter: (spec: MetricSpec) => CounterMetric;
  readonly gauge: (spec: MetricSpec) => GaugeMetric;
  /** `buckets` are upper bounds in the metric's unit, ascending. */
  readonly histogram: (spec: MetricSpec & { readonly buckets: readonly number[] }) => HistogramMetric;
  /** Runs before every exposition: read the kernel's counters here, not on a timer. */
  readonly onScrape: (collect: () => Promise<void> | void) => void;
  /** The exposition text, collected now. */
  readonly text: () => Promise<string>;
  /** HTTP Content-Type of the text. */
  readonly contentType: string;
}

/**
 * Makes a registry; prom-client is loaded here.
 *
 * @example
 * ```ts
 * const metrics = await createMetrics("sockhijack");
 * const redirected = metrics.counter({ name: "redirected", unit: "bytes", help: "Payload that bypassed TCP.", labels: ["service"] });
 * redirected.add(512, { service: "web" }); // mitsu_sockhijack_redirected_bytes_total{service="web"} 512
 * ```
 */
export async function createMetrics(daemon: string): Promise<Metrics> {
  const { default: prom } = await import("prom-client");
  const registry = new prom.Registry();
  const collectors: (() => Promise<void> | void)[] = [];
  const forget: (() => void)[] = [];
  const config = ({ name, unit, help, labels }: MetricSpec, suffix = "") => {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`metric name '${name}' is not snake_case`);
    const full = `mitsu_${daemon}_${name}${unit === "count" ? "" : `_${unit}`}${suffix}`;
    return { name: full, help, labelNames: [...(labels ?? [])], registers: [registry] };
  };
  return {
    counter(spec) {
      const counter: Counter = new prom.Counter(config(spec, "_total"));
      if (spec.anew) forget.push(() => counter.reset());
      return {
        add: (value, labels = {}) => counter.inc(labels, value),
        set(total, labels = {}) {
          counter.remove(labels);
          counter.inc(labels, total);
        },
      };
    },
    gauge(spec) {
      const gauge: Gauge = new prom.Gauge(config(spec));
      if (spec.anew) forget.push(() => gauge.reset());
      return { set: (value, labels = {}) => gauge.set(labels, value) };
    },
    histogram({ buckets, ...spec }) {
      const histogram: Histogram = new prom.Histogram({ ...config(spec), buckets: [...buckets] });
      return { observe: (value, labels = {}) => histogram.observe(labels, value) };
    },
    onScrape: (collect) => void collectors.push(collect),
    async text() {
      for (const one of forget) one();
      for (const collect of collectors) await collect();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
