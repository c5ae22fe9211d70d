import test from "ava";
import fc from "fast-check";
import { encodeFrame, frameReader } from "../src/mod.ts";
import { structureFault } from "../src/structure.ts";

const seeded = { seed: 20261122, numRuns: 300 };

/** What we send: plain data with string keys. Bigints stay within 64 bits. */
const { message } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
    fc.bigInt({ min: 2n ** 40n, max: 2n ** 64n - 1n }),
  ),
  message: fc.oneof(
    { depthSize: "small" },
    tie("leaf"),
    fc.array(tie("message"), { maxLength: 40 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("message"),
      { maxKeys: 40, noNullPrototype: true },
    ),
  ),
}));

/** Buffers and byte arrays are one thing on the wire. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return Object.is(value, -0) ? 0 : value;
};

test("frameReader() gives back what encodeFrame() took", (t) => {
  fc.assert(
    fc.property(message, (value) => {
      t.deepEqual(plain(frameReader().push(encodeFrame(value))), plain([value]));
    }),
    seeded,
  );
});

test("frameReader() joins frames split at every boundary", (t) => {
  const values = [{ id: 1, list: ["a", 2, null] }, "x".repeat(300), { deep: { er: [true] } }];
  const bytes = Buffer.concat(values.map((value) => encodeFrame(value)));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = frameReader();
    t.deepEqual([...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))], values, `cut at ${cut}`);
    t.is(reader.pendingBytes(), 0);
  }
});

test("frameReader() does not care how a stream is cut up", (t) => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (values, sizes) => {
      const bytes = Buffer.concat(values.map((value) => encodeFrame(value)));
      const reader = frameReader();
      const got: unknown[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        got.push(...reader.push(bytes.subarray(at, at + size)));
        at += size;
      }
      t.deepEqual(plain(got), plain(values));
      t.is(reader.pendingBytes(), 0);
    }),
    seeded,
  );
});

test("frameReader() keeps values that the next chunk does not overwrite", (t) => {
  const reader = frameReader();
  const chunk = Buffer.from(encodeFrame("first"));
  const values = reader.push(chunk);
  chunk.fill(0);
  t.deepEqual(values, ["first"]);
});

test("encodeFrame() leaves undefined properties out", (t) => {
  t.deepEqual(frameReader().push(encodeFrame({ a: undefined, b: null, c: [{ d: undefined }] })), [{ b: null, c: [{}] }]);
});

test("frameReader() shows an unfinished frame as pending", (t) => {
  const reader = frameReader();
  t.deepEqual(reader.push(encodeFrame("hello").subarray(0, 6)), []);
  t.is(reader.pendingBytes(), 6);
});

const frame = (...payload: number[]): Uint8Array => {
  const bytes = Buffer.from([0, 0, 0, 0, ...payload]);
  bytes.writeUInt32BE(payload.length);
  return bytes;
};

/** Bytes that must be refused, and a word of the reason. */
const corpus: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["an empty frame", frame(), /empty/],
  ["a length over the limit", Buffer.from([0xff, 0xff, 0xff, 0xff]), /announces 4294967295 bytes/],
  ["a string cut off", frame(0xa5, 0x61), /middle of a value/],
  ["a map cut off", frame(0x82, 0x01, 0x02), /more elements/],
  ["a 32-bit list of 4 billion", frame(0xdd, 0xff, 0xff, 0xff, 0xff), /more elements/],
  ["a 32-bit map of 4 billion", frame(0xdf, 0xff, 0xff, 0xff, 0xff), /more elements/],
  ["a 32-bit string of 4 billion", frame(0xdb, 0xff, 0xff, 0xff, 0xff), /middle of a value/],
  ["a length field cut off", frame(0xdc, 0x00), /./],
  ["two values", frame(0x01, 0x02), /1 bytes follow/],
  ["the reserved code", frame(0xc1), /code 0xc1/],
  ["an extension (msgpackr's record)", frame(0xd4, 0x72, 0x40), /code 0xd4/],
  ["an 8-bit extension", frame(0xc7, 0x01, 0x78, 0x00), /code 0xc7/],
  ["deep nesting", frame(...Array.from({ length: 5000 }, () => 0x91), 0xc0), /deeper than 64/],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /announces/],
];

for (const [what, bytes, reason] of corpus) {
  test(`frameReader() refuses ${what}`, (t) => {
    t.throws(() => frameReader().push(bytes), { code: "ERR_IPC_FRAME", message: reason });
  });
}

test("encodeFrame() and frameReader() keep to a limit", (t) => {
  t.throws(() => encodeFrame("x".repeat(100), 50), { code: "ERR_IPC_FRAME", message: /over the limit of 50/ });
  t.throws(() => frameReader(50).push(encodeFrame("x".repeat(100))), { code: "ERR_IPC_FRAME" });
  t.deepEqual(frameReader(102).push(encodeFrame("x".repeat(100), 102)), ["x".repeat(100)]);
});

test("frameReader() takes garbage or refuses it, and never fails otherwise", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (payload) => {
      const fault = structureFault(payload);
      if (fault) t.throws(() => frameReader().push(frame(...payload)), { code: "ERR_IPC_FRAME" });
      else t.is(frameReader().push(frame(...payload)).length, 1);
    }),
    { ...seeded, numRuns: 3000 },
  );
});

test("frameReader() survives any flipped byte of a good frame", (t) => {
  const good = encodeFrame({ t: "call", id: 7, method: "flows", params: { list: [1, 2.5, "three", null, true], blob: Buffer.alloc(20) } });
  for (let at = 0; at < good.length; at++) {
    for (const flip of [0x01, 0x10, 0x80, 0xff]) {
      const bad = Buffer.from(good);
      bad[at]! ^= flip;
      try {
        t.true(frameReader().push(bad).length <= 1);
      } catch (error) {
        t.is((error as { code?: string }).code, "ERR_IPC_FRAME", `byte ${at} ^ ${flip}: ${error}`);
      }
    }
  }
});

test("a key named __proto__ does not reach the prototype", (t) => {
  const bytes = Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from("__proto__"), Buffer.from([0x81, 0xa1, 0x78, 0x01])]);
  const [value] = frameReader().push(frame(...bytes)) as [{ x?: number }];
  t.is(value.x, undefined);
  t.is(Object.getPrototypeOf(value), Object.prototype);
});
