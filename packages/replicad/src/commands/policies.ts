/** `policies`: the selectors by name, with their rule, source and options. @module */
import { type Context, print, table } from "@mitsu/cli";
import { type OptionRanges, type SelectorName, selectorNames, selectorOptions } from "@mitsu/selector";

/** One selector as it is told to people. */
export interface Policy {
  readonly name: SelectorName | "jsq";
  readonly rule: string;
  readonly source: string;
  /** Defaults and ranges. */
  readonly options: OptionRanges;
}

const rules: Readonly<Record<SelectorName, readonly [rule: string, source: string]>> = {
  mitsu: [
    "least expected wait by reports and own sends; the older the reports, the wider spread",
    "this project, after Dahlin, IEEE TPDS 2000",
  ],
  "round-robin": ["each its turn, by weight", "nginx, smooth weighted round robin"],
  random: ["any, by weight", "nginx, random"],
  weighted: ["the same as random", "nginx, random"],
  "least-request": ["of some at random, the fewest own requests in flight", "Envoy, least_request"],
  p2c: ["of two at random, the fewer own requests in flight", "Mitzenmacher, IEEE TPDS 2001"],
  "peak-ewma": ["of two at random, the lower smoothed latency × own requests in flight", "Finagle, Linkerd"],
  c3: ["lowest latency − service time + queue³ × service time", "Suresh et al., NSDI 2015"],
  prequal: ["of probed ones, the lowest latency among those that are not hot", "Wydrowski et al., NSDI 2024"],
};

/** All of them, the default first. */
export const policies: readonly Policy[] = [
  ...selectorNames.map((name) => ({ name, rule: rules[name][0], source: rules[name][1], options: selectorOptions[name] })),
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
              .map(([name, { default: usual }]) => `${name}=${Number(usual.toPrecision(3))}`)
              .join(" "),
        },
      ],
      out,
    );
    return rows;
  });
}
