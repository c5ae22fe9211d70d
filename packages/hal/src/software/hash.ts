/** The Toeplitz hash of receive-side scaling in software. @module */
import { type Hash, type HashSpec, hash } from "../capabilities/hash.ts";
import { type Provider, ProviderDevice } from "../provider-device.ts";

/** The hash as a provider. */
export function hashProvider(): Provider<HashSpec, Hash, null> {
  let hashes = 0;
  return {
    capability: hash,
    entries: Number.POSITIVE_INFINITY,
    // Of 12 bytes, two addresses and ports, as test/costs.ts measures it on a slow core.
    cost: () => ({ ns: 15 }),
    open(spec) {
      const tables = toeplitzTables(spec.key);
      return {
        operations: {
          hash(input) {
            const result = toeplitz(tables, input);
            hashes++;
            return result;
          },
        },
        export: () => null,
      };
    },
    counters: () => ({ hashes }),
  };
}

/** The hash as a device. */
export function softwareHash(name = "software-hash"): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "1" }, [hashProvider()]);
}

/** At `256 × at + byte`: what this byte there adds. The hash is linear over GF(2), so a byte is one look-up. */
function toeplitzTables(key: Uint8Array): Uint32Array {
  const positions = key.length - 4;
  const tables = new Uint32Array(256 * positions);
  for (let at = 0; at < positions; at++)
    for (let byte = 1; byte < 256; byte++) {
      const lowest = 31 - Math.clz32(byte & -byte);
      const rest = byte & (byte - 1);
      tables[256 * at + byte] = tables[256 * at + rest]! ^ window(key, 8 * at + 7 - lowest);
    }
  return tables;
}

/** 32 bits of the key from a bit on, the leftmost first. */
function window(key: Uint8Array, bit: number): number {
  const [at, shift] = [bit >> 3, bit & 7];
  const word = (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!;
  return shift === 0 ? word : (word << shift) | (key[at + 4]! >> (8 - shift));
}

/** For each set bit of the input, from the left, the key's 32 bits from there on, all xored. [Microsoft, RSS hashing functions] */
function toeplitz(tables: Uint32Array, input: Uint8Array): number {
  if (256 * input.length > tables.length) throw new RangeError(`${input.length} bytes are too many: the key is for ${tables.length / 256}`);
  let result = 0;
  for (let at = 0; at < input.length; at++) result ^= tables[256 * at + input[at]!]!;
  return result >>> 0;
}
