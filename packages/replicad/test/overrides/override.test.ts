import test from "ava";
import fc from "fast-check";
import {
  compareOverrides,
  encodeOverride,
  maxOverrideBytes,
  type Override,
  parseOverride,
  saysNothing,
} from "../../src/overrides/override.ts";

const nowMs = 1_800_000_000_000;
const key = "10.0.0.7:8080";
const drained: Override = { key, draining: true, weight: null, atMs: nowMs, by: "node-1" };

const anyOverride: fc.Arbitrary<Override> = fc.record({
  key: fc.oneof(
    fc.ipV4().map((ip) => `${ip}:80`),
    fc.constantFrom("[fd00::1]:1", "[::1]:65535"),
  ),
  draining: fc.boolean(),
  weight: fc.option(fc.double({ min: 0, max: 65_535, noNaN: true })),
  atMs: fc.double({ min: 0, max: nowMs + 3_600_000, noNaN: true }),
  by: fc.stringMatching(/^[a-z0-9.-]{1,63}$/),
});

test("parseOverride() gives back any override that encodeOverride() wrote, within 1 KiB", (t) => {
  fc.assert(
    fc.property(anyOverride, (override) => {
      const bytes = encodeOverride(override);
      t.true(bytes.length <= maxOverrideBytes);
      // −0 comes back as 0.
      t.deepEqual(parseOverride(override.key, bytes, nowMs), JSON.parse(JSON.stringify(override)));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("parseOverride() refuses each kind of bad message with its reason", (t) => {
  const bent = (fields: object): Buffer =>
    Buffer.from(JSON.stringify({ version: 1, replica: key, draining: true, weight: null, atMs: nowMs, by: "node-1", ...fields }));
  const bad: readonly (readonly [string, Uint8Array, string?])[] = [
    ["too-large", Buffer.alloc(maxOverrideBytes + 1, " ")],
    ["garbled", Buffer.from("hello")],
    ["garbled", Buffer.from([0x22, 0xff, 0x22])],
    ["garbled", Buffer.from("null")],
    ["garbled", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bent({})])],
    ["version", Buffer.from("[]")],
    ["version", bent({ version: 2 })],
    ["version", bent({ version: "1" })],
    ["garbled", bent({ draining: 1 })],
    ["garbled", bent({ draining: undefined })],
    ["garbled", bent({ weight: undefined })],
    ["garbled", bent({ replica: 7 })],
    ["garbled", bent({ atMs: "1" })],
    ["garbled", bent({ by: null })],
    ["weight", bent({ weight: -1 })],
    ["weight", bent({ weight: "1" })],
    ["weight", bent({ weight: 65_535.5 })],
    ["weight", Buffer.from(bent({ weight: 7 }).toString().replace('"weight":7', '"weight":1e999'))],
    ["node", bent({ by: "" })],
    ["node", bent({ by: "é".repeat(32) })],
    ["time", bent({ atMs: -1 })],
    ["time", bent({ atMs: 1e15 })],
    ["future", bent({ atMs: nowMs + 3_600_001 })],
    ["topic", bent({}), "10.0.0.8:8080"],
    ["topic", bent({ replica: "10.0.0.7" }), "10.0.0.7"],
    ["topic", bent({ replica: "web:80" }), "web:80"],
    ["topic", bent({ replica: "[fd00:0::1]:80" }), "[fd00:0::1]:80"],
  ];
  for (const [reason, bytes, topic = key] of bad) t.is(parseOverride(topic, bytes, nowMs), reason as never, String(bytes));
  t.deepEqual(parseOverride(key, bent({ atMs: nowMs + 3_600_000 }), nowMs), { ...drained, atMs: nowMs + 3_600_000 });
});

test("parseOverride() leaves out fields that it does not know", (t) => {
  const bytes = Buffer.from(
    `{"version":1,"replica":"${key}","draining":true,"weight":null,"atMs":${nowMs},"by":"node-1","__proto__":{"x":1},"more":[]}`,
  );
  t.deepEqual(parseOverride(key, bytes, nowMs), drained);
});

test("parseOverride() survives garbled messages: it refuses or gives what can be sent again", (t) => {
  const whole = encodeOverride({ ...drained, weight: 2.5 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.nat(20),
      fc.uint8Array({ maxLength: 8 }),
      (changes, cut, tail) => {
        const bytes = Buffer.concat([whole.subarray(0, whole.length - (cut > 10 ? 0 : cut)), cut % 2 ? tail : Buffer.alloc(0)]);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const override = parseOverride(key, bytes, nowMs);
        if (typeof override === "object") t.deepEqual(parseOverride(key, encodeOverride(override), nowMs), override);
      },
    ),
    { seed: 1, numRuns: 1000 },
  );
});

test("compareOverrides() orders all overrides of a replica: the later, then the higher node, never two alike", (t) => {
  t.true(compareOverrides({ ...drained, atMs: nowMs + 1, by: "a" }, drained) > 0);
  t.true(compareOverrides({ ...drained, by: "node-2" }, drained) > 0);
  t.is(compareOverrides({ ...drained }, drained), 0);
  const close = anyOverride.map((one) => ({ ...one, key, atMs: Math.floor(one.atMs) % 2, by: one.by.slice(0, 1) }));
  fc.assert(
    fc.property(close, close, close, (a, b, c) => {
      const sign = (one: Override, other: Override): number => Math.sign(compareOverrides(one, other));
      t.is(sign(a, b) + sign(b, a), 0);
      if (sign(a, b) >= 0 && sign(b, c) >= 0) t.true(sign(a, c) >= 0);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("saysNothing() of one that neither drains nor weighs; weight 0 says something", (t) => {
  t.true(saysNothing({ ...drained, draining: false }));
  t.false(saysNothing(drained));
  t.false(saysNothing({ ...drained, draining: false, weight: 0 }));
});
