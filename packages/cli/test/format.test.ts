import test from "ava";
import { formatBytes, formatDuration, formatRate } from "../src/mod.ts";

test("formatBytes() uses binary units and three digits", (t) => {
  const cases = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024 * 1024 - 1, "1.00 MiB"],
    [1000, "1000 B"],
    [1536, "1.50 KiB"],
    [10240, "10.0 KiB"],
    [2n ** 30n, "1.00 GiB"],
    [-2048, "-2.00 KiB"],
  ] as const;
  for (const [bytes, text] of cases) t.is(formatBytes(bytes), text);
});

test("formatDuration() takes nanoseconds up to days", (t) => {
  const cases = [
    [0, "0 ns"],
    [999, "999 ns"],
    [1_250_000, "1.25 ms"],
    [999_990, "1.00 ms"],
    [59.4e9, "59.4 s"],
    [61e9, "1m01s"],
    [3_720e9, "1h02m"],
    [90_000e9, "1d01h"],
    [5_000_000_000n, "5.00 s"],
  ] as const;
  for (const [ns, text] of cases) t.is(formatDuration(ns), text);
});

test("formatRate() uses decimal units", (t) => {
  const cases = [
    [142_000, "req", "142 kreq/s"],
    [12, "req", "12 req/s"],
    [1_500_000, "", "1.50 M/s"],
    [5, "", "5/s"],
  ] as const;
  for (const [rate, unit, text] of cases) t.is(formatRate(rate, unit), text);
});
