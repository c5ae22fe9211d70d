/**
 * topic-matcher.sh: what a topic costs rtl/topic_matcher.sv, by its levels and by the filters that are installed, alone and in a stream of topics; look-ups a second at the
 * clock that the device of hal states, in the simulation, and of mqttnic's own tree in the same run. Both have to find the same.
 *
 * Cycles are the same on every machine; what software and the simulation take is not: those are medians, of rounds in turn.
 *
 * @module
 */

import { MitsuError } from "../packages/cli/src/error.ts";
import { systemEnv, table } from "../packages/cli/src/mod.ts";
import { TopicMatcher } from "../packages/hdl-bindings/models/topic_matcher.ts";
import { topicMatcherClockMhz, topicMatcherLimits } from "../packages/hdl-bindings/src/devices/topic-match.ts";
import { TopicMatcherHost } from "../packages/hdl-bindings/src/twins/topic-matcher-host.ts";
import { FilterTree } from "../packages/mqttnic/src/matching/filter-tree.ts";
import { type HdlPanel, renderHdl } from "./report/hdl-chart.ts";
import { type HdlOptions, type HdlReport, runHdlBench } from "./report/hdl-run.ts";
import { filterOf, topicOf } from "./report/topic-matcher-load.ts";

const usage = `topic-matcher.sh: cycles a topic and look-ups a second of the RTL topic matcher, beside mqttnic's own tree

usage: bench/topic-matcher.sh [options]

  --quick    up to 256 filters and 50 topics a point, instead of 4096 and 200
  --out DIR  where topic-matcher-<date>.json and topic-matcher.svg go (default bench/out)
  --json     the report as JSON on stdout instead of text
  --strict   exit 1 when a target is missed
  --help

example:
  bench/topic-matcher.sh --quick
`;

const levelCounts = [1, 2, 3, 5, 8, 14, 20] as const;
const usualLevels = 5;
const rounds = 5;
/** Of all topics through the tree, a round: short ones, so that the middle one was not interrupted. */
const passes = 25;

interface Row {
  readonly filters: number;
  readonly levels: number;
  /** Filters that match a topic, on average. */
  readonly matches: number;
  /** Cycles from a topic's first level to its last entry. */
  readonly alone: number;
  /** Cycles a topic of a stream. */
  readonly streamed: number;
  /** Look-ups a second. */
  readonly atClock: number;
  readonly simulated: number;
  readonly software: number;
  /** Share of the topics for which both found the same filters. */
  readonly agree: number;
}

class Bench {
  readonly #model: TopicMatcher;
  readonly #host: TopicMatcherHost;
  readonly #tree = new FilterTree<{ readonly id: number }>();
  #filters = 0;

  constructor(model: TopicMatcher) {
    this.#model = model;
    model.reset(2);
    this.#host = new TopicMatcherHost(model, topicMatcherLimits.idBits);
  }

  /** Installs filters until there are so many. @returns Cycles an installation. */
  fill(filters: number): number {
    const [from, before] = [this.#model.cycle, this.#filters];
    for (; this.#filters < filters; this.#filters++) {
      this.#host.install(this.#filters, filterOf(this.#filters), { id: this.#filters, shared: false });
      this.#tree.add(filterOf(this.#filters), { id: this.#filters });
      this.#host.run();
    }
    return (this.#model.cycle - from) / (filters - before);
  }

  point(levels: number, count: number): Row {
    // Spread over all filters, in a fixed order.
    const topics = Array.from({ length: count }, (_, at) => topicOf((at * 7919) % this.#filters, levels));
    const simulatedMs: number[] = [];
    const softwareMs: number[] = [];
    const wanted = topics.map((topic) => this.#found(topic));
    let [alone, streamed, same, entries] = [0, 0, 0, 0];
    for (let round = 0; round < rounds; round++) {
      const one = topics.map((topic) => {
        const start = performance.now();
        const lookup = this.#host.match(topic);
        this.#host.run();
        simulatedMs.push(performance.now() - start);
        return lookup;
      });
      for (let pass = 0; pass < passes; pass++) softwareMs.push(this.#software(topics) / count);
      const stream = topics.map((topic) => this.#host.match(topic));
      this.#host.run();
      alone = one.reduce((sum, { first, done }) => sum + done! - first! + 1, 0) / count;
      // The pipeline's own depth at the stream's end is no topic's.
      streamed = (stream.at(-1)!.done! - stream[0]!.first! + 1) / count;
      entries = one.reduce((sum, lookup) => sum + lookup.entries.length, 0) / count;
      const agrees = [one, stream].map((all) => all.filter((lookup, at) => ids(lookup.entries) === wanted[at]).length);
      same = Math.min(...agrees) / count;
    }
    return {
      filters: this.#filters,
      levels,
      matches: entries,
      alone,
      streamed,
      atClock: (topicMatcherClockMhz * 1e6) / streamed,
      simulated: 1000 / middle(simulatedMs),
      software: 1000 / middle(softwareMs),
      agree: same,
    };
  }

  /** Milliseconds of one look-up of each topic. */
  #software(topics: readonly string[]): number {
    let visited = 0;
    const start = performance.now();
    for (const topic of topics) this.#tree.match(topic, () => void visited++);
    const ms = performance.now() - start;
    if (visited < 0) throw new RangeError("cannot be");
    return ms;
  }

  #found(topic: string): string {
    const found: { readonly id: number }[] = [];
    this.#tree.match(topic, (leaf) => void found.push(leaf));
    return ids(found);
  }
}

function ids(entries: readonly { readonly id: number }[]): string {
  return entries
    .map(({ id }) => id)
    .toSorted((one, other) => one - other)
    .join(" ");
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

async function measure({ quick }: HdlOptions): Promise<HdlReport> {
  const model = await TopicMatcher.open();
  const bench = new Bench(model);
  const counts = quick ? [16, 64, 256] : [16, 64, 256, 1024, topicMatcherLimits.filters];
  const rows: Row[] = [];
  let installCycles = 0;
  for (const filters of counts) {
    installCycles = bench.fill(filters);
    for (const levels of levelCounts) rows.push(bench.point(levels, quick ? 50 : 200));
  }
  model.close();
  const most = counts.at(-1)!;
  const full = rows.filter(({ filters }) => filters === most);
  const usual = rows.filter(({ levels }) => levels === usualLevels);
  const thousands = (rate: number): string => (rate / 1000).toFixed(rate < 1e5 ? 1 : 0);
  const text = table(
    rows,
    [
      { header: "filters", value: ({ filters }) => filters, align: "right" },
      { header: "levels", value: ({ levels }) => levels, align: "right" },
      { header: "matches", value: ({ matches }) => matches.toFixed(2), align: "right" },
      { header: "cycles alone", value: ({ alone }) => alone.toFixed(2), align: "right" },
      { header: "in a stream", value: ({ streamed }) => streamed.toFixed(2), align: "right" },
      { header: `1000/s at ${topicMatcherClockMhz} MHz`, value: ({ atClock }) => thousands(atClock), align: "right" },
      { header: "software", value: ({ software }) => thousands(software), align: "right" },
      { header: "simulated", value: ({ simulated }) => thousands(simulated), align: "right" },
    ],
    systemEnv.stdout,
  );
  const line = (name: string, of: readonly Row[], x: (row: Row) => number, y: (row: Row) => number): HdlPanel["lines"][number] => ({
    name,
    at: of.map((row) => [x(row), y(row)] as const),
  });
  const panels: readonly HdlPanel[] = [
    {
      title: `Cycles a topic, ${most} filters`,
      xName: "levels of the topic",
      yName: "cycles",
      logarithmic: false,
      lines: [
        line(
          "alone",
          full,
          ({ levels }) => levels,
          ({ alone }) => alone,
        ),
        line(
          "in a stream",
          full,
          ({ levels }) => levels,
          ({ streamed }) => streamed,
        ),
      ],
    },
    {
      title: `Look-ups, topics of ${usualLevels} levels`,
      xName: "filters installed",
      yName: "thousand a second",
      logarithmic: true,
      lines: [
        line(
          `RTL at ${topicMatcherClockMhz} MHz`,
          usual,
          ({ filters }) => filters,
          ({ atClock }) => atClock / 1000,
        ),
        line(
          "mqttnic's tree",
          usual,
          ({ filters }) => filters,
          ({ software }) => software / 1000,
        ),
        line(
          "RTL, simulated",
          usual,
          ({ filters }) => filters,
          ({ simulated }) => simulated / 1000,
        ),
      ],
    },
  ];
  const eight = full.find(({ levels }) => levels === 8)!;
  const rate = eight.levels / eight.streamed;
  const agreed = Math.min(...rows.map(({ agree }) => agree));
  return {
    rows,
    text: `topics against filters, of the RTL in Verilator and of mqttnic's tree; ${installCycles.toFixed(0)} cycles for a new filter\n\n${text}`,
    targets: [
      // The pipeline is filled once in a stream.
      { target: "levels a cycle in a stream of topics of 8, at least 0.99", measured: rate, met: rate >= 0.99 },
      ...(quick ? [] : [{ target: "filters installed, at least 4096", measured: most, met: most >= 4096 }]),
      { target: "share of the topics for which both find the same, 1", measured: agreed, met: agreed === 1 },
    ],
    svg: renderHdl(panels, {
      title: "topic_matcher: MQTT topics against filters",
      note: `Cycles of rtl/topic_matcher.sv in Verilator; ${topicMatcherClockMhz} MHz is an assumption.`,
      script: "bench/topic-matcher.sh",
    }),
  };
}

/** A model that is not built is said in a line. */
async function run(): Promise<number> {
  try {
    return await runHdlBench("topic-matcher", usage, measure);
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    process.stderr.write(`topic-matcher: ${error.message}\nhint: ${error.hint}\n`);
    return error.exit;
  }
}

if (import.meta.main) process.exitCode = await run();
