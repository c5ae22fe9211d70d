/** Values picked out of streamed JSON, whole and damaged. */
import test from "ava";
import fc from "fast-check";
import { JsonScanner } from "../../src/profile/json-scanner.ts";

interface Found {
  readonly values: [string, unknown, number][];
  readonly events: string[];
  readonly faults: [string, number][];
  skipped: number;
}

const resync = {
  pattern: /\{"id":/,
  within: [
    { array: false, path: "" },
    { array: true, path: "data" },
  ],
};

/** @param piece Bytes at a time. */
function scan(text: string | Uint8Array, { piece = 1 << 20, paths = ["data[]"], mostBytes = 1 << 20 } = {}): Found {
  const found: Found = { values: [], events: [], faults: [], skipped: 0 };
  const scanner = new JsonScanner({
    paths,
    resync,
    mostBytes,
    value: (path, json, at) => found.values.push([path, JSON.parse(json), at]),
    leave: (path) => found.events.push(path),
    fault: (why, at) => found.faults.push([why, at]),
    skipped: (bytes) => {
      found.skipped += bytes;
    },
  });
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length; at += piece) scanner.push(bytes.subarray(at, at + piece));
  scanner.end();
  return found;
}

test("push() picks elements with their places, in pieces of any size", (t) => {
  const text = ' {"other": {"data": [{"id": 0}]}, "data" : [ {"id": 1, "s": "a\\"]}ü"}, [2], {"id": 3} ], "more": [{}]}';
  const expected = [
    ["data[]", { id: 1, s: 'a"]}ü' }, Buffer.from(text).indexOf('{"id": 1')],
    ["data[]", [2], Buffer.from(text).indexOf("[2]")],
    ["data[]", { id: 3 }, Buffer.from(text).indexOf('{"id": 3')],
  ];
  for (const piece of [1, 2, 3, 7, 1000]) {
    const { values, faults, skipped } = scan(text, { piece });
    t.deepEqual(values, expected as never);
    t.deepEqual([faults, skipped], [[], 0]);
  }
});

test("push() picks several paths, tells the ends of containers on the way, and reads one document after the other", (t) => {
  const line = '{"r": [{"x": {"a": 1}, "s": [{"p": [{"b": 2}]}]}]}\n';
  const { values, events } = scan(line + line, { paths: ["r[].x", "r[].s[].p[]"], piece: 5 });
  t.deepEqual(
    values.map(([path, value]) => [path, value]),
    [
      ["r[].x", { a: 1 }],
      ["r[].s[].p[]", { b: 2 }],
      ["r[].x", { a: 1 }],
      ["r[].s[].p[]", { b: 2 }],
    ],
  );
  const left = ["r[].s[].p", "r[].s[]", "r[].s", "r[]", "r", ""];
  t.deepEqual(events, [...left, ...left]);
});

const elements = [0, 1, 2, 3].map((id) => `{"id":${id},"list":[{"a":[1,2]},"text"]}`);

for (const [what, broken] of [
  ["a brace too few", '{"id":1,"list":[{"a":[1,2]},"text"]'],
  ["a bracket too few", '{"id":1,"list":[{"a":[1,2]},"text"}'],
  ["a bracket of the other kind", '{"id":1,"list":[{"a":[1,2}],"text"]}'],
  ["a quote too few", '{"id":1,"list":[{"a":[1,2]},"text]}'],
  ["rubbish outside of a string", '{"id":1,"list":[{"a":[1,\u0001\u0002,2]},"text"]}'],
  ["a brace too many", '{"id":1,"list":[{"a":[1,2]},"text"]}}'],
] as const) {
  test(`push() goes on after ${what}, and says where it was`, (t) => {
    const text = `{"data":[${[elements[0], broken, elements[2], elements[3]].join(",")}]}`;
    for (const piece of [3, 11, 1000]) {
      const { values, faults, skipped } = scan(text, { piece });
      const ids = values.map(([, value]) => (value as { id: number }).id);
      t.true(ids.includes(0) && ids.includes(3), JSON.stringify({ piece, ids }));
      t.is(faults.length > 0, true);
      t.true(faults[0]![1] >= text.indexOf('{"id":1') && faults[0]![1] <= text.indexOf('{"id":3'), JSON.stringify(faults));
      t.true(skipped > 0 || what === "a brace too many");
    }
  });
}

test("end() says that the text is cut off, and where what is lost began", (t) => {
  const text = `{"data":[${elements.join(",")}]}`;
  const last = text.indexOf('{"id":3');
  const { values, faults, skipped } = scan(text.slice(0, -10), { piece: 13 });
  t.is(values.length, 3);
  t.deepEqual(faults, [["the text ends in the middle of what begins here", last]]);
  t.is(skipped, text.length - 10 - last);
});

test("push() gives up a value that is too long, and goes on behind it", (t) => {
  const { values, faults } = scan(`{"data":[{"long":"${"x".repeat(5000)}"},{"id":9}]}`, { piece: 100, mostBytes: 1000 });
  t.deepEqual(
    values.map(([, value]) => value),
    [{ id: 9 }],
  );
  t.regex(faults[0]![0], /more than 1000 bytes in one value/);
});

test("push() picks from any JSON what JSON.parse finds there, whatever the pieces", (t) => {
  const element = fc.jsonValue({ maxDepth: 3 }).map((value) => (typeof value === "object" && value !== null ? value : [value]));
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 5 }),
      fc.jsonValue({ maxDepth: 2 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(2),
      (data, other, piece, indent) => {
        const found = scan(JSON.stringify({ other: [other], data }, null, indent), { piece });
        t.deepEqual(
          found.values.map(([, value]) => value),
          JSON.parse(JSON.stringify(data)),
        );
        t.deepEqual(found.faults, []);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("push() survives any damage to a text, and what it picks is as it was where it is whole", (t) => {
  const text = new TextEncoder().encode(`{"data":[${elements.join(",")}]}`);
  const change = fc.array(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(change, fc.integer({ min: 1, max: 200 }), fc.nat(text.length), (changes, piece, cut) => {
      const bytes = text.slice(0, cut % 4 === 0 ? cut : text.length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const scanner = new JsonScanner({
        paths: ["data[]"],
        resync,
        value: (path, json) => t.true(path === "data[]" && (json.startsWith("{") || json.startsWith("["))),
        fault: (_why, at) => t.true(at >= 0 && at <= bytes.length),
        skipped: (count) => t.true(count >= 0 && count <= bytes.length),
      });
      for (let at = 0; at < bytes.length; at += piece) scanner.push(bytes.subarray(at, at + piece));
      scanner.end();
    }),
    { seed: 1, numRuns: 1500 },
  );
  t.pass();
});
