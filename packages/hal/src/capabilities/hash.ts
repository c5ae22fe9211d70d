/** Hashes that spread connections. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { bytes, oneOf } from "../field-rule.ts";

/** Which one. */
export interface HashSpec {
  readonly algorithm: "toeplitz";
  /** `Uint8Array[8..256]`; input is 4 bytes shorter at most. RSS has 40. */
  readonly key: Uint8Array;
}

/** What it does. */
export interface Hash {
  /** @returns 32 bits, unsigned. @throws {RangeError} For more bytes than the key allows. */
  hash(input: Uint8Array): number;
}

/** Bytes to 32 bits; without state. */
export const hash: Capability<HashSpec, Hash, null> = defineCapability<HashSpec, Hash, null>({
  name: "hash",
  version: 1,
  about: "hashes bytes with a key",
  fields: { algorithm: oneOf("toeplitz"), key: bytes(8, 256) },
  operations: ["hash"],
  empty: null,
  count: () => 0,
});
