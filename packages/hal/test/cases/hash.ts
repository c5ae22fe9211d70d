/** How `hash` is tried: Microsoft's published vectors, and the definition bit by bit. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Hash, type HashSpec, hash } from "../../src/capabilities/hash.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededBytes } from "./seeded-bytes.ts";

/** The key of "Verifying the RSS Hash Calculation". [Microsoft, Windows drivers] */
export const microsoftKey: Uint8Array = Buffer.from(
  "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa",
  "hex",
);

/** Its vectors: source address and port, destination address and port, hash of addresses, hash with ports. */
const published = [
  ["66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178],
  ["199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea],
  ["24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a],
  ["38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f],
  ["153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2],
] as const;

/** Toeplitz. */
export const hashCase: ConformanceCase<HashSpec, Hash, null> = {
  capability: hash,
  specs: fc.record({
    algorithm: fc.constant("toeplitz" as const),
    key: fc.oneof(fc.constant(microsoftKey), fc.uint8Array({ minLength: 40, maxLength: 40 })),
  }),
  use(operations, { key }, seed) {
    if (key === microsoftKey)
      for (const [source, sourcePort, destination, destinationPort, addresses, whole] of published) {
        const ips = [source, destination].flatMap((address) => address.split(".").map(Number));
        assert.equal(operations.hash(Uint8Array.from(ips)), addresses, source);
        const ports = [sourcePort, destinationPort].flatMap((port) => [port >> 8, port & 0xff]);
        assert.equal(operations.hash(Uint8Array.from([...ips, ...ports])), whole, source);
      }
    for (const length of [0, 1, 12, key.length - 4]) {
      const input = seededBytes(seed, length);
      assert.equal(operations.hash(input), byDefinition(key, input));
    }
    assert.throws(() => operations.hash(new Uint8Array(key.length - 3)), RangeError);
  },
};

/** The key as one number, shifted left once for each bit of the input. */
function byDefinition(key: Uint8Array, input: Uint8Array): number {
  let result = 0n;
  let shifted = BigInt(`0x${Buffer.from(key).toString("hex")}`);
  const [width, top] = [8 * key.length, BigInt(8 * key.length - 32)];
  for (const byte of input)
    for (let bit = 7; bit >= 0; bit--) {
      if ((byte >> bit) & 1) result ^= shifted >> top;
      shifted = BigInt.asUintN(width, shifted << 1n);
    }
  return Number(result);
}
