/**
 * What tracing is to find in a connection of HTTP/2, said once more and apart from bpf/: the rules of streams.h and frames.h over runs, whose
 * messages it does not know.
 * @module
 */
import type { Run } from "../http/cutting.ts";
import { opaque } from "../http/harness.ts";
import { type Frame, flags, frameAt, headBytes, isInnocent, longest, preface, type } from "./frame.ts";

/** Streams of one connection that are traced at a time. */
const places = 256;

export interface Found {
  readonly stream: number;
  aborted: boolean;
  requestBytes: number;
  answerBytes: number;
  /** Some header block of the answer came before its end. */
  answered: boolean;
  /** Where its HEADERS frame lies in the client's bytes. */
  readonly start: number;
  readonly end: number;
  /** It may be given a traceparent, when it is sent in one piece. */
  readonly mayGrow: boolean;
}

export interface Findings {
  readonly opaque: number;
  /** In the order in which they began. */
  readonly exchanges: Found[];
  readonly untraced: number;
  /** The client's preface was read: from there on it is HTTP/2. */
  readonly begun: boolean;
  /** Frames with a header block, of requests and of answers. */
  readonly blocks: readonly [Buffer[], Buffer[]];
}

/** One direction: what of its bytes has been read, and what may come next. */
class Direction {
  readonly #parts: Buffer[] = [];
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  framed = false;
  first = true;
  /** The stream of a block that goes on, or 0. */
  block = 0;
  /** The stream that the present block or payload ends, or 0. */
  ends = 0;
  payload = 0;

  add(more: Buffer): void {
    this.#parts.push(more);
    this.bytes = Buffer.concat(this.#parts);
  }
}

/** Reads a connection as tracing does. */
class Reader {
  why: number = opaque.no;
  readonly exchanges: Found[] = [];
  untraced = 0;
  begun = false;
  readonly blocks: [Buffer[], Buffer[]] = [[], []];
  readonly #live = new Map<number, Found>();
  readonly #directions = [new Direction(), new Direction()] as const;
  #newest = 0;
  #innocent = true;

  add({ stream, bytes }: Run): void {
    const direction = this.#directions[stream];
    direction.add(bytes);
    if (!direction.framed) this.#begin(stream, direction);
    while (direction.framed && this.why === opaque.no && this.#step(stream, direction));
  }

  #begin(which: 0 | 1, direction: Direction): void {
    if (which === 1) {
      direction.framed = true;
      return;
    }
    if (direction.bytes.length < preface.length) return;
    this.begun = true;
    direction.at = preface.length;
    direction.framed = true;
  }

  #finish(stream: number, aborted: boolean): void {
    const found = this.#live.get(stream);
    if (!found) return;
    found.aborted = aborted;
    this.#live.delete(stream);
  }

  #step(which: 0 | 1, direction: Direction): boolean {
    const have = direction.bytes.length - direction.at;
    if (direction.payload > 0) {
      const some = Math.min(have, direction.payload);
      direction.payload -= some;
      direction.at += some;
      if (direction.payload === 0) this.#ended(direction);
      return some > 0;
    }
    if (have < headBytes) return false;
    const frame = frameAt(direction.bytes, direction.at);
    const hasBlock = frame.type === type.HEADERS || frame.type === type.CONTINUATION;
    if (hasBlock && headBytes + frame.length > longest) this.why = opaque.longHead;
    else if (hasBlock && have < headBytes + frame.length) return false;
    else if (!inOrder(direction, frame) || (hasBlock && !this.begun)) this.why = opaque.badFrame;
    if (this.why !== opaque.no) return false;
    direction.first = false;
    if (which === 1 && frame.type <= type.HEADERS && frame.flags & flags.END_STREAM) direction.ends = frame.stream;
    const whole = headBytes + frame.length;
    if (!hasBlock) {
      const found = this.#live.get(frame.stream);
      if (frame.type === type.RST_STREAM) this.#finish(frame.stream, true);
      else if (frame.type === type.DATA && found) found[which === 0 ? "requestBytes" : "answerBytes"] += whole;
      direction.at += headBytes;
      direction.payload = frame.length;
      if (frame.length === 0) this.#ended(direction);
      return true;
    }
    direction.block = frame.flags & flags.END_HEADERS ? 0 : frame.stream;
    const bytes = direction.bytes.subarray(direction.at, direction.at + whole);
    this.blocks[which].push(bytes);
    if (which === 0) this.#request(frame, bytes, direction.at);
    else {
      const found = this.#live.get(frame.stream);
      if (found) {
        found.answerBytes += whole;
        found.answered = true;
      }
    }
    direction.at += whole;
    if (direction.block === 0) this.#ended(direction);
    return this.why === opaque.no;
  }

  #ended(direction: Direction): void {
    if (direction.ends) this.#finish(direction.ends, false);
    direction.ends = 0;
  }

  #request({ stream, flags: flag }: Frame, bytes: Buffer, start: number): void {
    this.#innocent &&= isInnocent(bytes);
    if (stream % 2 === 0) {
      this.why = opaque.badFrame;
      return;
    }
    if (stream <= this.#newest) {
      const found = this.#live.get(stream);
      if (found) found.requestBytes += bytes.length;
      return;
    }
    this.#newest = stream;
    if ([...this.#live.keys()].some((other) => (other >> 1) % places === (stream >> 1) % places)) {
      this.untraced++;
      return;
    }
    const found = {
      ...{ stream, aborted: true, requestBytes: bytes.length, answerBytes: 0, answered: false, start, end: start + bytes.length },
      mayGrow: this.#innocent && !(flag & flags.PADDED),
    };
    this.#live.set(stream, found);
    this.exchanges.push(found);
  }
}

function inOrder({ first, block }: Direction, frame: Frame): boolean {
  if (block) return frame.type === type.CONTINUATION && frame.stream === block;
  if (frame.type === type.CONTINUATION || frame.type === type.PUSH_PROMISE) return false;
  if (first && frame.type !== type.SETTINGS) return false;
  return frame.type !== type.HEADERS || frame.stream !== 0;
}

/** Does the client begin as HTTP/2 does, and the server not as another protocol does? Of others the model knows nothing. */
export function isModelled(runs: readonly Run[]): boolean {
  const bytes = Buffer.concat(runs.filter(({ stream }) => stream === 0).map(({ bytes }) => bytes));
  if (bytes.length < preface.length || !bytes.subarray(0, preface.length).equals(preface)) return false;
  return runs.find(({ stream }) => stream === 0) === runs[0] ? true : runs[0]!.bytes[0] === 0;
}

/** What is to be found in `runs`, which isModelled(). */
export function findings(runs: readonly Run[]): Findings {
  const reader = new Reader();
  for (const run of runs) if (reader.why === opaque.no) reader.add(run);
  const { why, exchanges, untraced, begun, blocks } = reader;
  return { opaque: why, exchanges, untraced, begun, blocks };
}
