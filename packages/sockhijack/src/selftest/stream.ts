/** One end of a test connection: writes a stream whose every byte is known beforehand, and checks every byte it reads. @module */
import { fstatSync } from "node:fs";
import { expect, WrongByte } from "./check.ts";
import { peek, ready, type Sockets, wouldBlock } from "./sockets.ts";

/** A prime, so that no message size divides it and a byte out of place is noticed. */
const period = 65_521;
const pattern = makePattern();
/** Longest wait for what is expected to come at once; long, since a busy machine must not look like a broken one. */
const patienceMs = 400;
/** Messages are cut to this. */
const messageBytes = 16 << 10;

/** Two periods of fixed pseudo-random bytes (xorshift32), so that any `period` of them can be cut out in one piece. */
function makePattern(): Uint8Array {
  const bytes = new Uint8Array(2 * period);
  let x = 0x2545f491;
  for (let i = 0; i < period; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
    bytes[period + i] = x;
  }
  return bytes;
}

const part = (at: number, length: number): Uint8Array => pattern.subarray(at % period, (at % period) + length);

/** One socket of a connection. */
export class End {
  readonly fd: number;
  /** Names the socket to the scan. */
  readonly inode: number;
  /** Bytes sent. */
  sent = 0;
  /** Bytes received. */
  received = 0;
  readonly #sockets: Sockets;
  readonly #outSeed: number;
  readonly #inSeed: number;
  readonly #buffer = new Uint8Array(period);

  /** @param outSeed Where in the pattern its own stream begins. @param inSeed Where the other end's does. */
  constructor(sockets: Sockets, fd: number, outSeed: number, inSeed: number) {
    this.#sockets = sockets;
    this.fd = fd;
    this.inode = fstatSync(fd).ino;
    this.#outSeed = outSeed;
    this.#inSeed = inSeed;
  }

  /** Sends the next bytes as one message. @returns false when the kernel takes no more. */
  offer(bytes: number): boolean {
    const sent = this.#sockets.send(this.fd, part(this.#outSeed + this.sent, bytes));
    if (sent === wouldBlock) return false;
    expect(sent > 0, `a write failed with errno ${-sent}`);
    this.sent += sent;
    return true;
  }

  /** Sends the next bytes, in messages of 16 KiB at most. @throws {CheckFailure} when the kernel does not take them. */
  send(bytes: number): void {
    for (const end = this.sent + bytes; this.sent < end; )
      expect(this.offer(Math.min(messageBytes, end - this.sent)), `the kernel took ${this.sent} of ${end} bytes`);
  }

  /** Sends until the kernel takes no more. @returns how many bytes it took. */
  fill(limit: number): number {
    const before = this.sent;
    while (this.sent - before < limit && this.offer(messageBytes));
    return this.sent - before;
  }

  /** Receives so many bytes and checks each. */
  receive(bytes: number): void {
    for (const end = this.received + bytes; this.received < end; ) {
      const got = this.#receiveSome(Math.min(this.#buffer.length, end - this.received), 0);
      expect(got > 0, got === 0 ? `the stream ended after ${this.received} of ${end} bytes` : `a read failed with errno ${-got}`);
      this.#agree(got);
      this.received += got;
    }
  }

  /** Reads ahead without taking. */
  peek(bytes: number): void {
    const got = this.#receiveSome(bytes, peek);
    expect(got === bytes, `MSG_PEEK gave ${got} of ${bytes} bytes`);
    this.#agree(got);
  }

  /** What a read says when no data is left: 0 at the end of the stream, else a negative errno. */
  ending(): number {
    return this.#receiveSome(1, 0);
  }

  #receiveSome(bytes: number, flags: number): number {
    const into = this.#buffer.subarray(0, bytes);
    const got = this.#sockets.receive(this.fd, into, flags);
    if (got !== wouldBlock) return got;
    expect(this.#sockets.poll(this.fd, ready.input, patienceMs) !== 0, `nothing came after byte ${this.received}, and no wake-up`);
    return this.#sockets.receive(this.fd, into, flags);
  }

  #agree(bytes: number): void {
    const wanted = part(this.#inSeed + this.received, bytes);
    if (Buffer.compare(this.#buffer.subarray(0, bytes), wanted) === 0) return;
    const at = wanted.findIndex((byte, index) => byte !== this.#buffer[index]);
    throw new WrongByte(`byte ${this.received + at} of the stream is not the one that was sent: order or content is lost`);
  }

  /** FIONREAD. */
  get unread(): number {
    return this.#sockets.unread(this.fd);
  }

  /** Waits until it may write again. @returns false when that did not happen. */
  writable(): boolean {
    return (this.#sockets.poll(this.fd, ready.output, patienceMs) & ready.output) !== 0;
  }

  /** Waits until there is something to read. @returns false when there was not. */
  readable(): boolean {
    return (this.#sockets.poll(this.fd, ready.input, patienceMs) & ready.input) !== 0;
  }
}
