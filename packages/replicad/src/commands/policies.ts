/** `policies`: the selectors by name, with their rule, source and options. @module */
import { type Context, print, table } from "@mitsu/cli";

/** One selector as it is told to people. */
export interface Policy {
  readonly name: string;
  readonly rule: string;
  readonly source: string;
  /** Defaults. */
  readonly options: Readonly<Record<string, number>>;
}

/** All of them, the default first. */
export const policies: readonly Policy[] = [
  {
    name: "mitsu",
    rule: "least expected wait by reports and own sends; the older the reports, the wider spread",
    source: "this project, after Dahlin, IEEE TPDS 2000",
    options: { remoteCostMs: 0.1, staleMs: 150, failurePenalty: 10 },
  },
  { name: "round-robin", rule: "each its turn, by weight", source: "nginx, smooth weighted round robin", options: {} },
  { name: "random", rule: "any, each as likely", source: "–", options: {} },
  { name: "weighted", rule: "any, by weight", source: "nginx, random", options: {} },
  {
    name: "least-request",
    rule: "of some at random, the fewest own requests in flight",
    source: "Envoy, least_request",
    options: { choices: 2, bias: 1 },
  },
  { name: "p2c", rule: "of two at random, the fewer own requests in flight", source: "Mitzenmacher, IEEE TPDS 2001", options: {} },
  {
    name: "peak-ewma",
    rule: "of two at random, the lower smoothed latency × own requests in flight",
    source: "Finagle, Linkerd",
    options: { "decay-ms": 10_000, "default-rtt-ms": 30 },
  },
  {
    name: "c3",
    rule: "lowest latency − service time + queue³ × service time",
    source: "Suresh et al., NSDI 2015",
    options: { alpha: 0.9 },
  },
  {
    name: "prequal",
    rule: "of probed ones, the lowest latency among those that are not hot",
    source: "Wydrowski et al., NSDI 2024",
    options: { pool: 16, ageMs: 1000, probes: 3, remove: 1, delta: 1, quantile: 2 ** -0.25 },
  },
  { name: "jsq", rule: "the shortest queue in truth; in simulations only", source: "Haight, Biometrika 1958", options: {} },
];

/** `replicad policies`. */
export async function run(_args: object, context: Context): Promise<void> {
  print(context, policies, (all, out) => {
    const rows = table(
      all,
      [
        { header: "policy", value: ({ name }) => name },
        { header: "rule", value: ({ rule }) => rule },
        { header: "source", value: ({ source }) => source },
        {
          header: "options",
          value: ({ options }) =>
            Object.entries(options)
              .map(([name, value]) => `${name}=${Number(value.toPrecision(3))}`)
              .join(" "),
        },
      ],
      out,
    );
    return rows;
  });
}
