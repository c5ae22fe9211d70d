/** Replicas whose state a test sets, and random numbers that repeat. @module */
import type { Answer, Candidate, Report } from "../src/candidate.ts";
import type { SelectionContext } from "../src/selector.ts";

/** A candidate that can be written to. */
export type CandidateDouble = { -readonly [Field in keyof Candidate]: Candidate[Field] };

/** An idle replica of weight 1 that nothing is known of, but for what `told` says. */
export function candidateDouble(nth: number, told: Partial<Candidate> = {}): CandidateDouble {
  return {
    key: `10.0.${nth >> 8}.${nth & 255}:80`,
    weight: 1,
    here: false,
    inFlight: 0,
    reportedInFlight: 0,
    reportedServiceMs: 0,
    workers: 1,
    reportedAtMs: Number.NEGATIVE_INFINITY,
    sentSince: 0,
    latencyMs: 0,
    ramp: 1,
    failures: 0,
    ...told,
  };
}

/** Several of them. */
export const candidateDoubles = (several: readonly Partial<Candidate>[]): CandidateDouble[] =>
  several.map((told, nth) => candidateDouble(nth, told));

/** A context at time 0 of one client, without a key. */
export const contextOf = (random: () => number, told: Partial<SelectionContext> = {}): SelectionContext => ({
  nowMs: 0,
  random,
  clients: 1,
  stickyKey: null,
  ...told,
});

/** These numbers one after the other, then an error. */
export function scripted(...numbers: readonly number[]): () => number {
  let at = 0;
  return () => {
    const number = numbers[at++];
    if (number === undefined) throw new Error(`more than ${numbers.length} random numbers were drawn`);
    return number;
  };
}

/** Numbers that a seed repeats; source: Tommy Ettinger's mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A good answer. */
export const answerOf = (latencyMs: number, report: Report | null = null): Answer => ({ latencyMs, ok: true, report });

/** How often each is chosen in so many decisions, in which nothing changes. */
export function countChoices(candidates: readonly Candidate[], times: number, choose: () => Candidate): number[] {
  const counts = new Map<Candidate, number>(candidates.map((candidate) => [candidate, 0]));
  for (let nth = 0; nth < times; nth++) {
    const chosen = choose();
    counts.set(chosen, counts.get(chosen)! + 1);
  }
  return [...counts.values()];
}

/** Whether a count is within five standard deviations of its share: by chance one in a million is not, and seeds are fixed. */
export const near = (count: number, times: number, share: number): boolean =>
  Math.abs(count - share * times) <= 5 * Math.sqrt(times * share * (1 - share)) + 1;
