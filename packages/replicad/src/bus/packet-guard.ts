/** Watches the lengths of MQTT packets as they arrive, so that one that is too long is refused before it is held. [MQTT 5.0 §2.1.4] @module */

/**
 * Follows a stream of packets. A broker of MQTT 5 is told the most by Maximum Packet Size; one of 3.1.1 is not, and the client library would hold up to 256 MB.
 *
 * @example
 * ```ts
 * const guard = new PacketGuard(maxBytes);
 * socket.on("data", (chunk) => guard.take(chunk) || socket.destroy());
 * ```
 */
export class PacketGuard {
  readonly #maxBytes: number;
  /** Of the present packet's body, still to come. */
  #left = 0;
  /** Inside the length: how much of it there was. */
  #length = 0;
  #shift = 0;
  #state: "type" | "length" | "body" = "type";

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Looks at what arrived; false when a packet is longer than the most, or its length is none. */
  take(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "body") {
        const step = Math.min(this.#left, chunk.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#state = "type";
      } else if (this.#state === "type") {
        at++;
        this.#length = 0;
        this.#shift = 0;
        this.#state = "length";
      } else {
        const byte = chunk[at++]!;
        this.#length += (byte & 0x7f) * 2 ** this.#shift;
        this.#shift += 7;
        if (this.#length > this.#maxBytes || this.#shift > 28) return false;
        if (byte & 0x80) continue;
        this.#left = this.#length;
        this.#state = this.#left === 0 ? "type" : "body";
      }
    }
    return true;
  }
}
