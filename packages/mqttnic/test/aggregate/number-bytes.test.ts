import test from "ava";
import fc from "fast-check";
import { fieldOf, fieldPath, numberOf } from "../../src/aggregate/number-bytes.ts";

const read = (text: string): number => numberOf(Buffer.from(`x${text}y`), 1, 1 + Buffer.byteLength(text));
const field = (json: string, path: string): number => fieldOf(Buffer.from(json), 0, Buffer.byteLength(json), fieldPath(path));

test("numberOf() reads what Number reads, to the bit", (t) => {
  fc.assert(
    fc.property(
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.double({ min: 0, max: 1000, noNaN: true })),
      (value) => {
        for (const text of [JSON.stringify(value), Object.is(value, -0) ? "0" : value.toFixed(3)])
          if (/^-?[\d.]+(e.*)?$/.test(text)) t.is(read(text), Number(text), text);
      },
    ),
    { seed: 1, numRuns: 2000 },
  );
  t.is(read(" 42\n"), 42);
  t.true(Object.is(read("-0"), -0));
});

test("numberOf() takes nothing that is no number", (t) => {
  for (const text of [
    "",
    " ",
    "-",
    ".",
    "1.",
    ".5",
    "1..2",
    "1e",
    "0x10",
    "NaN",
    "Infinity",
    "1 2",
    "true",
    "+1",
    "--1",
    "1,5",
    "007",
    "-01",
  ])
    t.true(Number.isNaN(read(text)), text);
});

test("fieldOf() finds what JSON.parse finds", (t) => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("a", "b", 'q"', "\\"), fc.jsonValue({ maxDepth: 3 })),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (rest, value) => {
        const number = Object.is(value, -0) ? 0 : value;
        t.is(field(JSON.stringify({ ...rest, load: number }), "load"), number);
        t.is(field(JSON.stringify({ ...rest, x: { ...rest, load: number } }, null, 2), "x.load"), number);
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});

test("fieldOf() gives NaN for what is not there, no number or no JSON", (t) => {
  for (const json of [
    "",
    "{",
    "{}",
    "[1]",
    "3",
    '{"b":1}',
    '{"a":"1"}',
    '{"a":{}}',
    '{"a":null}',
    '{"b":{"a":1}}',
    '{"a"',
    '{"a":',
    "{a:1}",
    '{"b":"a\\"',
    '{"a":1x}',
  ])
    t.true(Number.isNaN(field(json, "a")), json);
  t.true(Number.isNaN(field('{"a":{"c":1},"b":2}', "a.b")));
});
