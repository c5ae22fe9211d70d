/** Sums that find damaged bytes. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { oneOf } from "../field-rule.ts";

/** Which one. */
export interface ChecksumSpec {
  /** RFC 1071's 16 bits, or the 32 bits of IEEE 802.3. */
  readonly algorithm: "internet" | "crc32";
}

/** What it does. */
export interface Checksum {
  /** @returns As it is put into a packet, unsigned. */
  sum(input: Uint8Array): number;
}

/** Bytes to a sum; without state. */
export const checksum: Capability<ChecksumSpec, Checksum, null> = defineCapability<ChecksumSpec, Checksum, null>({
  name: "checksum",
  version: 1,
  about: "sums bytes up",
  fields: { algorithm: oneOf("internet", "crc32") },
  operations: ["sum"],
  empty: null,
  count: () => 0,
});
