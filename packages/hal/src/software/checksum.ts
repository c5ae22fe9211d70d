/** Checksums in software: the simplest device. @module */
import { crc32 } from "node:zlib";
import { type Checksum, type ChecksumSpec, checksum } from "../capabilities/checksum.ts";
import { type Provider, ProviderDevice } from "../provider-device.ts";

/** The sums as a provider. */
export function checksumProvider(): Provider<ChecksumSpec, Checksum, null> {
  let sums = 0;
  return {
    capability: checksum,
    entries: Number.POSITIVE_INFINITY,
    // Of 64 bytes, as test/costs.ts measures it on a slow core.
    cost: (spec) => ({ ns: spec?.algorithm === "internet" ? 50 : 200 }),
    open(spec) {
      const algorithm = spec.algorithm === "crc32" ? (input: Uint8Array) => crc32(input) : internetChecksum;
      return {
        operations: {
          sum(input) {
            sums++;
            return algorithm(input);
          },
        },
        export: () => null,
      };
    },
    counters: () => ({ sums }),
  };
}

/** The sums as a device. */
export function softwareChecksum(name = "software-checksum"): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "1" }, [checksumProvider()]);
}

/**
 * The complement of the ones' complement sum of 16-bit words, big-endian; an odd last byte is a word's upper half. [RFC 1071]
 *
 * @example
 * ```ts
 * internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)); // 0x220d, RFC 1071 §3
 * ```
 */
export function internetChecksum(input: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at + 1 < input.length; at += 2) sum += (input[at]! << 8) | input[at + 1]!;
  if (input.length % 2 === 1) sum += input[input.length - 1]! << 8;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
