/** What must hold of every connection of HTTP/2: of the bytes, of the exchanges found, of the state. Each throws when it does not. @module */
import { type Connection, flag, type Message, type Outcome, opaque, topology, way } from "../http/harness.ts";
import { flags, frameAt, headBytes, isInnocent, preface, type } from "./frame.ts";
import type { Findings, Found } from "./model.ts";

/** How much a frame grows by. */
const fieldBytes = 69;
/** A message grows by no more than TCP is sure to have room for. */
const mostGrowth = 4096;
/** A literal without indexing: its kind, the name's length, the name, the value's length, the value. */
const field = /^000b traceparent 37 00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]$/;

/** A frame that was made longer, by where it lies in what was sent. */
export interface Grown {
  readonly start: number;
  readonly end: number;
  readonly trace: string;
  readonly span: string;
}

function fail(what: string): never {
  throw new Error(what);
}

function same(got: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) fail(`${what}: ${a}, not ${b}`);
}

/** The bytes of one direction, of the messages that passed. */
export function joined(
  messages: readonly { bytes: Buffer }[],
  of: readonly Message[],
  { messages: outcome }: Outcome,
  stream: 0 | 1,
): Buffer {
  return Buffer.concat(messages.filter((_, index) => of[index]!.stream === stream && outcome[index]!.passed).map(({ bytes }) => bytes));
}

/** Compares what a client sent with what came out, frame by frame: nothing but HEADERS frames may differ, by a field at their end and their length. */
export function grownFrames(sent: Buffer, got: Buffer): Grown[] {
  const grown: Grown[] = [];
  if (sent.equals(got)) return grown;
  if (!sent.subarray(0, preface.length).equals(preface) || !got.subarray(0, preface.length).equals(preface)) fail("no HTTP/2, but changed");
  let innocent = true;
  let [at, out] = [preface.length, preface.length];
  while (at + headBytes <= sent.length && out + headBytes <= got.length) {
    const [before, after] = [frameAt(sent, at), frameAt(got, out)];
    const end = Math.min(sent.length, at + headBytes + before.length);
    const payload = sent.subarray(at + headBytes, end);
    const whole = payload.length === before.length;
    const hasBlock = before.type === type.HEADERS || before.type === type.CONTINUATION;
    if (hasBlock && whole) innocent &&= isInnocent(sent.subarray(at, end));
    if (sent.compare(got, out + 3, out + headBytes, at + 3, at + headBytes) !== 0) fail(`the head of the frame at ${at} was changed`);
    out += headBytes;
    if (sent.compare(got, out, out + payload.length, at + headBytes, end) !== 0) fail(`the payload of the frame at ${at} was changed`);
    out += payload.length;
    if (after.length !== before.length) {
      if (after.length !== before.length + fieldBytes || !whole)
        fail(`the length of the frame at ${at} is ${after.length} and was ${before.length}`);
      if (before.type !== type.HEADERS || before.flags & flags.PADDED || !innocent)
        fail(`the frame at ${at} was made longer, and must not`);
      const text = `${got.toString("hex", out, out + 2)} ${got.toString("latin1", out + 2, out + 13)} ${got.toString("hex", out + 13, out + 14)} ${got.toString("latin1", out + 14, out + fieldBytes)}`;
      const [, trace, span] = field.exec(text) ?? fail(`no traceparent ends the frame at ${at}`);
      grown.push({ start: at, end, trace: trace!, span: span! });
      out += fieldBytes;
    }
    at = end;
  }
  if (!sent.subarray(at).equals(got.subarray(out))) fail(`the end differs from ${at} on`);
  return grown;
}

/**
 * Bytes out are bytes in, but for a field at the end of header blocks that lie whole in one message; nothing of it in answers, in segments, or
 * once the connection is left alone. Returns the frames that have grown.
 */
export function bytesKept(connection: Connection, outcome: Outcome): Grown[] {
  const { messages, faults, trace, sampling } = connection;
  let alone = false;
  let begin = 0;
  const places: [begin: number, end: number][] = [];
  for (const [index, sent] of messages.entries()) {
    const got = outcome.messages[index]!;
    if (!got.passed) {
      if (!faults) fail(`message ${index} was dropped`);
      if (got.opaque === opaque.no) fail("a message was dropped, and its bytes are still waited for");
      alone = true;
      continue;
    }
    const count = (got.bytes.length - sent.bytes.length) / fieldBytes;
    if (!Number.isInteger(count) || count < 0) fail(`message ${index}: ${sent.bytes.length} bytes in, ${got.bytes.length} out`);
    const changed = count > 0 || !got.bytes.equals(sent.bytes);
    if (changed && sent.stream === 1) fail("an answer was changed");
    if (changed && (sent.way & 3) === way.segments) fail("a segment was changed");
    if (changed && (trace !== 2 || sampling === 0)) fail("changed although no header is wanted");
    if (changed && alone) fail("changed after it was left alone");
    alone = got.opaque !== opaque.no;
    for (let i = 0; i < count; i++) places.push([begin, begin + sent.bytes.length]);
    if (sent.stream === 0) begin += sent.bytes.length;
  }
  const grown = grownFrames(joined(messages, messages, outcome, 0), joined(outcome.messages, messages, outcome, 0));
  same(grown.length, places.length, "frames that grew");
  for (const [index, { start, end }] of grown.entries()) {
    const [from, to] = places[index]!;
    if (start < from || end > to) fail(`the frame at ${start} was not whole in its message`);
  }
  if (!faults) same(outcome.counters.injected, grown.length, "counted as injected");
  return grown;
}

/** Those exchanges whose frames are given a field where the messages are cut as they are, and how many are tried and left. */
function expected(
  exchanges: readonly Found[],
  { messages, topology: where, trace, sampling }: Connection,
): { grown: Found[]; left: number } {
  const wanted = { grown: [] as Found[], left: 0 };
  if (where === topology.serverHere || trace !== 2 || sampling === 0) return wanted;
  let begin = 0;
  let index = 0;
  for (const { stream, way: how, bytes } of messages) {
    if (stream === 1) continue;
    const end = begin + bytes.length;
    let more = 0;
    for (; index < exchanges.length && exchanges[index]!.end <= end; index++) {
      if ((how & 3) === way.segments) continue;
      const one = exchanges[index]!;
      if (one.mayGrow && one.start >= begin && one.end - 1 - begin + more <= 65535 && more + fieldBytes <= mostGrowth) {
        wanted.grown.push(one);
        more += fieldBytes;
      } else wanted.left++;
    }
    begin = end;
  }
  return wanted;
}

/** The frames that can be given a field were, no others, and with the ids that the exchange's span tells; every exchange and block is told as it is. */
export function asModelled(findings: Findings, connection: Connection, outcome: Outcome, grown: readonly Grown[]): void {
  same(outcome.opaque, findings.opaque, "opaque");
  const { exchanges } = findings;
  const wanted = expected(exchanges, connection);
  same(
    grown.map(({ start }) => start),
    wanted.grown.map(({ start }) => start),
    "grown",
  );
  const { requests, notInjected, streamsFull } = outcome.counters;
  same([requests, notInjected, streamsFull], [exchanges.length, wanted.left, findings.untraced], "requests, not injected, streams full");
  same(outcome.spans.length, exchanges.length, "spans");
  const spans = new Map(outcome.spans.map((span) => [span.stream, span]));
  for (const one of exchanges) {
    const span = spans.get(one.stream) ?? fail(`nothing is told of stream ${one.stream}`);
    const put = grown.find(({ start }) => start === one.start);
    const more = put ? fieldBytes : 0;
    same(
      [span.aborted, span.requestBytes - more, span.answerBytes],
      [one.aborted, one.requestBytes, one.answerBytes],
      `stream ${one.stream}`,
    );
    same((span.flags & flag.injected) !== 0, put !== undefined, `stream ${one.stream} is said to be changed`);
    const own = connection.topology === topology.bothHere ? span.serverSpan : span.clientSpan;
    // The daemon names an exchange by the blocks that it has been told by then.
    const first = (one.answered ? [false, true] : [false]).map((answers) =>
      outcome.blocks.find((block) => block.answers === answers && block.frame.length > 0 && frameAt(block.frame, 0).stream === one.stream),
    );
    if (first.some((block) => block && block.after > outcome.spans.indexOf(span))) fail(`stream ${one.stream} is told before its fields`);
    if (put) same([put.trace, put.span], [span.trace, own], "ids put in");
  }
  blocksTold(findings, outcome);
}

/** What is told of header blocks is as it was sent; where the ring was full, numbers are left out. */
export function blocksAsSent({ blocks: wanted }: Findings, { blocks }: Outcome): void {
  const next = [0, 0];
  for (const { answers, number, frame } of blocks.filter(({ frame }) => frame.length > 0)) {
    const direction = answers ? 1 : 0;
    if (number < next[direction]!) fail(`block ${number} told after block ${next[direction]! - 1}`);
    next[direction] = number + 1;
    if (!wanted[direction][number]?.equals(frame)) fail(`block ${number} of direction ${direction} is not as it was sent`);
  }
}

/** Every frame with a header block is told, once, numbered, as it was sent; and that the connection is over. */
function blocksTold(findings: Findings, outcome: Outcome): void {
  const { blocks } = outcome;
  if (!findings.begun && blocks.length === 0) return;
  if (blocks.at(-1)?.frame.length !== 0) fail("the last word is not that the connection is over");
  same(blocks.at(-1)?.after, outcome.spans.length, "exchanges told before the connection was over");
  blocksAsSent(findings, outcome);
  const count = (answers: boolean) => blocks.filter((block) => block.frame.length > 0 && block.answers === answers).length;
  same(
    [count(false), count(true)],
    findings.blocks.map(({ length }) => length),
    "blocks told",
  );
}

/** What must not depend on where the messages were cut. */
export function invariant({ opaque, streams, spans, blocks, counters, left }: Outcome): string {
  // Of HTTP/1's, those that were outstanding when it was left alone may have taken more bytes or fewer.
  const sure = spans.filter(({ stream, aborted }) => stream !== 0 || !aborted || opaque === 0);
  const told = sure.map(({ stream, status, flags, aborted, requestBytes, answerBytes }) => [
    ...[stream, status, aborted, answerBytes],
    requestBytes - (flags & flag.injected ? fieldBytes : 0),
  ]);
  const state = opaque === 0 ? streams.map((one) => ({ ...one, left: String(one.left) })) : [];
  const frames = blocks.map(({ answers, number, frame }) => [answers, number, frame.toString("latin1")]);
  return JSON.stringify({ opaque, left, state, requests: counters.requests, streamsFull: counters.streamsFull, told, frames });
}
