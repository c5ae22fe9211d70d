/** Messages as words, and back: how payloads of any length go through an engine whose messages have four words. @module */
import type { OutgoingMessage } from "@mitsu/hal";

/** Words of an engine's message: BEATS of rtl/async_engine.sv. */
export const beats = 4;

/** Bytes before a payload: the ticket's low 32 bits, then its high 21 bits over 11 bits of the payload's length. */
const headBytes = 8;

/** Most bytes of a payload. Its length has 11 bits. */
export const mostPayloadBytes = 1024;

/** Engine's messages that a payload takes. */
export function framesOf(payloadBytes: number): number {
  return Math.ceil((headBytes + payloadBytes) / (4 * beats));
}

/**
 * A message as words of whole frames.
 *
 * @returns `Uint32Array[4 × frames]`; the payload's first byte is a word's lowest.
 */
export function framed({ ticket, payload }: Pick<OutgoingMessage, "ticket" | "payload">): Uint32Array {
  const words = new Uint32Array(beats * framesOf(payload.length));
  words[0] = ticket >>> 0;
  words[1] = Math.floor(ticket / 2 ** 32) * 2048 + payload.length;
  new Uint8Array(words.buffer).set(payload, headBytes);
  return words;
}

/** A message that came. */
export interface Arrived {
  readonly ticket: number;
  readonly payload: Uint8Array;
}

/** Puts the words of one sender together. */
export class Assembly {
  #words: number[] = [];

  /** @returns The message whose last word this is. */
  take(word: number): Arrived | undefined {
    this.#words.push(word);
    const [low, high] = this.#words;
    if (high === undefined || low === undefined) return undefined;
    const payloadBytes = high & 2047;
    if (this.#words.length < beats * framesOf(payloadBytes)) return undefined;
    const bytes = new Uint8Array(Uint32Array.from(this.#words).buffer);
    this.#words = [];
    return { ticket: (high >>> 11) * 2 ** 32 + low, payload: bytes.slice(headBytes, headBytes + payloadBytes) };
  }

  /** Forgets what has come of a message. */
  clear(): void {
    this.#words = [];
  }
}
