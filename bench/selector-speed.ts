#!/usr/bin/env node
/**
 * What one decision of each selector takes, by the number of replicas: `bench/selector-speed.sh [--reps N] [--json]`.
 *
 * `select` is the decision alone; `whole` is what goes with a request: whom to probe and the probes' answers, the decision, that it was sent, that it was answered. A request
 * is answered after as many others as there are replicas, so that about one is in flight to each; every replica reports every 100 decisions. Selectors are
 * interleaved, and the median of the repetitions is shown, with what is left on the heap by a decision.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Candidate, createSelector, type Selector, Sticky, selectorNames } from "../packages/selector/src/mod.ts";
import { MaglevTable } from "../packages/selector/src/sticky/maglev-table.ts";

const { values } = parseArgs({ options: { reps: { type: "string", default: "5" }, json: { type: "boolean" }, help: { type: "boolean" } } });
if (values.help) {
  console.log("usage: bench/selector-speed.sh [--reps N (3 or more; 5)] [--json]");
  process.exit(0);
}
const reps = Number(values.reps);
if (!Number.isInteger(reps) || reps < 3) {
  console.error(`selector-speed: --reps is ${values.reps}; use a whole number from 3`);
  process.exit(2);
}
const counts = [2, 10, 100, 1000];
const goalNs = 1000; // at 100 replicas
const slices = 25;
const tableSize = 16_381;

/** A replica as a sender keeps it. */
type Replica = { -readonly [Field in keyof Candidate]: Candidate[Field] };

function replicas(count: number): Replica[] {
  return Array.from({ length: count }, (_, nth) => ({
    key: `10.0.${nth >> 8}.${nth & 255}:80`,
    weight: 1,
    here: nth % 10 === 0,
    inFlight: nth % 3,
    reportedInFlight: nth % 3,
    reportedServiceMs: 5 + (nth % 7),
    workers: 1,
    reportedAtMs: 0,
    sentSince: 0,
    latencyMs: 8 + (nth % 5),
    ramp: 1,
    failures: 0,
  }));
}

/** Whole numbers only, so that drawing one costs little and leaves no garbage. */
function fastRandom(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** One program with requests in flight. */
class Program {
  readonly #selector: Selector;
  readonly #candidates: Replica[];
  readonly #sent: Replica[];
  readonly #context: { nowMs: number; random: () => number; clients: number; stickyKey: string | null };
  readonly #report = { inFlight: 1, latencyMs: 8, serviceMs: 6, workers: 0 };
  readonly #answer = { latencyMs: 8, ok: true, report: this.#report };
  readonly #keys: readonly (string | null)[];
  #turn = 0;

  constructor(selector: Selector, count: number, keys: readonly (string | null)[]) {
    this.#selector = selector;
    this.#candidates = replicas(count);
    this.#sent = [...this.#candidates];
    this.#context = { nowMs: 0, random: fastRandom(), clients: 10, stickyKey: null };
    this.#keys = keys;
  }

  run(times: number, whole: boolean): void {
    const [selector, candidates, sent, context, keys] = [this.#selector, this.#candidates, this.#sent, this.#context, this.#keys];
    for (let nth = 0; nth < times; nth++) {
      const turn = this.#turn++;
      context.stickyKey = keys[turn % keys.length]!;
      if (turn % 100 === 0) {
        context.nowMs++;
        for (const candidate of candidates) {
          candidate.reportedAtMs = context.nowMs;
          candidate.reportedInFlight = candidate.inFlight;
          candidate.sentSince = 0;
        }
      }
      if (whole && selector.probes !== undefined) {
        const probed = selector.probes(candidates, context);
        for (let at = 0; at < probed.length; at++) selector.probed?.(probed[at]!, context.nowMs, this.#report);
      }
      const chosen = selector.select(candidates, context);
      chosen.inFlight++;
      chosen.sentSince++;
      const at = turn % sent.length;
      const done = sent[at]!;
      sent[at] = chosen;
      if (done.inFlight > 0) done.inFlight--;
      if (done.sentSince > 0) done.sentSince--;
      if (whole) {
        selector.sent?.(chosen, context.nowMs);
        selector.answered?.(done, context.nowMs, this.#answer);
      }
    }
  }
}

/** The loop without a decision, to be taken off. */
const nothing: Selector = { name: "jsq", select: (candidates) => candidates[0]! };
const userKeys = Array.from({ length: 1000 }, (_, nth) => `session-${nth}-of-some-length`);
const makers: Readonly<Record<string, () => readonly [Selector, readonly (string | null)[]]>> = {
  nothing: () => [nothing, [null]],
  ...Object.fromEntries(selectorNames.map((name) => [name, () => [createSelector(name), [null]] as const])),
  sticky: () => [new Sticky(createSelector("p2c"), { epsilon: Number.POSITIVE_INFINITY }), userKeys],
  "sticky, bounded": () => [new Sticky(createSelector("p2c"), { overflow: "next" }), userKeys],
};

interface Sample {
  readonly name: string;
  readonly replicas: number;
  readonly selectNs: number;
  readonly wholeNs: number;
  readonly bytes: number;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

/** The median of short slices: what another program took the core for is in few of them. */
function timed(program: Program, times: number, whole: boolean): number {
  const each = Math.ceil(times / slices);
  const ns: number[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const start = process.hrtime.bigint();
    program.run(each, whole);
    ns.push(Number(process.hrtime.bigint() - start) / each);
  }
  return median(ns);
}

function heapGrowth(program: Program, times: number): number {
  const before = process.memoryUsage().heapUsed;
  program.run(times, false);
  return Math.max(0, (process.memoryUsage().heapUsed - before) / times);
}

function measure(count: number): Sample[] {
  const times = Math.round(2_000_000 / (count + 20));
  const samples = new Map<string, { select: number[]; whole: number[]; bytes: number[] }>();
  for (let rep = 0; rep <= reps; rep++) {
    for (const [name, make] of Object.entries(makers)) {
      const [selector, keys] = make();
      const program = new Program(selector, count, keys);
      program.run(Math.min(times, 5000), true);
      const sample = {
        select: timed(program, times, false),
        whole: timed(program, times, true),
        bytes: heapGrowth(program, Math.min(times, 50_000)),
      };
      if (rep === 0) continue; // warms the compiler up
      const all = samples.get(name) ?? { select: [], whole: [], bytes: [] };
      samples.set(name, all);
      all.select.push(sample.select);
      all.whole.push(sample.whole);
      all.bytes.push(sample.bytes);
    }
  }
  const loop = samples.get("nothing")!;
  const less = (of: readonly number[], base: readonly number[]) => Math.round(Math.max(0, median(of) - median(base)));
  return [...samples]
    .filter(([name]) => name !== "nothing")
    .map(([name, { select, whole, bytes }]) => ({
      name,
      replicas: count,
      selectNs: less(select, loop.select),
      wholeNs: less(whole, loop.whole),
      bytes: Math.round(median(bytes)),
    }));
}

/** Milliseconds that a sticky selector takes at the first key after a change of the set. */
function tableMs(count: number): number {
  const members = replicas(count);
  const ms = Array.from({ length: 4 * reps }, () => {
    const start = performance.now();
    new MaglevTable(members, tableSize);
    return performance.now() - start;
  });
  return Number(median(ms).toFixed(2));
}

const samples = counts.flatMap(measure);
const tables = counts.map((count) => ({ replicas: count, ms: tableMs(count) }));
const slow = samples.filter(({ replicas, selectNs }) => replicas === 100 && selectNs > goalNs).map(({ name }) => name);
if (values.json) {
  console.log(JSON.stringify({ reps, node: process.version, goalNs, samples, tables }, null, 2));
} else {
  const cell = (of: Sample) => `${of.selectNs} / ${of.wholeNs}`.padStart(15);
  console.log(`ns a decision: select / whole${" ".repeat(4)}(medians of ${reps}; the loop itself taken off)\n`);
  console.log(`${"replicas".padEnd(16)}${counts.map((count) => String(count).padStart(15)).join("")}  B/decision at 100`);
  for (const name of Object.keys(makers).filter((name) => name !== "nothing")) {
    const row = samples.filter((sample) => sample.name === name);
    console.log(`${name.padEnd(16)}${row.map(cell).join("")}  ${row.find(({ replicas }) => replicas === 100)!.bytes}`);
  }
  console.log(
    `\nms to make a sticky selector's table of ${tableSize}: ${tables.map(({ replicas, ms }) => `${ms} for ${replicas}`).join(", ")}`,
  );
  console.log(`at most ${goalNs} ns a decision at 100 replicas: ${slow.length === 0 ? "met" : `MISSED by ${slow.join(", ")}`}`);
}
