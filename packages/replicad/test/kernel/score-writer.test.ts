import { type Candidate, type Score, takesNoneScore } from "@mitsu/selector";
import test from "ava";
import { ConnectRate } from "../../src/kernel/connect-rate.ts";
import { type ScoredCandidate, ScoreWriter } from "../../src/kernel/score-writer.ts";

const options = { remoteCostMs: 0.1, staleMs: 150, failurePenalty: 10 };
const nowMs = 5000;

/** Remembers what was written last. */
class MapDouble {
  readonly scores: Record<number, string> = {};
  readonly chosen: Record<number, number> = {};
  readonly totals: Record<number, number> = {};
  untilMs = 0;

  write(id: number, { score, each }: Score, untilMs: number): void {
    this.scores[id] = `${score === takesNoneScore ? "none" : score} + ${each}`;
    this.untilMs = untilMs;
  }
  choices(frontend: number, d: number): void {
    this.chosen[frontend] = d;
  }
  total(id: number): number {
    return this.totals[id] ?? 0;
  }
}

function scored(id: number, told: Partial<Candidate> = {}, takesNone = false): ScoredCandidate {
  return {
    id,
    takesNone,
    candidate: {
      key: `10.0.0.${id}:80`,
      weight: 1,
      here: true,
      inFlight: 0,
      reportedInFlight: 0,
      reportedServiceMs: 5,
      workers: 1,
      reportedAtMs: nowMs,
      sentSince: 0,
      latencyMs: 0,
      ramp: 1,
      failures: 0,
      ...told,
    },
  };
}

const batch = { frontend: 3, clients: 4, nowMs, options };

test("ScoreWriter.write() scores by cost for one second, and means are of those that take requests", (t) => {
  const map = new MapDouble();
  const candidates = [scored(1), scored(2, { reportedInFlight: 2 }), scored(3, { reportedServiceMs: 500 }, true)];
  new ScoreWriter(map).write({ ...batch, candidates });
  t.deepEqual(map.scores, { 1: "0 + 1024", 2: "2048 + 1024", 3: "none + 1024" });
  t.is(map.untilMs, nowMs + 1000);
});

test("ScoreWriter.write() by the kernel's own counts, or by none, still spares those that take none", (t) => {
  const map = new MapDouble();
  const writer = new ScoreWriter(map);
  const candidates = [scored(1), scored(2, { weight: 4, reportedInFlight: 9 }), scored(3, {}, true)];
  writer.write({ ...batch, candidates, rule: "least" });
  t.deepEqual(map.scores, { 1: "0 + 1024", 2: "0 + 256", 3: "none + 1024" });
  t.is(map.chosen[3], 2);
  writer.write({ ...batch, candidates, rule: "random" });
  t.deepEqual(map.scores, { 1: "0 + 0", 2: "0 + 0", 3: "none + 1024" });
  t.is(map.chosen[3], 16);
});

test("ScoreWriter.write() has fewer compared the more requests others send before the next report; all without reports; as told in any case", (t) => {
  const map = new MapDouble();
  const writer = new ScoreWriter(map);
  const all = (ageMs: number) => Array.from({ length: 20 }, (_, id) => scored(id, { reportedAtMs: nowMs - ageMs }));
  const choicesAt = (ageMs: number, afterMs: number): number => {
    writer.write({ ...batch, candidates: all(ageMs - afterMs), nowMs: nowMs + afterMs });
    return map.chosen[3]!;
  };
  t.is(choicesAt(10, 0), 16, "no connection was seen yet");
  map.totals[0] = 10_000;
  t.is(choicesAt(1, 10_000), 7, "1 each millisecond, by 3 others, 1 ms old: 3 of 20");
  t.is(choicesAt(5, 10_000), 2);
  t.is(choicesAt(150, 10_000), 16, "too old: the kernel's own counts are nobody else's");
  writer.write({ ...batch, candidates: all(0), choices: 9 });
  t.is(map.chosen[3], 9);
});

test("ScoreWriter.write() of no replicas, and of none that takes requests, writes what there is", (t) => {
  const map = new MapDouble();
  new ScoreWriter(map).write({ ...batch, candidates: [] });
  t.deepEqual(map.scores, {});
  new ScoreWriter(map).write({ ...batch, candidates: [scored(1, {}, true)] });
  t.deepEqual(map.scores, { 1: "none + 1024" });
});

test("ConnectRate.at() is the mean of about a second, and takes a count that fell for a new beginning", (t) => {
  const rate = new ConnectRate();
  t.is(rate.at(100, 0), 0);
  t.is(rate.at(100, 0), 0, "no time has passed");
  for (let ms = 10; ms <= 5000; ms += 10) rate.at(100 + 2 * ms, ms);
  const steady = rate.at(10_100, 5000);
  t.true(Math.abs(steady - 2) < 0.02, `${steady} a millisecond`);
  t.is(rate.at(3, 5010), steady);
  t.true(Math.abs(rate.at(23, 5020) - 2) < 0.03);
});
