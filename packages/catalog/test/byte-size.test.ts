import test from "ava";
import fc from "fast-check";
import { formatByteSize, largestBytes, parseByteSize } from "../src/byte-size.ts";

for (const [size, bytes] of [
  [0, 0],
  [1500, 1500],
  ["64KiB", 65_536],
  ["64kib", 65_536],
  ["1MB", 1_000_000],
  ["1mb", 1_000_000],
  ["1.5MiB", 1_572_864],
  ["10B", 10],
  ["2GiB", 2_147_483_648],
  ["3GB", 3_000_000_000],
  ["1.1kB", 1100],
  ["1024GiB", largestBytes],
  ["1025GiB", undefined],
  ["0.3B", undefined],
  ["1M", undefined],
  ["1 MB", undefined],
  ["10", undefined],
  ["-1B", undefined],
  ["", undefined],
  [-1, undefined],
  [1.5, undefined],
  [Number.NaN, undefined],
] as const) {
  test(`parseByteSize() takes ${JSON.stringify(size)} for ${bytes}`, (t) => {
    t.is(parseByteSize(size), bytes);
  });
}

test("formatByteSize() takes the largest unit that needs no fraction", (t) => {
  t.deepEqual([0, 1, 1000, 1024, 1500, 65_536, 1_000_000, 2 ** 30].map(formatByteSize), [
    "0B",
    "1B",
    "1kB",
    "1KiB",
    "1500B",
    "64KiB",
    "1MB",
    "1GiB",
  ]);
});

test("parseByteSize() gives back what formatByteSize() wrote", (t) => {
  fc.assert(
    fc.property(fc.nat(2_000_000_000), (bytes) => parseByteSize(formatByteSize(bytes)) === bytes),
    { seed: 12 },
  );
  t.pass();
});
