/** Addresses between text and the kernel's 16 bytes: parsed once each, since few addresses open many connections. @module */
import { formatIp, parseIp } from "@mitsu/catalog";

/** Addresses kept; beyond it all are forgotten. */
const most = 4096;

/**
 * Both directions of a conversion, remembered.
 *
 * @example
 * ```ts
 * const addresses = new AddressCache();
 * addresses.bytes("127.0.0.1"); // 00 … 00 ff ff 7f 00 00 01
 * ```
 */
export class AddressCache {
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #text = new Map<string | number, string>();

  /** `Uint8Array[16]` of an address, IPv4 in its IPv6 form, a zone (`%eth0`) left out; undefined when `text` is none. Not to be changed. */
  bytes(text: string): Uint8Array | undefined {
    const known = this.#bytes.get(text);
    if (known) return known;
    const zone = text.indexOf("%");
    const ip = parseIp(zone < 0 ? text : text.slice(0, zone));
    if (!ip) return undefined;
    const bits = ip.family === 4 ? 0xffff_0000_0000n | ip.bits : ip.bits;
    const found = Uint8Array.from(Buffer.from(bits.toString(16).padStart(32, "0"), "hex"));
    if (this.#bytes.size >= most) this.#bytes.clear();
    this.#bytes.set(text, found);
    return found;
  }

  /** Text of the 16 bytes at `at`: dotted for IPv4, RFC 5952 for IPv6. */
  text(buffer: Buffer, at: number): string {
    const mapped = buffer.readUInt32LE(at) === 0 && buffer.readUInt32LE(at + 4) === 0 && buffer.readUInt32BE(at + 8) === 0xffff;
    const key = mapped ? buffer.readUInt32LE(at + 12) : buffer.toString("latin1", at, at + 16);
    const known = this.#text.get(key);
    if (known !== undefined) return known;
    const bits = (buffer.readBigUInt64BE(at) << 64n) | buffer.readBigUInt64BE(at + 8);
    const found = formatIp(mapped ? { family: 4, bits: bits & 0xffff_ffffn } : { family: 6, bits });
    if (this.#text.size >= most) this.#text.clear();
    this.#text.set(key, found);
    return found;
  }
}
