/** Both ends of an in-process stream: what one writes, the other reads, in a later tick, with the back-pressure of any stream. @module */
import { Duplex } from "node:stream";

/** One end. A write is done when the other end wants more. */
class MemoryEnd extends Duplex {
  other!: MemoryEnd;
  #done: (() => void) | undefined;

  constructor() {
    // Half-open, as a socket of the plane: who has ended may still be answered.
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const done = this.#done;
    this.#done = undefined;
    if (done !== undefined) process.nextTick(done);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // Never within the writer's call: the reader might answer there, and the plane would tell of it from within one of its methods.
    process.nextTick(() => this.other.receive(chunk, done));
  }

  override _final(done: () => void): void {
    process.nextTick(() => {
      this.other.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    process.nextTick(() => {
      if (other.destroyed) return;
      // What was ended in order has all been pushed; the reader may still read it.
      if (this.writableFinished) other.endWrites();
      else other.destroy();
    });
    this.#done = undefined;
    done(error);
  }

  receive(chunk: Buffer, done: () => void): void {
    if (this.destroyed || this.readableEnded || this.push(chunk)) done();
    else this.#done = done;
  }

  endWrites(): void {
    if (!this.writableEnded) this.end();
  }
}

/** @returns Two ends. */
export function memoryPair(): [Duplex, Duplex] {
  const one = new MemoryEnd();
  const other = new MemoryEnd();
  one.other = other;
  other.other = one;
  return [one, other];
}
