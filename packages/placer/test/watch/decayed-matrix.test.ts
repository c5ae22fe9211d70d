import type { MatrixCell } from "@mitsu/ipc";
import test from "ava";
import fc from "fast-check";
import { DecayedMatrix } from "../../src/watch/decayed-matrix.ts";

const halfLifeMs = 100_000;
const daemon = { pid: 1, startedAtMs: 5 };

function cell(messages: number, bytes: number, over: Partial<MatrixCell> = {}): MatrixCell {
  return { from: "web", to: "redis", connections: 1, bytesOut: bytes, bytesIn: 0, messages, redirectedBytes: bytes, denied: 0, ...over };
}
const rate = (matrix: DecayedMatrix, to = "redis"): [number, number] => {
  const found = matrix.rates().find((one) => one.to === to);
  return [found?.messagesPerSecond ?? 0, found?.bytesPerSecond ?? 0];
};
function near(t: { true(value: boolean, message?: string): void }, value: number, wanted: number): void {
  t.true(Math.abs(value - wanted) <= 1e-6 * Math.max(1, Math.abs(wanted)), `${value} is not ${wanted}`);
}

test("read() of steady traffic is its rate from the second reading on, and stays so", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  t.false(matrix.read(0, daemon, [cell(1e6, 1e9)])); // what there was before is not told as traffic of now
  t.deepEqual(matrix.rates(), []);
  for (let at = 1; at <= 50; at++) {
    t.true(matrix.read(at * 5000, daemon, [cell(1e6 + at * 500, 1e9 + at * 50_000)]));
    near(t, rate(matrix)[0], 100);
    near(t, rate(matrix)[1], 10_000);
  }
  near(t, matrix.coverage, 1 - 2 ** -2.5);
});

test("read() counts traffic of one half-life ago half: after a step up and a half-life, half of the step is seen", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, [cell(0, 0)]);
  const sent = (at: number): number => 50 * Math.min(at, 1000) + 150 * Math.max(0, at - 1000);
  for (let at = 1; at <= 1000; at++) matrix.read(at * 5000, daemon, [cell(sent(at), sent(at))]);
  near(t, rate(matrix)[0], 10);
  for (let at = 1001; at <= 1020; at++) matrix.read(at * 5000, daemon, [cell(sent(at), sent(at))]);
  near(t, rate(matrix)[0], 20);
});

test("read() does not depend on how often it is read, in steady traffic", (t) => {
  const often = new DecayedMatrix(halfLifeMs);
  const seldom = new DecayedMatrix(halfLifeMs);
  for (let at = 0; at <= 120; at++) often.read(at * 1000, daemon, [cell(at * 7, at * 70)]);
  for (let at = 0; at <= 4; at++) seldom.read(at * 30_000, daemon, [cell(at * 210, at * 2100)]);
  near(t, often.coverage, seldom.coverage);
  near(t, rate(often)[0], rate(seldom)[0]);
});

test("read() keeps every rate between the least and the most that was seen, and coverage between 0 and 1", (t) => {
  const readings = fc.array(
    fc.record({ pauseMs: fc.integer({ min: 1, max: 400_000 }), perSecond: fc.double({ min: 0, max: 1e6, noNaN: true }) }),
    {
      minLength: 1,
      maxLength: 50,
    },
  );
  const property = fc.property(readings, (all) => {
    const matrix = new DecayedMatrix(halfLifeMs);
    let [at, bytes] = [0, 0];
    matrix.read(at, daemon, [cell(0, 0)]);
    for (const { pauseMs, perSecond } of all) {
      at += pauseMs;
      bytes += (perSecond * pauseMs) / 1000;
      matrix.read(at, daemon, [cell(0, bytes)]);
    }
    const seen = all.map(({ perSecond }) => perSecond);
    const [, now] = rate(matrix);
    t.true(now >= Math.min(...seen) * (1 - 1e-6) - 1e-3 && now <= Math.max(...seen) * (1 + 1e-6) + 1e-3);
    t.true(matrix.coverage > 0 && matrix.coverage <= 1);
  });
  fc.assert(property, { seed: 1, numRuns: 300 });
});

test("away() halves every rate in a half-life, coverage stays, and the first reading after it is only a beginning", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, [cell(0, 0)]);
  matrix.read(5000, daemon, [cell(500, 5000)]);
  const { coverage } = matrix;
  for (let at = 1; at <= 20; at++) matrix.away(5000 + at * 5000);
  near(t, rate(matrix)[0], 50);
  t.is(matrix.coverage, coverage);
  t.false(matrix.read(106_000, daemon, [cell(1e9, 1e12)])); // all that passed meanwhile is not traffic of one interval
  t.true(rate(matrix)[0] < 50);
  t.true(matrix.read(111_000, daemon, [cell(1e9 + 500, 1e12 + 5000)]));
  const [now] = rate(matrix);
  t.true(now > 50 && now <= 100, `${now}`);
});

test("read() of a daemon that was started again takes its counters as a beginning, whether they began at 0 or were kept", (t) => {
  for (const after of [0, 1e6, 2e6]) {
    const matrix = new DecayedMatrix(halfLifeMs);
    matrix.read(0, daemon, [cell(1e6, 1e7)]);
    matrix.read(5000, daemon, [cell(1e6 + 500, 1e7 + 5000)]);
    t.false(matrix.read(10_000, { pid: 2, startedAtMs: 6 }, [cell(after, after * 10)]));
    matrix.read(15_000, { pid: 2, startedAtMs: 6 }, [cell(after + 500, after * 10 + 5000)]);
    const [messages] = rate(matrix);
    t.true(messages > 90 && messages <= 100 + 1e-6, `${messages}`);
  }
});

test("read() of a counter that dips while a connection closes counts nothing twice", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, [cell(0, 0)]);
  for (const [index, bytes] of [1e9, 0.6e9, 1e9, 0.9e9, 1e9].entries())
    matrix.read((index + 1) * 5000, daemon, [cell(0, bytes, { redirectedBytes: 0 })]);
  // All that ever passed is 1e9 bytes; the weights of later intervals are a little larger than those of the first.
  t.true(rate(matrix)[1] <= 1e9 / 25);
});

test("read() of a counter that began anew, or of a pair that came back, counts from there", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, [cell(1e6, 1e9)]);
  matrix.read(5000, daemon, [cell(10, 100)]);
  t.deepEqual(rate(matrix), [0, 0]);
  matrix.read(10_000, daemon, [cell(510, 5100)]);
  near(t, rate(matrix)[0] / 100, 0.5 * (1 + (2 ** 0.05 - 1) / (2 ** 0.05 + 1)));
  const before = rate(matrix)[0];
  matrix.read(15_000, daemon, []);
  matrix.read(20_000, daemon, [cell(1e9, 1e12)]);
  t.true(rate(matrix)[0] < before);
});

test("read() counts a pair that is new from its first byte", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, []);
  matrix.read(5000, daemon, [cell(500, 5000)]);
  near(t, rate(matrix)[0], 100);
});

test("read() makes messages of bytes that went by TCP: by the pair's mean length, else by all pairs', else 1 KiB", (t) => {
  const tcp = { redirectedBytes: 0, to: "db" };
  const alone = new DecayedMatrix(halfLifeMs);
  alone.read(0, daemon, [cell(0, 0, tcp)]);
  alone.read(1000, daemon, [cell(0, 102_400, tcp)]);
  near(t, rate(alone, "db")[0], 100);

  const others = new DecayedMatrix(halfLifeMs);
  others.read(0, daemon, [cell(100, 10_000), cell(0, 0, tcp)]);
  others.read(1000, daemon, [cell(100, 10_000), cell(0, 102_400, tcp)]);
  near(t, rate(others, "db")[0], 1024);

  const own = new DecayedMatrix(halfLifeMs);
  own.read(0, daemon, [cell(10, 2000, { bytesIn: 1000, to: "db" })]);
  own.read(1000, daemon, [cell(15, 3000, { bytesIn: 5000, to: "db" })]); // 5 messages of 200 B, and 4000 B by TCP
  near(t, rate(own, "db")[0], 5 + 4000 / 200);
});

test("keep() and the constructor carry an estimate over a restart, and decay() the time between", (t) => {
  const first = new DecayedMatrix(halfLifeMs);
  first.read(0, daemon, [cell(0, 0)]);
  first.read(50_000, daemon, [cell(5000, 50_000)]);
  const second = new DecayedMatrix(halfLifeMs, JSON.parse(JSON.stringify(first.keep())) as ReturnType<DecayedMatrix["keep"]>);
  t.is(second.coverage, first.coverage);
  t.deepEqual(second.rates(), first.rates());
  second.decay(7_000_000 - 100_000);
  second.decay(7_000_000);
  near(t, rate(second)[0], 50);
  second.decay(6_000_000); // a clock that goes back is no time that passed
  near(t, rate(second)[0], 50);
});

test("a pair that has been silent for long is forgotten", (t) => {
  const matrix = new DecayedMatrix(halfLifeMs);
  matrix.read(0, daemon, [cell(0, 0)]);
  matrix.read(5000, daemon, [cell(5, 50)]);
  matrix.away(5000 + 40 * halfLifeMs);
  t.deepEqual(matrix.rates(), []);
});
