import test from "ava";
import fc from "fast-check";
import type { Candidate } from "../src/candidate.ts";
import { type Selector, type SelectorName, selectorNames } from "../src/selector.ts";
import { createSelector } from "../src/selectors.ts";
import { Sticky } from "../src/sticky/sticky.ts";
import { type CandidateDouble, candidateDoubles, countChoices, near, seeded } from "./candidate-double.ts";

/** Those that give idle replicas shares as their weights; the others go by what they measure. */
const byWeight: readonly SelectorName[] = ["mitsu", "round-robin", "random", "weighted", "least-request", "p2c"];
/** Those that look at no load. */
const blind: readonly SelectorName[] = ["round-robin", "random", "weighted"];

/** A program that sends requests which are answered at once: what is in flight does not change, but reports, answers and probes come. */
class Sender {
  readonly #selector: Selector;
  readonly #random: () => number;
  #nowMs = 1000;

  constructor(selector: Selector, seed: number) {
    this.#selector = selector;
    this.#random = seeded(seed);
  }

  /** One request, with a fresh report of every replica before it. */
  send(candidates: readonly CandidateDouble[]): CandidateDouble {
    const selector = this.#selector;
    const nowMs = this.#nowMs++;
    for (const candidate of candidates) candidate.reportedAtMs = nowMs;
    const context = { nowMs, random: this.#random, clients: 3, stickyKey: null };
    for (const candidate of selector.probes?.(candidates, context) ?? []) selector.probed?.(candidate, nowMs, reportOf(candidate));
    const chosen = selector.select(candidates, context);
    selector.sent?.(chosen, nowMs);
    const report = reportOf(chosen);
    selector.answered?.(chosen, nowMs, { latencyMs: report.latencyMs, ok: true, report });
    return chosen;
  }
}

const reportOf = ({ reportedInFlight, reportedServiceMs }: Candidate) => ({
  inFlight: reportedInFlight,
  latencyMs: reportedServiceMs * (reportedInFlight + 1),
  serviceMs: reportedServiceMs,
  workers: 0,
});

/** A replica with so many requests in flight, as all see them: each takes 10 ms. */
const loaded = (inFlight: number, told: Partial<Candidate> = {}): Partial<Candidate> => ({
  inFlight,
  reportedInFlight: inFlight,
  reportedServiceMs: 10,
  latencyMs: 10 * (inFlight + 1),
  ...told,
});

const extremes = [0, 1, 0.001, -1, 1e308, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
const extreme = fc.constantFrom(...extremes);
const anyCandidate: fc.Arbitrary<Partial<Candidate>> = fc.record({
  weight: extreme,
  here: fc.boolean(),
  inFlight: extreme,
  reportedInFlight: extreme,
  reportedServiceMs: extreme,
  workers: extreme,
  reportedAtMs: extreme,
  sentSince: extreme,
  latencyMs: extreme,
  ramp: extreme,
  failures: extreme,
});

for (const name of selectorNames) {
  test(`${name} chooses one of the candidates and never throws, whatever the figures`, (t) => {
    fc.assert(
      fc.property(fc.array(anyCandidate, { minLength: 1, maxLength: 8 }), extreme, extreme, fc.integer(), (told, nowMs, clients, seed) => {
        const candidates = candidateDoubles(told);
        const selector = createSelector(name);
        const sticky = new Sticky(createSelector(name), { overflow: "next", tableSize: 251 });
        const random = seeded(seed);
        for (let nth = 0; nth < 12; nth++) {
          const context = { nowMs, random, clients, stickyKey: nth % 2 === 0 ? null : `key-${nth}` };
          for (const probed of selector.probes?.(candidates, context) ?? []) selector.probed?.(probed, nowMs, reportOf(probed));
          const chosen = selector.select(candidates, context);
          t.true(candidates.includes(chosen));
          t.true(candidates.includes(sticky.select(candidates, context)));
          selector.sent?.(chosen, nowMs);
          const { latencyMs } = chosen;
          selector.answered?.(chosen, nowMs, { latencyMs, ok: nth % 3 > 0, report: nth % 2 === 0 ? null : reportOf(chosen) });
        }
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  test(`${name} starves no replica: equally loaded, each is chosen`, (t) => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 5 }), fc.integer(), (some, busy, seed) => {
        // The same for each replica; for those that compare over weight, the same for each unit of it.
        const candidates = candidateDoubles(some.map((weight) => loaded(byWeight.includes(name) ? weight * busy : busy, { weight })));
        const sender = new Sender(createSelector(name), seed);
        const counts = countChoices(candidates, 1500, () => sender.send(candidates));
        t.true(
          counts.every((count) => count > 0),
          `weights ${some}, ${busy} in flight: ${counts}`,
        );
      }),
      { seed: 7, numRuns: 25 },
    );
  });

  test(`${name} never chooses a replica more often because its load rises`, (t) => {
    const times = 2000;
    const loads = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(loads, fc.integer({ min: 1, max: 10 }), fc.nat(), fc.integer(), (inFlights, more, which, seed) => {
        const count = (extra: number) => {
          const candidates = candidateDoubles(
            inFlights.map((inFlight, nth) => loaded(inFlight + (nth === which % inFlights.length ? extra : 0))),
          );
          const sender = new Sender(createSelector(name), seed);
          return countChoices(candidates, times, () => sender.send(candidates))[which % inFlights.length]!;
        };
        const [before, after] = [count(0), count(more)];
        // Both are chance: five standard deviations of their difference.
        const share = before / times;
        t.true(
          after <= before + 5 * Math.sqrt(2 * times * share * (1 - share)) + 5,
          `${inFlights}, ${more} more: ${before}, then ${after}`,
        );
        if (blind.includes(name)) t.true(Math.abs(after - before) <= 5 * Math.sqrt(2 * times * share * (1 - share)) + 5);
      }),
      { seed: 7, numRuns: 25 },
    );
  });
}

for (const name of byWeight) {
  test(`${name} gives idle replicas shares as their weight × ramp`, (t) => {
    // By ratios alone: 1 is usual in mesh.yaml, 100 in the kernel.
    const some = fc.record({ weight: fc.integer({ min: 1, max: 9 }), ramp: fc.constantFrom(0.1, 0.5, 1, 1) });
    const times = 4000;
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 100, 1e-3), fc.integer(), (several, unit, seed) => {
        const told = several.map(({ weight, ramp }) => ({ weight: weight * unit, ramp }));
        const sum = told.reduce((total, { weight, ramp }) => total + weight * ramp, 0);
        const candidates = candidateDoubles(told);
        const sender = new Sender(createSelector(name), seed);
        const counts = countChoices(candidates, times, () => sender.send(candidates));
        for (const [nth, { weight, ramp }] of told.entries()) {
          t.true(near(counts[nth]!, times, (weight * ramp) / sum), `${JSON.stringify(told)}: ${counts}`);
        }
      }),
      { seed: 7, numRuns: 40 },
    );
  });
}

test("round-robin chooses each as often as it weighs in every round", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), (weights) => {
      const candidates = candidateDoubles(weights.map((weight) => ({ weight })));
      const sender = new Sender(createSelector("round-robin"), 1);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      for (let round = 0; round < 3; round++)
        t.deepEqual(
          countChoices(candidates, sum, () => sender.send(candidates)),
          weights,
        );
    }),
    { seed: 7, numRuns: 100 },
  );
});
