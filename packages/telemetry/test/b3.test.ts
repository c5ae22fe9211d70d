/** openzipkin/b3-propagation, and which header goes before which. @module */
import test from "ava";
import fc from "fast-check";
import { type B3Fields, readB3, readB3Fields } from "../src/b3.ts";
import { readIncomingTrace } from "../src/incoming-trace.ts";
import { noTrace, traceFlag } from "../src/trace-flags.ts";
import { damaged, hexOf, idTexts, span, trace, untouched, untouchedText } from "./trace-headers.ts";

const { sampled, undecided, withoutIds } = traceFlag;
const short = trace.slice(16);
const padded = "0".repeat(16) + short;
const ids = { traceId: trace, parentId: span };

/** Reads a header that stands in the middle of a buffer, between bytes that would make it longer. */
function read(header: string) {
  const into = untouched();
  const buffer = Buffer.from(`00${header}-0`, "latin1");
  return { flags: readB3(buffer, 2, buffer.length - 2, into.traceId, into.parentId), ...idTexts(into) };
}

function readFields(fields: Partial<B3Fields>) {
  const into = untouched();
  const all = { traceId: undefined, spanId: undefined, sampled: undefined, flags: undefined, ...fields };
  return { flags: readB3Fields(all, into.traceId, into.parentId), ...idTexts(into) };
}

function incoming(...headers: readonly (readonly [string, string])[]) {
  const into = untouched();
  const all = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value);
  return { flags: readIncomingTrace({ get: (name) => all(name)[0], all }, into.traceId, into.parentId), ...idTexts(into) };
}

test("readB3() reads trace, span and decision; one that is left to us is told as such", (t) => {
  t.deepEqual(read(`${trace}-${span}`), { flags: undecided, ...ids });
  t.deepEqual(read(`${trace}-${span}-1`), { flags: sampled, ...ids });
  t.deepEqual(read(`${trace}-${span}-0`), { flags: 0, ...ids });
  t.deepEqual(read(`${trace}-${span}-d`), { flags: sampled, ...ids });
  t.deepEqual(read(`${trace}-${span}-1-05e3ac9a4f6e3b90`), { flags: sampled, ...ids });
});

test("readB3() fills a trace's id of 64 bits up from the left", (t) => {
  t.deepEqual(read(`${short}-${span}-1`), { flags: sampled, traceId: padded, parentId: span });
});

test("readB3() takes a decision without a trace", (t) => {
  t.deepEqual(read("0"), { flags: withoutIds, ...untouchedText });
  for (const one of ["1", "d"]) t.deepEqual(read(one), { flags: withoutIds | sampled, ...untouchedText });
});

test("readB3() refuses all else, and touches no id then", (t) => {
  for (const header of [
    "",
    "2",
    "01",
    trace,
    `${trace}-`,
    `${trace}-${span.slice(1)}`,
    `${trace}-${span}-`,
    `${trace}-${span}-2`,
    `${trace}-${span}-true`,
    `${trace}-${span}-1-`,
    `${trace}-${span}-1-05e3ac9a4f6e3b9`,
    `${trace}-${span}-1-05e3ac9a4f6e3b90-1`,
    `${trace.slice(2)}-${span}-1`,
    `${trace.toUpperCase()}-${span}-1`,
    `${"0".repeat(32)}-${span}-1`,
    `${"0".repeat(16)}-${span}-1`,
    `${trace}-${"0".repeat(16)}-1`,
    `00-${trace}-${span}-01`,
  ]) {
    t.deepEqual(read(header), { flags: noTrace, ...untouchedText }, header);
  }
});

const single = /^(?=([0-9a-f]{32}|[0-9a-f]{16})-)(?!0+-)[0-9a-f]+-(?!0{16})([0-9a-f]{16})(?:-([01d])(?:-.{16})?)?$/s;

test("readB3() agrees with a grammar on whatever comes", (t) => {
  const whole = fc
    .tuple(fc.oneof(hexOf(16), hexOf(8)), hexOf(8), fc.constantFrom("", "-0", "-1", "-d"), fc.constantFrom("", `-${span}`))
    .map(([traceId, spanId, decision, parent]) => `${traceId}-${spanId}${decision}${decision ? parent : ""}`);
  let taken = 0;
  fc.assert(
    fc.property(damaged(whole), (header) => {
      const parts = single.exec(header);
      const { flags, ...got } = read(header);
      if (parts) taken++;
      // A damaged header may be a decision alone.
      if (!parts) return (flags === noTrace || (flags & withoutIds) !== 0) && got.traceId === untouchedText.traceId;
      const expected = parts[3] === undefined ? undecided : parts[3] === "0" ? 0 : sampled;
      return flags === expected && got.traceId === parts[1]!.padStart(32, "0") && got.parentId === parts[2];
    }),
    { seed: 4, numRuns: process.env.MITSU_TEST_ALL === "1" ? 20_000 : 5000 },
  );
  t.true(taken > 1000 && taken < 19_000, `${taken} of 20000 were valid`);
});

test("readB3Fields() reads the headers one by one; debug goes before the decision", (t) => {
  const both = { traceId: trace, spanId: span };
  t.deepEqual(readFields(both), { flags: undecided, ...ids });
  t.deepEqual(readFields({ ...both, traceId: short }), { flags: undecided, traceId: padded, parentId: span });
  for (const yes of ["1", "true", "d"]) t.deepEqual(readFields({ ...both, sampled: yes }), { flags: sampled, ...ids });
  for (const no of ["0", "false"]) t.deepEqual(readFields({ ...both, sampled: no }), { flags: 0, ...ids });
  t.deepEqual(readFields({ ...both, sampled: "0", flags: "1" }), { flags: sampled, ...ids });
  t.deepEqual(readFields({ sampled: "0" }), { flags: withoutIds, ...untouchedText });
  t.deepEqual(readFields({}), { flags: noTrace, ...untouchedText });
});

test("readB3Fields() takes no half of the ids, and leaves the decision", (t) => {
  for (const fields of [
    { traceId: trace },
    { spanId: span },
    { traceId: `${trace}00`, spanId: span },
    { traceId: trace, spanId: trace },
    { traceId: "x".repeat(32), spanId: span },
    { traceId: "0".repeat(16), spanId: span },
  ]) {
    t.deepEqual(readFields(fields), { flags: noTrace, ...untouchedText });
    t.deepEqual(readFields({ ...fields, sampled: "1" }), { flags: withoutIds | sampled, ...untouchedText });
  }
});

test("readB3Fields() and readIncomingTrace() never throw, whatever the texts", (t) => {
  const text = fc.option(fc.string({ unit: "binary", maxLength: 200 }), { nil: undefined });
  t.notThrows(() =>
    fc.assert(
      fc.property(text, text, text, text, (traceId, spanId, decision, flags) => {
        readFields({ traceId, spanId, sampled: decision, flags });
        incoming(["traceparent", traceId ?? ""], ["b3", spanId ?? ""], ["x-b3-traceid", decision ?? ""], ["x-b3-spanid", flags ?? ""]);
      }),
      { seed: 5, numRuns: process.env.MITSU_TEST_ALL === "1" ? 2000 : 500 },
    ),
  );
});

const other = "1".repeat(32);
const w3c = ["traceparent", `00-${trace}-${span}-03`] as const;
const b3 = ["b3", `${other}-${span}-0`] as const;
const multi = [["x-b3-traceid", short] as const, ["x-b3-spanid", span] as const, ["x-b3-sampled", "1"] as const] as const;

test("readIncomingTrace() takes W3C's header before B3's, and B3's one before its many", (t) => {
  t.deepEqual(incoming(b3, ...multi, w3c), { flags: 3, ...ids });
  t.deepEqual(incoming(...multi, b3), { flags: 0, traceId: other, parentId: span });
  t.deepEqual(incoming(...multi), { flags: sampled, traceId: padded, parentId: span });
  t.deepEqual(incoming(["accept", "*/*"]), { flags: noTrace, ...untouchedText });
});

test("readIncomingTrace() passes over a header that is not valid, and over W3C's when there are two", (t) => {
  t.deepEqual(incoming(["traceparent", "nonsense"], b3), { flags: 0, traceId: other, parentId: span });
  t.deepEqual(incoming(w3c, w3c), { flags: noTrace, ...untouchedText });
  t.deepEqual(incoming(["b3", "nonsense"], ...multi), { flags: sampled, traceId: padded, parentId: span });
  t.deepEqual(incoming(["traceparent", `${w3c[1]}-${"x".repeat(500)}`]), { flags: noTrace, ...untouchedText });
  t.deepEqual(incoming(["traceparent", `01${w3c[1].slice(2)}-${"x".repeat(500)}`]), { flags: 3, ...ids });
});
