import { isDeepStrictEqual } from "node:util";
import test from "ava";
import { grpcUpstream } from "../../src/abi/grpc-service.ts";
import { maxPairs } from "../../src/abi/map.ts";
import { decodePropertyPath, dottedPath } from "../../src/abi/property-path.ts";
import { readProto } from "../../src/abi/proto.ts";
import { decodePairs, encodePairs, fieldName, fieldValue, integerValue, listValue, type Pair } from "../../src/mod.ts";

/** xorshift32, so that every run sees the same. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The decoder again, slowly and straight from the specification's words. */
function decodeSlowly(bytes: Uint8Array): Pair[] | null {
  if (bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0)) return [];
  const u32 = (at: number) =>
    at + 4 <= bytes.length ? bytes[at]! + bytes[at + 1]! * 256 + bytes[at + 2]! * 65536 + bytes[at + 3]! * 16777216 : Number.NaN;
  const count = u32(0);
  if (!(count <= maxPairs)) return null;
  const pairs: Pair[] = [];
  let at = 4 + 8 * count;
  if (at > bytes.length) return null;
  const text = (length: number): string | null => {
    if (!(at + length < bytes.length) || bytes[at + length] !== 0) return null;
    const taken = [...bytes.slice(at, at + length)].map((byte) => String.fromCharCode(byte)).join("");
    at += length + 1;
    return taken;
  };
  for (let index = 0; index < count; index++) {
    const name = text(u32(4 + 8 * index));
    const value = name === null ? null : text(u32(8 + 8 * index));
    if (name === null || value === null) return null;
    pairs.push([name, value]);
  }
  return at === bytes.length ? pairs : null;
}

const corpus: readonly (readonly Pair[])[] = [
  [],
  [["a", "b"]],
  [["", ""]],
  [
    [":method", "GET"],
    [":path", "/auth"],
    [":authority", "auth"],
  ],
  [
    ["x", "\0"],
    ["y", "ÿ"],
  ],
  Array.from({ length: maxPairs }, (_, index): Pair => [`h${index}`, ""]),
];

test("encodePairs() writes count, lengths, and texts with NULs behind them (v0.2.1 Serialization)", (t) => {
  t.deepEqual([...encodePairs([["a", "bc"]])], [1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0x61, 0, 0x62, 0x63, 0]);
  t.deepEqual([...encodePairs([])], [0, 0, 0, 0]);
});

test("decodePairs() gives back what encodePairs() wrote, and two forms of nothing", (t) => {
  for (const pairs of corpus) t.deepEqual(decodePairs(encodePairs(pairs)), [...pairs]);
  t.deepEqual(decodePairs(new Uint8Array(0)), []);
  t.deepEqual(decodePairs(Uint8Array.of(0)), []);
});

test("decodePairs() refuses what is cut, too long, or of more than 1024 pairs", (t) => {
  const whole = encodePairs(corpus[3]!);
  for (let length = 2; length < whole.length; length++) t.is(decodePairs(whole.subarray(0, length)), null);
  t.is(decodePairs(Buffer.concat([whole, Uint8Array.of(0)])), null);
  t.is(decodePairs(encodePairs([...corpus[5]!, ["one", "more"]])), null);
  t.is(decodePairs(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), null);
  t.is(decodePairs(Uint8Array.of(1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0)), null);
});

test("decodePairs() agrees with a slow decoder on 10 000 damaged maps, in views with an offset too", (t) => {
  const next = random(9);
  let accepted = 0;
  for (let round = 0; round < 10_000; round++) {
    const whole = encodePairs(corpus[next(5)]!);
    const bytes = Uint8Array.from([...new Uint8Array(next(3)), ...whole]).subarray(next(3));
    for (let changes = next(4); changes > 0 && bytes.length > 0; changes--)
      bytes[next(bytes.length)] = [0, 1, 2, 0xff, next(256)][next(5)]!;
    const pairs = decodePairs(bytes);
    if (pairs !== null) accepted++;
    if (!isDeepStrictEqual(pairs, decodeSlowly(bytes))) t.fail(`round ${round}: ${Buffer.from(bytes).toString("hex")}`);
  }
  t.true(accepted > 500 && accepted < 9_500, `${accepted} of them are maps`);
});

test("decodePropertyPath() splits at NULs and lets one at the end go", (t) => {
  const decode = (text: string) => decodePropertyPath(Buffer.from(text));
  t.deepEqual(decode("request\0path"), ["request", "path"]);
  t.deepEqual(decode("request\0path\0"), ["request", "path"]);
  t.deepEqual(decode("\0"), [""]);
  t.is(decode(""), null);
  t.is(decode("x".repeat(5000)), null);
  t.is(decode("a\0".repeat(64))?.length, 64);
  t.is(decode("a\0".repeat(65)), null);
  const next = random(3);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: 1 + next(20) }, () => [0, 0x2e, 0x61, 0xc3, next(256)][next(5)]!);
    const parts = decodePropertyPath(bytes)!;
    const inner = bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
    t.is(parts.length, inner.filter((byte) => byte === 0).length + 1);
    t.true(parts.every((part) => !part.includes("\0")));
  }
});

test("dottedPath() takes dots only where there are no NULs (Gcore FastEdge)", (t) => {
  t.deepEqual(dottedPath(["request.path"]), ["request", "path"]);
  t.is(dottedPath(["request"]), null);
  t.is(dottedPath(["request.path", "x"]), null);
});

test("property values are 8 bytes little-endian, and lists are maps with empty values", (t) => {
  t.deepEqual([...integerValue(258)], [2, 1, 0, 0, 0, 0, 0, 0]);
  t.deepEqual([...integerValue(-1n)], [255, 255, 255, 255, 255, 255, 255, 255]);
  t.deepEqual(decodePairs(listValue(["a", "b"])), [
    ["a", ""],
    ["b", ""],
  ]);
});

test("fieldName() and fieldValue() let no filter end a field (RFC 9110 §5.5, §5.6.2)", (t) => {
  t.is(fieldName("X-Tag"), "x-tag");
  t.is(fieldName(":Path"), ":path");
  for (const bad of ["", "a b", "a:b", "a\r", "é", "::x", "a\0"]) t.is(fieldName(bad), undefined, JSON.stringify(bad));
  t.is(fieldValue("a\r\nb: c\0"), "a  b: c ");
});

test("readProto() reads varints and bytes, and refuses what runs out", (t) => {
  t.deepEqual(readProto(Uint8Array.of(0x08, 0x96, 0x01, 0x12, 0x01, 0x61)), [
    { number: 1, value: 150n },
    { number: 2, value: Uint8Array.of(0x61) },
  ]);
  for (const bad of [[0x08], [0x12, 0x05, 0x61], [0x0d, 1], [0x07], [0x00], Array.from({ length: 12 }, () => 0xff)])
    t.is(readProto(Uint8Array.from(bad)), null, bad.join());
});

test("readProto() never throws for random bytes", (t) => {
  const next = random(5);
  let messages = 0;
  for (let round = 0; round < 5000; round++) {
    const fields = readProto(Uint8Array.from({ length: next(40) }, () => [0x08, 0x0a, 0x12, next(8), next(256)][next(5)]!));
    if (fields !== null) messages++;
    if (fields?.some((field) => field.number < 1)) t.fail(`round ${round}`);
  }
  t.true(messages > 100 && messages < 4900, `${messages} of them are messages`);
});

test("grpcUpstream() takes a plain name and a GrpcService message", (t) => {
  t.is(grpcUpstream(Buffer.from("cluster")), "cluster");
  t.is(grpcUpstream(Uint8Array.of(0x0a, 0x05, 0x0a, 0x03, ...Buffer.from("web"))), "web");
  t.is(grpcUpstream(Uint8Array.of(0x0a, 0x05, 0x0a)), "\n\u0005\n");
});
