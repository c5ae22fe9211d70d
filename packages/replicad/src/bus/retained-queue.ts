/** Messages of QoS 1 on their way to a broker that may be slow: the latest of each topic, a few unacknowledged at a time, in bounded memory. @module */

/** What it sends with, and how much. */
export interface RetainedQueueOptions {
  /** Sends, and calls `done` at the acknowledgement, with an error when it is a refusal. Returns how to give up. */
  readonly publish: (key: string, bytes: Buffer, done: (error?: Error | null) => void) => () => void;
  /** Not acknowledged at a time; 16 unless told. */
  readonly window?: number;
  /** Keys that wait; 1024 unless told. */
  readonly most?: number;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly settle: (reason: string | null) => void;
}

/**
 * The queue; closed until {@link RetainedQueue.open}.
 *
 * @example
 * ```ts
 * const why = await queue.offer("10.0.0.1:80", bytes); // null: the broker has it
 * ```
 */
export class RetainedQueue {
  /** Acknowledged; refused by the broker; not taken as too many waited; replaced by a later one of the same key. */
  sent = 0;
  refused = 0;
  dropped = 0;
  replaced = 0;
  readonly #options: Required<RetainedQueueOptions>;
  readonly #waiting = new Map<string, Waiting>();
  readonly #unacknowledged = new Set<{ readonly settle: Waiting["settle"]; giveUp: () => void }>();
  #closed: string | null = "there is no connection to the broker yet";

  constructor(options: RetainedQueueOptions) {
    this.#options = { window: 16, most: 1024, ...options };
  }

  /** Messages that wait or are not acknowledged. */
  get length(): number {
    return this.#waiting.size + this.#unacknowledged.size;
  }

  /** Sends now or as soon as earlier ones are acknowledged. @returns Why the broker has it not; null when it has. */
  offer(key: string, bytes: Buffer): Promise<string | null> {
    if (this.#closed !== null) return Promise.resolve(this.#closed);
    const before = this.#waiting.get(key);
    if (before !== undefined) {
      this.replaced++;
      before.settle("a later one took its place");
    } else if (this.#waiting.size >= this.#options.most) {
      this.dropped++;
      return Promise.resolve(`${this.#options.most} wait for the broker already`);
    }
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#waiting.set(key, { bytes, settle: resolve });
    this.#pump();
    return promise;
  }

  /** There is a connection. */
  open(): void {
    this.#closed = null;
  }

  /** There is none any more: nothing is kept, whoever offered offers again when it is back. */
  close(reason: string): void {
    this.#closed = reason;
    for (const { settle } of this.#waiting.values()) settle(reason);
    this.#waiting.clear();
    for (const { settle, giveUp } of this.#unacknowledged) {
      giveUp();
      settle(reason);
    }
    this.#unacknowledged.clear();
  }

  #pump(): void {
    for (const [key, { bytes, settle }] of this.#waiting) {
      if (this.#unacknowledged.size >= this.#options.window) return;
      this.#waiting.delete(key);
      const entry = { settle, giveUp: (): void => {} };
      this.#unacknowledged.add(entry);
      entry.giveUp = this.#options.publish(key, bytes, (error) => {
        // Given up before.
        if (!this.#unacknowledged.delete(entry)) return;
        if (error) this.refused++;
        else this.sent++;
        settle(error ? `the broker refused it: ${error.message}` : null);
        this.#pump();
      });
    }
  }
}
