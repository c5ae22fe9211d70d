import test from "ava";
import fc from "fast-check";
import { PacketGuard } from "../../src/bus/packet-guard.ts";

const packet = (bytes: number): Buffer => {
  const length: number[] = [];
  let left = bytes;
  do {
    length.push((left & 127) | (left > 127 ? 128 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bytes, 0xff)]);
};

test("PacketGuard lets packets up to the most pass, however they are cut, and no longer one", (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(300), { maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (sizes, step) => {
      const bytes = Buffer.concat([...sizes.map(packet), packet(200)]);
      const guard = new PacketGuard(200);
      let passed = true;
      for (let at = 0; at < bytes.length && passed; at += step) passed = guard.take(bytes.subarray(at, at + step));
      t.is(
        passed,
        sizes.every((size) => size <= 200),
      );
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("PacketGuard refuses a length of five bytes", (t) => {
  t.false(new PacketGuard(2 ** 30).take(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])));
});
