/** How the modes and phases of filters.sh are called in its table and picture. @module */
import type { ModeFigures } from "./points.ts";
import type { Layout } from "./table.ts";

/** In the order they are shown. */
export const filterModeNames: Readonly<Record<string, string>> = {
  "nicd-none": "nicd, no filter",
  "nicd-c": "nicd, C",
  "nicd-rs": "nicd, Rust",
  "nicd-as": "nicd, AssemblyScript",
  "envoy-none": "Envoy, no filter",
  "envoy-c": "Envoy, C",
  "envoy-rs": "Envoy, Rust",
  "envoy-as": "Envoy, AssemblyScript",
};

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const us = (value: number | undefined): string => (value === undefined ? "" : count(value));

/** The table of filters.sh; ratios are over nicd without a filter. */
export const filterLayout: Layout = {
  modes: filterModeNames,
  phases: {
    http: "wrk → relay with the filter → nginx, closed loop",
    "http-open": "Open loop at half of the rate of Envoy with the C filter",
  },
  columns: [
    { title: () => "req/s", width: 10, value: (f: ModeFigures) => count(f.throughput.median) },
    { title: () => "over nicd alone", width: 17, value: (f) => (f.ratio === undefined ? "" : `${f.ratio.median.toFixed(2)} ×`) },
    { title: () => "p50 µs", width: 9, value: (f) => us(f.p50Us?.median) },
    { title: () => "p99 µs", width: 9, value: (f) => us(f.p99Us?.median) },
    { title: () => "relay µs/req", width: 14, value: (f) => f.cpuUsByRole.relay?.toFixed(1) ?? "" },
    {
      title: () => "relay busy",
      width: 12,
      value: (f) => (f.cpuUsByRole.relay ? `${((f.cpuUsByRole.relay * f.throughput.median) / 1e4).toFixed(0)} %` : ""),
    },
  ],
};
