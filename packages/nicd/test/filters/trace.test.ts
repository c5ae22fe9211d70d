import test from "ava";
import fc from "fast-check";
import { Trace } from "../../src/filters/trace.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";
import { verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";
import { RequestDouble } from "./head-double.ts";

const random = () => new Xoshiro128(Uint32Array.of(1, 2, 3, 4));
const trace = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";

/** An exchange with these headers behind the filter. */
function traced(fields: readonly (readonly [string, string])[], { sampling = 1, propagation = "header" as const, source = random() } = {}) {
  const x = new ExchangeDouble(new RequestDouble("/", { fields }));
  const said = new Trace({ sampling, propagation }, source).onRequestHead(x);
  const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");
  const [traceId, spanId, parentId] = [hex(x.traceId), hex(x.spanId), hex(x.parentSpanId)];
  return { x, said, traceId, spanId, parentId, sent: x.request.get("traceparent") };
}

test("Trace begins a trace of its own with random ids, and tells the replica", (t) => {
  const { x, said, traceId, spanId, parentId, sent } = traced([]);
  t.is(said, verdict.continue);
  t.is(parentId, "0".repeat(16));
  t.true(x.sampled);
  t.is(sent, `00-${traceId}-${spanId}-03`);
  t.notRegex(traceId, /^0+$/);
  t.not(traced([], { source: new Xoshiro128(Uint32Array.of(5, 6, 7, 8)) }).traceId, traceId);
});

for (const [what, fields, sampled, flags] of [
  ["traceparent", [["traceparent", `00-${trace}-${parent}-01`]], true, "01"],
  ["traceparent that is not sampled", [["traceparent", `00-${trace}-${parent}-00`]], false, "00"],
  ["traceparent with a random id", [["traceparent", `00-${trace}-${parent}-03`]], true, "03"],
  [
    "traceparent before b3",
    [
      ["b3", "0"],
      ["traceparent", `00-${trace}-${parent}-01`],
    ],
    true,
    "01",
  ],
  ["b3", [["b3", `${trace}-${parent}-1-05e3ac9a4f6e3b90`]], true, "01"],
  [
    "b3 behind a traceparent that is not valid",
    [
      ["traceparent", "00-x"],
      ["b3", `${trace}-${parent}-0`],
    ],
    false,
    "00",
  ],
  [
    "x-b3-…",
    [
      ["x-b3-traceid", trace],
      ["x-b3-spanid", parent],
      ["x-b3-sampled", "1"],
    ],
    true,
    "01",
  ],
] satisfies [string, [string, string][], boolean, string][]) {
  test(`Trace goes on with the trace of ${what}, and keeps its decision`, (t) => {
    for (const sampling of [0, 1]) {
      const { x, traceId, spanId, parentId, sent } = traced([...fields, ["tracestate", "a=b"]], { sampling });
      t.is(traceId, trace);
      t.is(parentId, parent);
      t.is(x.sampled, sampled);
      t.is(sent, `00-${trace}-${spanId}-${flags}`);
      t.not(spanId, parent);
      t.is(x.request.all("traceparent").length, 1);
      t.is(x.request.get("tracestate"), "a=b");
    }
  });
}

test("Trace decides itself for B3's parent that left it open", (t) => {
  t.false(traced([["b3", `${trace}-${parent}`]], { sampling: 0 }).x.sampled);
  t.true(traced([["b3", `${trace}-${parent}`]], { sampling: 1 }).x.sampled);
});

test("Trace begins a trace that is not sampled for b3: 0, one that is for b3: 1", (t) => {
  for (const [value, sampled] of [
    ["0", false],
    ["1", true],
    ["d", true],
  ] as const) {
    const { x, traceId, parentId } = traced([["b3", value]], { sampling: 0.5 });
    t.is(x.sampled, sampled);
    t.notRegex(traceId, /^0+$/);
    t.is(parentId, "0".repeat(16));
  }
});

test("Trace drops the tracestate of a trace that it does not go on with", (t) => {
  t.is(
    traced([
      ["traceparent", "bad"],
      ["tracestate", "a=b"],
    ]).x.request.get("tracestate"),
    undefined,
  );
});

test("Trace leaves what an exchange object held before no place in a new trace", (t) => {
  const x = new ExchangeDouble();
  x.parentSpanId.fill(7);
  x.traceId.fill(7);
  new Trace({ sampling: 1, propagation: "header" }, random()).onRequestHead(x);
  t.true(x.parentSpanId.every((byte) => byte === 0));
  t.false(x.traceId.every((byte) => byte === 7));
});

test("Trace changes no byte with side-band propagation", (t) => {
  const fields = [
    ["traceparent", "bad"],
    ["tracestate", "a=b"],
  ] as const;
  const x = new ExchangeDouble(new RequestDouble("/", { fields }));
  new Trace({ sampling: 1, propagation: "side-band" }, random()).onRequestHead(x);
  t.deepEqual(x.request.fields, [...fields]);
  t.true(x.sampled);
});

test("Trace samples its share of new traces, by their ids", (t) => {
  const source = random();
  const count = Array.from({ length: 4000 }, () => traced([], { sampling: 0.25, source }).x.sampled).filter(Boolean).length;
  t.true(Math.abs(count - 1000) < 140, String(count));
});

test("Trace sets valid ids whatever the headers say", (t) => {
  const value = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
    fc.stringMatching(/^[0-9a-f]{16,32}(-[0-9a-f]{16}(-[01d])?)?$/),
  );
  const name = fc.constantFrom("traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (fields) => {
      const { traceId, spanId, sent } = traced(fields);
      t.notRegex(traceId, /^0+$/);
      t.regex(sent ?? "", new RegExp(`^00-${traceId}-${spanId}-0[0-3]$`));
    }),
    { seed: 4, numRuns: 2000 },
  );
});

test("Xoshiro128 gives the numbers of the reference implementation", (t) => {
  // xoshiro128starstar.c by Blackman and Vigna, state 1 2 3 4.
  const source = random();
  t.deepEqual(
    Array.from({ length: 8 }, () => source.next() >>> 0),
    [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849],
  );
});

test("Xoshiro128 refuses a seed of zeros, and seeds itself each time anew", (t) => {
  t.throws(() => new Xoshiro128(new Uint32Array(4)), { instanceOf: RangeError });
  t.not(Xoshiro128.seeded().next(), Xoshiro128.seeded().next());
  const fraction = random().fraction();
  t.true(fraction >= 0 && fraction < 1);
});
