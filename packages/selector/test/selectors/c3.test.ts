import test from "ava";
import type { Candidate } from "../../src/candidate.ts";
import type { Selector } from "../../src/selector.ts";
import { c3 } from "../../src/selectors/c3.ts";
import { answerOf, candidateDoubles, contextOf, countChoices, near, scripted, seeded } from "../candidate-double.ts";

const says = (latencyMs: number, serviceMs: number, inFlight: number) =>
  answerOf(latencyMs, { inFlight, latencyMs: 0, serviceMs, workers: 0 });
const choose = (selector: Selector, candidates: readonly Candidate[], clients = 1) =>
  candidates.indexOf(selector.select(candidates, contextOf(scripted(), { clients })));

for (const { title, inFlight, rival, psi } of [
  // R̄ 20, 1/μ̄ 4, q̄ 3, two clients. The rival: 1/μ̄ 10, q̄ 1, so Ψ = R̄ − 10 + 2³ × 10 = R̄ + 70.
  { title: "20 − 4 + (1 + 3)³ × 4 = 272", inFlight: 0, rival: 202, psi: 272 },
  { title: "with one in flight 20 − 4 + (1 + 1 × 2 + 3)³ × 4 = 880", inFlight: 1, rival: 810, psi: 880 },
]) {
  test(`c3() ranks by R̄ − 1/μ̄ + q̂³/μ̄: ${title}`, (t) => {
    t.is(rival + 70, psi);
    for (const [more, chosen] of [
      [-0.1, 1],
      [0.1, 0],
    ] as const) {
      const selector = c3();
      const candidates = candidateDoubles([{ inFlight }, {}]);
      selector.answered!(candidates[0]!, 0, says(20, 4, 3));
      selector.answered!(candidates[1]!, 0, says(rival + more, 10, 1));
      t.is(choose(selector, candidates, 2), chosen);
    }
  });
}

test("c3() smooths with 0.9 for the newest: Ψ = 11 − 2.2 + 1.3³ × 2.2 = 13.633", (t) => {
  for (const [rival, chosen] of [
    [13.63, 1],
    [13.64, 0],
  ] as const) {
    const selector = c3();
    const candidates = candidateDoubles([{}, {}]);
    selector.answered!(candidates[0]!, 0, says(20, 4, 3));
    selector.answered!(candidates[0]!, 0, says(10, 2, 0));
    // Ψ = R̄ − 1 + 1 = R̄
    selector.answered!(candidates[1]!, 0, says(rival, 1, 0));
    t.is(choose(selector, candidates), chosen);
  }
});

test("c3() takes latency for service time where a replica says nothing: Ψ = q̂³ R̄", (t) => {
  for (const [rival, chosen] of [
    [79, 1],
    [81, 0],
  ] as const) {
    const selector = c3();
    const candidates = candidateDoubles([{ inFlight: 1 }, {}]);
    selector.answered!(candidates[0]!, 0, answerOf(10));
    selector.answered!(candidates[1]!, 0, answerOf(rival));
    t.is(choose(selector, candidates), chosen, "8 × 10 = 80");
  }
});

test("c3() tries a replica that never answered, but does not send everything there", (t) => {
  const selector = c3();
  const candidates = candidateDoubles([{}, {}]);
  selector.answered!(candidates[1]!, 0, says(10, 10, 0));
  t.is(choose(selector, candidates), 0);
  candidates[0]!.inFlight = 2;
  t.is(choose(selector, candidates), 1, "3³ × 1 is more than 10");
  candidates[0]!.reportedServiceMs = 0.1;
  t.is(choose(selector, candidates), 0, "3³ × 0.1 is less");
});

test("c3() counts what is in flight 1/ramp times while a replica is slow-started", (t) => {
  const selector = c3();
  const candidates = candidateDoubles([{ inFlight: 1, ramp: 0.25 }, { inFlight: 3 }]);
  for (const candidate of candidates) selector.answered!(candidate, 0, says(10, 10, 0));
  t.is(choose(selector, candidates), 1, "5³ is more than 4³");
  candidates[0]!.ramp = 0.5;
  t.is(choose(selector, candidates), 0, "3³ is less");
});

test("c3() takes any of those that tie", (t) => {
  const candidates = candidateDoubles([{}, {}, {}, {}]);
  const selector = c3();
  const context = contextOf(seeded(1));
  const counts = countChoices(candidates, 4000, () => selector.select(candidates, context));
  for (const count of counts) t.true(near(count, 4000, 0.25), String(counts));
});
