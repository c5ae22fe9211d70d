/** A stream of the reactor as Node's, for what Node has and nicd has not: HTTP/2. @module */
import { Duplex } from "node:stream";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";

/** Made with a function that opens the stream. */
export class StreamDuplex extends Duplex implements ByteStreamEvents {
  readonly #stream: ByteStream;
  #waiting: (() => void) | null = null;

  constructor(open: (events: ByteStreamEvents) => ByteStream) {
    super({ allowHalfOpen: true });
    this.#stream = open(this);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (!this.push(Buffer.from(buffer.subarray(start, end)))) this.#stream.pause();
  }

  onEnd(): void {
    this.push(null);
  }

  onDrain(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  onClose(error: Error | null): void {
    this.destroy(error ?? undefined);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#stream.write(chunk, 0, chunk.length)) done();
    else this.#waiting = done;
  }

  override _final(done: () => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.destroy();
    done(error);
  }
}
