/** How `checksum` is tried: published sums, and a second way to reckon. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Checksum, type ChecksumSpec, checksum } from "../../src/capabilities/checksum.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededBytes } from "./seeded-bytes.ts";

/** RFC 1071 §3; the header of Wikipedia's article "Internet checksum"; CRC catalogue, `CRC-32/ISO-HDLC` check. */
const published = {
  internet: [
    ["0001f203f4f5f6f7", 0x220d],
    ["450000730000400040110000c0a80001c0a800c7", 0xb861],
    ["", 0xffff],
    ["01", 0xfeff],
  ],
  crc32: [
    [Buffer.from("123456789").toString("hex"), 0xcbf43926],
    ["", 0],
    [Buffer.from("The quick brown fox jumps over the lazy dog").toString("hex"), 0x414fa339],
  ],
} as const;

/** Both algorithms. */
export const checksumCase: ConformanceCase<ChecksumSpec, Checksum, null> = {
  capability: checksum,
  specs: fc.record({ algorithm: fc.constantFrom("internet" as const, "crc32" as const) }),
  use(operations, { algorithm }, seed) {
    for (const [input, sum] of published[algorithm])
      assert.equal(operations.sum(Buffer.from(input, "hex")), sum, `${algorithm} of ${input}`);
    for (const length of [1, 2, 3, 64, 1500 + (seed % 2)]) {
      const input = seededBytes(seed, length);
      assert.equal(operations.sum(input), algorithm === "internet" ? bigInternet(input) : bitwiseCrc(input));
    }
  },
};

/** The sum as one number, modulo 2¹⁶ − 1: what ones' complement comes to. */
function bigInternet(input: Uint8Array): number {
  let whole = 0n;
  for (let at = 0; at < input.length; at += 2) whole += BigInt((input[at]! << 8) | (input[at + 1] ?? 0));
  const rest = Number(whole % 0xffffn);
  return 0xffff - (rest === 0 && whole > 0n ? 0xffff : rest);
}

/** Bit by bit, reflected, polynomial 0x04c11db7. */
function bitwiseCrc(input: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of input) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
