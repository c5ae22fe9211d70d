import test from "ava";
import type { Candidate } from "../../src/candidate.ts";
import type { Selector } from "../../src/selector.ts";
import { peakEwma } from "../../src/selectors/peak-ewma.ts";
import { answerOf, candidateDoubles, contextOf, scripted } from "../candidate-double.ts";

/** Draws the first, then the second: the second is chosen when its load is lower. */
const choose = (selector: Selector, candidates: readonly Candidate[], nowMs: number) =>
  candidates.indexOf(selector.select(candidates, contextOf(scripted(0), { nowMs })));

test("peakEwma() jumps to a peak and decays by e^(−Δt/τ)", (t) => {
  // 100 ms at 0; 10 s later, which is τ, 10 ms: 100 × e⁻¹ + 10 × (1 − e⁻¹) = 43.109.
  for (const [rival, chosen] of [
    [43.1, 1],
    [43.12, 0],
  ] as const) {
    const selector = peakEwma();
    const [one, other] = candidateDoubles([{}, {}]);
    selector.answered!(one!, 0, answerOf(100));
    selector.answered!(one!, 10_000, answerOf(10));
    selector.answered!(other!, 10_000, answerOf(rival));
    t.is(choose(selector, [one!, other!], 10_000), chosen, String(rival));
  }
});

test("peakEwma() lets the cost decay while it is only looked at", (t) => {
  // 100 ms at 0, looked at after 5 s and after 10 s: 100 × e⁻¹ = 36.788 either way.
  for (const [rival, chosen] of [
    [36.78, 1],
    [36.8, 0],
  ] as const) {
    const selector = peakEwma();
    const candidates = candidateDoubles([{}, {}]);
    selector.answered!(candidates[0]!, 0, answerOf(100));
    choose(selector, candidates, 5000);
    selector.answered!(candidates[1]!, 10_000, answerOf(rival));
    t.is(choose(selector, candidates, 10_000), chosen, String(rival));
  }
});

test("peakEwma() multiplies the cost by requests in flight + 1", (t) => {
  for (const [rival, chosen] of [
    [119.9, 1],
    [120.1, 0],
  ] as const) {
    const selector = peakEwma();
    const candidates = candidateDoubles([{ inFlight: 2 }, {}]);
    selector.answered!(candidates[0]!, 0, answerOf(40));
    selector.answered!(candidates[1]!, 0, answerOf(rival));
    t.is(choose(selector, candidates, 0), chosen, String(rival));
  }
});

for (const { options, rtt } of [
  { options: {}, rtt: 30 },
  { options: { "default-rtt-ms": 50 }, rtt: 50 },
]) {
  test(`peakEwma() takes ${rtt} ms for one that never answered with ${JSON.stringify(options)}`, (t) => {
    for (const [requests, chosen] of [
      [1, 1],
      [2, 0],
    ] as const) {
      const selector = peakEwma(options);
      // Against 1.2 times the cost of the new one, whose load is its cost times 1 and times 2.
      const candidates = candidateDoubles([{}, { inFlight: requests - 1 }]);
      selector.answered!(candidates[0]!, 0, answerOf(rtt * 1.2));
      t.is(choose(selector, candidates, 0), chosen);
    }
  });
}

test("peakEwma() forgets faster with a shorter `decay-ms`: 1000 × e⁻⁵ = 6.738", (t) => {
  for (const [rival, chosen] of [
    [6.73, 1],
    [6.75, 0],
  ] as const) {
    const selector = peakEwma({ "decay-ms": 100, "default-rtt-ms": 1 });
    const candidates = candidateDoubles([{}, {}]);
    selector.answered!(candidates[0]!, 0, answerOf(1000));
    selector.answered!(candidates[1]!, 500, answerOf(rival));
    t.is(choose(selector, candidates, 500), chosen);
  }
});

test("peakEwma() keeps what it knows of a replica when the set changes", (t) => {
  const selector = peakEwma();
  const candidates = candidateDoubles([{}, {}]);
  selector.answered!(candidates[0]!, 0, answerOf(500));
  t.is(choose(selector, candidates, 0), 1);
  t.is(choose(selector, [...candidates], 0), 1);
});

test("peakEwma() bears a clock that goes back: 50 ms stay 50 ms", (t) => {
  for (const [rival, chosen] of [
    [49.9, 1],
    [50.1, 0],
  ] as const) {
    const selector = peakEwma();
    const candidates = candidateDoubles([{}, {}]);
    selector.answered!(candidates[0]!, 1000, answerOf(50));
    selector.answered!(candidates[0]!, 0, answerOf(1));
    selector.answered!(candidates[1]!, 0, answerOf(rival));
    t.is(choose(selector, candidates, 0), chosen);
  }
});
