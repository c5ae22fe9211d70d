import test from "ava";
import fc from "fast-check";
import { type FigureKind, readFigure, writeFigure } from "../../src/problem/figure.ts";

for (const [text, kind, figure] of [
  [0.5, "cores", 0.5],
  ["500m", "cores", 0.5],
  ["2", "cores", 2],
  [0, "bytes", 0],
  ["0", "bytes", 0],
  ["256MiB", "bytes", 2 ** 28],
  ["256 MiB", "bytes", 2 ** 28],
  ["256Mi", "bytes", 2 ** 28],
  ["1.5GB", "bytes", 1.5e9],
  ["1.5gib", "bytes", 1.5 * 2 ** 30],
  ["100k", "bytes", 1e5],
  ["12B", "bytes", 12],
  ["1200/s", "messages/s", 1200],
  ["1.2k/s", "messages/s", 1200],
  ["90/min", "messages/s", 1.5],
  ["3.4MB/s", "bytes/s", 3.4e6],
  ["60KiB/min", "bytes/s", 1024],
  ["3.3us", "seconds", 3.3e-6],
  ["3.3µs", "seconds", 3.3e-6],
  ["0.1ns", "seconds", 1e-10],
  ["2ms", "seconds", 0.002],
  [0.0123, "share", 0.0123],
  [7, "count", 7],
] as const) {
  test(`readFigure() reads ${JSON.stringify(text)} as ${figure} (${kind})`, (t) => {
    t.is(readFigure(text, kind), figure);
  });
}

for (const [text, kind, says] of [
  [256, "bytes", "256 needs a unit: 256MiB?"],
  ["256", "bytes", '"256" needs a unit: 256MiB?'],
  [1200, "messages/s", "1200 needs a unit: 1200/s?"],
  ["1200", "messages/s", '"1200" needs a unit: 1200/s?'],
  ["3MB", "bytes/s", '"3MB" needs a unit: 3MB/s?'],
  ["5/s", "bytes/s", '"5/s" needs a unit: 5MB/s?'],
  [3, "seconds", "3 needs a unit: 3us?"],
  [-1, "cores", "-1 is negative; give 0 or more"],
  ["-5MiB", "bytes", '"-5MiB" is negative; give 0 or more'],
  [Number.NaN, "cores", "NaN is not a figure; write cores or thousandths of them, such as 0.5 or 500m"],
  [Number.POSITIVE_INFINITY, "share", "Infinity is not a figure; write a plain number, a share of the whole cluster"],
  ["1e400", "cores", '"1e400" is too large; at most 1e+21'],
  ["1e400MiB", "bytes", '"1e400MiB" is too large; at most 1e+21'],
  ["5 apples", "count", '"5 apples" has no unit that is known; write a plain number'],
  ["5m", "bytes", '"5m" has no unit that is known; write a size with its unit, such as 256MiB or 1.5GB'],
  ["5MiB", "cores", '"5MiB" has no unit that is known; write cores or thousandths of them, such as 0.5 or 500m'],
  ["5constructor", "bytes", '"5constructor" has no unit that is known; write a size with its unit, such as 256MiB or 1.5GB'],
  ["3/h", "messages/s", '"3/h" has no unit that is known; write a rate, such as 1200/s'],
  ["", "cores", '"" is not a figure; write cores or thousandths of them, such as 0.5 or 500m'],
] as const) {
  test(`readFigure() refuses ${JSON.stringify(text)} for ${kind}`, (t) => {
    t.is(readFigure(text, kind), says);
  });
}

test("writeFigure() uses the largest unit of few digits", (t) => {
  t.deepEqual(
    [2 ** 28, 1.5 * 2 ** 30, 1e9, 1234567, 0].map((value) => writeFigure(value, "bytes")),
    ["256MiB", "1.5GiB", "1GB", "1234567B", 0],
  );
  t.deepEqual(
    [3.3e-6, 5e-10, 1].map((value) => writeFigure(value, "seconds")),
    ["3.3us", "0.5ns", "1s"],
  );
  t.deepEqual([writeFigure(3.4e6, "bytes/s"), writeFigure(0.125, "messages/s"), writeFigure(0.5, "cores")], ["3.4MB/s", "0.125/s", 0.5]);
});

test("readFigure() reads what writeFigure() writes, to the last bit", (t) => {
  const kinds: FigureKind[] = ["cores", "bytes", "count", "share", "messages/s", "bytes/s", "seconds"];
  const value = fc.oneof(fc.double({ min: 0, max: 1e15, noNaN: true }), fc.nat(), fc.double({ min: 0, max: 1e-5, noNaN: true }));
  fc.assert(
    fc.property(value, fc.constantFrom(...kinds), (figure, kind) => readFigure(writeFigure(figure, kind), kind) === figure),
    { seed: 1, numRuns: 3000 },
  );
  t.pass();
});

test("readFigure() makes 0 of -0", (t) => {
  t.true(Object.is(readFigure(-0, "count"), 0));
});
