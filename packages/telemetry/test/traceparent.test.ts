/** W3C Trace Context Level 2, §3.2. @module */
import test from "ava";
import fc from "fast-check";
import { noTrace, traceFlag } from "../src/trace-flags.ts";
import { parseTraceparent, readTraceparent, traceparentBytes, writeTraceparent } from "../src/traceparent.ts";
import { damaged, hexOf, idTexts, span, trace, untouched, untouchedText } from "./trace-headers.ts";

/** Reads a header that stands in the middle of a buffer, between bytes that would make it longer. */
function read(header: string) {
  const ids = untouched();
  const buffer = Buffer.from(`00${header}-0`, "latin1");
  const flags = readTraceparent(buffer, 2, buffer.length - 2, ids.traceId, ids.parentId);
  return { flags, ...idTexts(ids) };
}

const valid: readonly (readonly [string, number])[] = [
  [`00-${trace}-${span}-00`, 0],
  [`00-${trace}-${span}-01`, traceFlag.sampled],
  [`00-${trace}-${span}-02`, traceFlag.random],
  [`00-${trace}-${span}-03`, traceFlag.sampled | traceFlag.random],
  [`00-${trace}-${span}-ff`, traceFlag.sampled | traceFlag.random],
  [`00-${trace}-${span}-fc`, 0],
  [`01-${trace}-${span}-01`, traceFlag.sampled],
  [`cc-${trace}-${span}-01-what-the-future-will-be-like`, traceFlag.sampled],
  [`fe-${trace}-${span}-00-`, 0],
];

const invalid: readonly string[] = [
  "",
  "00",
  `ff-${trace}-${span}-01`,
  `00-${trace}-${span}-01-more`,
  `00-${trace}-${span}-01-`,
  `01-${trace}-${span}-01more`,
  `01-${trace}-${span}-1`,
  `00-${trace}-${span}-1`,
  `00-${trace}-${span}-0g`,
  `00-${trace.toUpperCase()}-${span}-01`,
  `00-${trace}-${span.toUpperCase()}-01`,
  `00-${"0".repeat(32)}-${span}-01`,
  `00-${trace}-${"0".repeat(16)}-01`,
  `0g-${trace}-${span}-01`,
  `00_${trace}-${span}-01`,
  `00-${trace}_${span}-01`,
  `00-${trace}-${span}_01`,
  ` 00-${trace}-${span}-01`,
  `00-${trace}-${span}-01\n`,
  `00-${trace}-${span}-01,00-${trace}-${span}-01`,
];

test("readTraceparent() and parseTraceparent() take what W3C allows of version 00, and of later ones what 00 has", (t) => {
  for (const [header, flags] of valid) {
    t.deepEqual(read(header), { flags, traceId: trace, parentId: span }, header);
    t.deepEqual(parseTraceparent(header), { traceId: trace, parentId: span, sampled: (flags & traceFlag.sampled) !== 0 }, header);
  }
});

test("readTraceparent() and parseTraceparent() refuse all else, and touch no id then", (t) => {
  for (const header of invalid) {
    t.deepEqual(read(header), { flags: noTrace, ...untouchedText }, header);
    t.is(parseTraceparent(header), undefined, header);
  }
});

test("readTraceparent() reads nothing beyond its end", (t) => {
  const ids = untouched();
  const buffer = Buffer.from(`00-${trace}-${span}-01`);
  for (let end = 0; end < buffer.length; end++) t.is(readTraceparent(buffer, 0, end, ids.traceId, ids.parentId), noTrace);
  t.deepEqual(idTexts(ids), untouchedText);
});

test("readTraceparent() agrees with a grammar on whatever comes", (t) => {
  const header = fc.tuple(fc.constantFrom("00", "01", "fe", "ff"), hexOf(16), hexOf(8), hexOf(1), fc.constantFrom("", "-", "-x", "x"));
  const text = damaged(header.map(([version, ...parts]) => `${version}-${parts.slice(0, 3).join("-")}${parts[3]}`));
  let taken = 0;
  fc.assert(
    fc.property(text, (value) => {
      const expected = parseTraceparent(value);
      const { flags, ...ids } = read(value);
      if (expected) taken++;
      if (!expected) return flags === noTrace && ids.traceId === untouchedText.traceId && ids.parentId === untouchedText.parentId;
      return ids.traceId === expected.traceId && ids.parentId === expected.parentId && (flags & 1) === Number(expected.sampled);
    }),
    { seed: 1, numRuns: 20_000 },
  );
  t.true(taken > 1000 && taken < 19_000, `${taken} of 20000 were valid`);
});

test("readTraceparent() never throws, whatever the bytes", (t) => {
  const ids = untouched();
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        readTraceparent(bytes, 0, bytes.length, ids.traceId, ids.parentId);
      }),
      { seed: 2, numRuns: 5000 },
    ),
  );
});

test("writeTraceparent() writes what readTraceparent() reads, and no flag that W3C has not named", (t) => {
  fc.assert(
    fc.property(hexOf(16), hexOf(8), fc.nat(0xfff), fc.nat(9), (traceId, spanId, flags, start) => {
      const into = Buffer.alloc(80, "x");
      const end = writeTraceparent(into, start, Buffer.from(traceId, "hex"), Buffer.from(spanId, "hex"), flags);
      const text = into.toString("latin1");
      t.is(text.slice(0, start) + text.slice(end), "x".repeat(80 - traceparentBytes));
      t.deepEqual(read(text.slice(start, end)), { flags: flags & 3, traceId, parentId: spanId });
    }),
    { seed: 3, numRuns: 500 },
  );
});
