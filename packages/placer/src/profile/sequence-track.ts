/** Which bytes of one direction of a TCP connection were seen already. @module */

/** Bytes between two places of a direction that have not been seen. */
interface Hole {
  readonly from: number;
  readonly to: number;
}

/** More holes than this are not filled any more: a capture that lost much. */
const mostHoles = 16;
/** A segment further away than the largest window belongs to another connection. [RFC 7323 §2.3] */
const farthest = 2 ** 30;

/**
 * Counts each byte once: retransmissions and copies count nothing, segments out of order count as they fill a hole.
 *
 * Sequence numbers are compared modulo 2³². [RFC 9293 §3.4]
 */
export class SequenceTrack {
  #next: number | null = null;
  #holes: readonly Hole[] = [];

  /** Bytes of this segment that were not seen before. @param sequence Of its first byte. */
  add(sequence: number, bytes: number): number {
    if (bytes === 0) return 0;
    const end = (sequence + bytes) >>> 0;
    const ahead = this.#next === null ? 0 : (sequence - this.#next) | 0;
    if (this.#next === null || Math.abs(ahead) > farthest) {
      this.#next = end;
      this.#holes = [];
      return bytes;
    }
    if (ahead >= 0) {
      if (ahead > 0) this.#holes = [...this.#holes, { from: this.#next, to: sequence }].slice(-mostHoles);
      this.#next = end;
      return bytes;
    }
    const beyond = Math.max(0, (end - this.#next) | 0);
    if (beyond > 0) this.#next = end;
    return this.#holes.length === 0 ? beyond : beyond + this.#fill(sequence, bytes - beyond);
  }

  /** Forgets everything: a new connection. */
  reset(): void {
    this.#next = null;
    this.#holes = [];
  }

  #fill(sequence: number, bytes: number): number {
    let filled = 0;
    this.#holes = this.#holes.flatMap(({ from, to }) => {
      const size = (to - from) >>> 0;
      const begin = Math.max(0, (sequence - from) | 0);
      const end = Math.min(size, ((sequence - from) | 0) + bytes);
      if (end <= begin) return [{ from, to }];
      filled += end - begin;
      return [
        { from, to: (from + begin) >>> 0 },
        { from: (from + end) >>> 0, to },
      ].filter((hole) => hole.from !== hole.to);
    });
    return filled;
  }
}
