/**
 * Many time-outs, most of which never fire: two hashed wheels, one of milliseconds, and one of seconds for what is further off, so that thousands
 * of idle connections never wake the loop (Varghese and Lauck, SOSP 1987, scheme 7).
 * @module
 */

const slots = 4096;
/** Of one slot of the outer wheel. */
const outerMs = 1024;
/** What is due within this is on the inner wheel: one turn of it, less the outer slot that is about to be taken over. */
const innerMs = slots - outerMs;

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

/** The wheels. Arming and disarming take constant time; a timer fires at the first {@link advance} past its time, and never before it. */
export class Timers {
  readonly #inner: Timer[] = Array.from({ length: slots }, () => new Timer(() => {}));
  readonly #outer: Timer[] = Array.from({ length: slots }, () => new Timer(() => {}));
  readonly #firing = new Timer(() => {});
  /** The last millisecond whose slot has been looked at. */
  #walked: number;
  #nowMs: number;

  /** @param nowMs Where time stands, as {@link advance} will tell it. */
  constructor(nowMs: number) {
    this.#walked = Math.floor(nowMs);
    this.#nowMs = nowMs;
  }

  /** Tells the time without firing: what is armed from now on counts from it. */
  tell(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Makes the timer fire `ms` from now, whenever it was to before. */
  arm(timer: Timer, ms: number): void {
    if (timer.due !== undefined) unlink(timer);
    timer.due = Math.max(Math.ceil(this.#nowMs + ms), this.#walked + 1);
    this.#put(timer, timer.due);
  }

  /** It does not fire any more. */
  disarm(timer: Timer): void {
    if (timer.due === undefined) return;
    unlink(timer);
    timer.due = undefined;
  }

  /** Moves time on, and fires what is due. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    const now = Math.floor(nowMs);
    // After a long halt each slot is looked at once, not once for every time round.
    const from = Math.max(this.#walked, now - slots);
    if (from > this.#walked) this.#takeOver(this.#walked, from);
    this.#walked = from;
    while (this.#walked < now) {
      this.#walked++;
      if (this.#walked % outerMs === 0) this.#takeOver(this.#walked - 1, this.#walked);
      const head = this.#inner[this.#walked % slots]!;
      for (let timer = head.next; timer !== head; ) {
        const { next } = timer;
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
      const head = this.#inner[(this.#walked + ms) % slots]!;
      if (head.next !== head) return ms;
    }
    return most;
  }

  #put(timer: Timer, due: number): void {
    if (due - this.#walked <= innerMs) append(this.#inner[due % slots]!, timer);
    else append(this.#outer[outerSlot(due) % slots]!, timer);
  }

  /** Moves to the inner wheel what is due in the outer slots that begin within `(after, until]`, and in the one behind them. */
  #takeOver(after: number, until: number): void {
    const first = outerSlot(after) + 2;
    const last = outerSlot(until) + 1;
    for (let slot = first; slot <= Math.min(last, first + slots - 1); slot++) {
      const head = this.#outer[slot % slots]!;
      for (let timer = head.next; timer !== head; ) {
        const { next } = timer;
        // Others of this slot are due when it comes round again.
        if (outerSlot(timer.due!) <= last) {
          unlink(timer);
          append(this.#inner[Math.max(timer.due!, until + 1) % slots]!, timer);
        }
        timer = next;
      }
    }
  }
}

/** Not by a shift: milliseconds outgrow 32 bits in 25 days. */
function outerSlot(ms: number): number {
  return Math.floor(ms / outerMs);
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
