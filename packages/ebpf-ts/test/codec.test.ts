import test from "ava";
import { array, bytes, cstring, i32, struct, u8, u16, u16be, u32, u32be, u64 } from "../src/mod.ts";

test("struct() pads as the C compiler does", (t) => {
  const codec = struct({ a: u8, b: u32, c: u16be, d: u64, e: u8 });
  t.deepEqual(codec.offsets, { a: 0, b: 4, c: 8, d: 16, e: 24 });
  t.is(codec.size, 32);
  t.is(codec.align, 8);
});

test("struct() aligns nested structs and arrays by their widest member", (t) => {
  const inner = struct({ x: u16, y: u8 });
  const codec = struct({ flag: u8, inner, list: array(u32, 3), tail: bytes(5) });
  t.is(inner.size, 4);
  t.deepEqual(codec.offsets, { flag: 0, inner: 2, list: 8, tail: 20 });
  t.is(codec.size, 28);
  const value = { flag: 1, inner: { x: 513, y: 9 }, list: [1, 2, 0xffffffff], tail: Uint8Array.of(5, 4, 3, 2, 1) };
  t.deepEqual(codec.decode(new DataView(codec.encode(value).buffer)), value);
});

test("encode() writes little-endian, and big-endian where the type says so", (t) => {
  const codec = struct({ port: u16be, count: u16, address: u32be, signed: i32 });
  t.deepEqual(
    [...codec.encode({ port: 0x1f90, count: 0x0102, address: 0x7f000001, signed: -2 })],
    [0x1f, 0x90, 2, 1, 127, 0, 0, 1, 254, 255, 255, 255],
  );
});

test("decode() reads at an offset of a view that itself has an offset", (t) => {
  const memory = new ArrayBuffer(64);
  const codec = struct({ n: u32, raw: bytes(2) });
  const view = new DataView(memory, 8);
  codec.write(view, 16, { n: 77, raw: Uint8Array.of(1, 2) });
  t.is(new Uint8Array(memory)[24], 77);
  t.deepEqual(codec.decode(view, 16), { n: 77, raw: Uint8Array.of(1, 2) });
});

test("bytes() copies, and refuses another length", (t) => {
  const codec = bytes(4);
  const source = Uint8Array.of(1, 2, 3, 4);
  const decoded = codec.decode(new DataView(source.buffer));
  source[0] = 9;
  t.deepEqual(decoded, Uint8Array.of(1, 2, 3, 4));
  t.throws(() => codec.encode(Uint8Array.of(1)), { instanceOf: RangeError, message: /expected 4 bytes, got 1/ });
});

test("cstring() stops at NUL, clears what was there, and refuses what does not fit", (t) => {
  const codec = cstring(6);
  const view = new DataView(new Uint8Array(6).fill(0x78).buffer);
  codec.write(view, 0, "ab");
  t.deepEqual([...new Uint8Array(view.buffer)], [0x61, 0x62, 0, 0, 0, 0]);
  t.is(codec.decode(view), "ab");
  t.throws(() => codec.encode("abcdef"), { instanceOf: RangeError });
});

test("array() refuses another length", (t) => {
  t.throws(() => array(u8, 2).encode([1]), { instanceOf: RangeError, message: /expected 2 elements, got 1/ });
});
