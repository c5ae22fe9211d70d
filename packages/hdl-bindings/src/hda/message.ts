/** What elements of HDA* say to each other: four words of 32 bits, an async_engine's message. @module */

/** Kinds, in the upper four bits of word 2. */
export const kinds = { state: 0, incumbent: 1, token: 2, stop: 3 } as const;

/**
 * `low` and `high` are the state's; `value` is the cost below 2²⁴ for a state and an incumbent. A token has its count in `low` and its colour in `high`.
 * Layout: word 0 `low`, word 1 `high`, word 2 kind << 28 | move << 24 | value, word 3 the sender.
 */
export interface Message {
  readonly to: number;
  readonly kind: number;
  readonly low: number;
  readonly high: number;
  readonly move: number;
  readonly value: number;
}

/** Word `nth` of a message, 0 to 3. */
export function wordOf(message: Message, nth: number, from: number): number {
  if (nth === 0) return message.low >>> 0;
  if (nth === 1) return message.high >>> 0;
  return nth === 2 ? ((message.kind << 28) | (message.move << 24) | message.value) >>> 0 : from;
}

/** The message of words 0, 1 and 2. */
export function messageOf(to: number, low: number, high: number, head: number): Message {
  return { to, kind: head >>> 28, low, high, move: (head >>> 24) & 15, value: head & 0xffffff };
}
