/** Many time-outs, most of which never fire: a hashed wheel of one-millisecond slots (Varghese and Lauck, SOSP 1987, scheme 6). @module */

const slots = 4096;

/**
 * A time-out that its owner keeps and arms again and again, without making an object each time.
 *
 * @example
 * ```ts
 * const idle = new Timer(() => socket.destroy());
 * timers.arm(idle, 60_000);
 * timers.disarm(idle);
 * ```
 */
export class Timer {
  /** Millisecond it fires at; undefined while it is not armed. */
  due: number | undefined;
  next: Timer = this;
  previous: Timer = this;
  readonly fire: () => void;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

/** The wheel. Arming and disarming take constant time; a timer fires up to one millisecond late. */
export class Timers {
  readonly #heads: Timer[] = Array.from({ length: slots }, () => new Timer(() => {}));
  readonly #firing = new Timer(() => {});
  /** The last millisecond whose slot has been looked at. */
  #now: number;

  /** @param nowMs Where time stands, as {@link advance} will tell it. */
  constructor(nowMs: number) {
    this.#now = Math.floor(nowMs);
  }

  /** Makes the timer fire `ms` from now, whenever it was to before. */
  arm(timer: Timer, ms: number): void {
    if (timer.due !== undefined) unlink(timer);
    timer.due = this.#now + Math.max(1, Math.ceil(ms));
    append(this.#heads[timer.due % slots]!, timer);
  }

  /** It does not fire any more. */
  disarm(timer: Timer): void {
    if (timer.due === undefined) return;
    unlink(timer);
    timer.due = undefined;
  }

  /** Moves time on, and fires what is due. */
  advance(nowMs: number): void {
    const now = Math.floor(nowMs);
    // A long halt is not walked through more than once round.
    if (now - this.#now > slots) this.#now = now - slots;
    while (this.#now < now) {
      this.#now++;
      const head = this.#heads[this.#now % slots]!;
      for (let timer = head.next; timer !== head; ) {
        const next = timer.next;
        if (timer.due! <= now) {
          unlink(timer);
          append(this.#firing, timer);
        }
        timer = next;
      }
      // One that fires may disarm or move any other, those in this list too.
      for (let timer = this.#firing.next; timer !== this.#firing; timer = this.#firing.next) {
        unlink(timer);
        timer.due = undefined;
        timer.fire();
      }
    }
  }

  /** Milliseconds until the next may fire, at most `most`. */
  wait(most: number): number {
    for (let ms = 1; ms < most; ms++) {
      const head = this.#heads[(this.#now + ms) % slots]!;
      if (head.next !== head) return ms;
    }
    return most;
  }
}

function append(head: Timer, timer: Timer): void {
  timer.previous = head.previous;
  timer.next = head;
  head.previous.next = timer;
  head.previous = timer;
}

function unlink(timer: Timer): void {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.next = timer.previous = timer;
}
