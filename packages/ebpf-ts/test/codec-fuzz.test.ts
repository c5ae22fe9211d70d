import test from "ava";
import fc from "fast-check";
import { array, bytes, type Codec, cstring, i32, i64, struct, u8, u16, u16be, u32, u32be, u64 } from "../src/mod.ts";

/** A codec together with an arbitrary of its values. */
type Sample = readonly [Codec<never>, fc.Arbitrary<unknown>];

const unsigned = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
const text = fc.string({ unit: fc.constantFrom(..."abcXYZ019äß–"), maxLength: 4 });

const scalars: readonly Sample[] = (
  [
    [u8, unsigned(8)],
    [u16, unsigned(16)],
    [u16be, unsigned(16)],
    [u32, unsigned(32)],
    [u32be, unsigned(32)],
    [i32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
    [u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    [i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    [bytes(5), fc.uint8Array({ minLength: 5, maxLength: 5 })],
    [cstring(16), text],
    [array(u16, 3), fc.array(unsigned(16), { minLength: 3, maxLength: 3 })],
  ] as const
).map(([codec, values]) => [codec as unknown as Codec<never>, values]);

const { sample } = fc.letrec<{ sample: Sample; composite: Sample }>((tie) => ({
  sample: fc.oneof({ depthSize: "small" }, fc.constantFrom(...scalars), tie("composite")),
  composite: fc.uniqueArray(tie("sample"), { minLength: 1, maxLength: 6, selector: (x) => x }).map((fields): Sample => {
    const codec = struct(Object.fromEntries(fields.map(([field], index) => [`f${index}`, field])));
    const values = fc.record(Object.fromEntries(fields.map(([, value], index) => [`f${index}`, value])), { noNullPrototype: true });
    return [codec as unknown as Codec<never>, values];
  }),
}));

test("decode(encode(value)) is value, for any nesting of types", (t) => {
  const property = fc.property(
    sample.chain(([codec, values]) => fc.tuple(fc.constant(codec as unknown as Codec<unknown>), values)),
    ([codec, value]) => {
      const encoded = codec.encode(value);
      t.is(encoded.length, codec.size);
      t.is(codec.size % codec.align, 0);
      t.deepEqual(codec.decode(new DataView(encoded.buffer)), value);
    },
  );
  fc.assert(property, { seed: 20261122, numRuns: 300 });
});
