/** What must hold of every connection: of the bytes, of the exchanges found, of the state. Each throws when it does not. @module */
import type { Run } from "../http/cutting.ts";
import { type Connection, flag, type Message, type Outcome, opaque, topology, way } from "../http/harness.ts";
import type { AnswerFacts, Conversation, RequestFacts } from "./conversation.ts";
import { Oracle, type Parsed } from "./oracle.ts";

const lineBytes = 70;
const line = /^traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]\r\n\r\n$/;
const parent = /^[0-9a-f]{16}$/;

/** What was done to a stream, by offsets into what was sent. */
export interface Edits {
  readonly injected: { readonly at: number; readonly trace: string; readonly span: string }[];
  readonly replaced: { readonly at: number; readonly span: string }[];
}

function fail(what: string): never {
  throw new Error(what);
}

/** The stream that one end sends, and what came out of it. */
export function joined(messages: readonly { bytes: Buffer }[], of: readonly Message[], stream: 0 | 1): Buffer {
  return Buffer.concat(messages.filter((_, index) => of[index]!.stream === stream).map(({ bytes }) => bytes));
}

function without(bytes: Buffer, offsets: readonly number[]): Buffer {
  if (offsets.length === 0) return bytes;
  return Buffer.concat([0, ...offsets.map((at) => at + lineBytes)].map((from, index) => bytes.subarray(from, offsets[index])));
}

/**
 * Bytes out are bytes in, but for whole header lines before an empty line, and parent ids in place of parent ids; nothing of it in answers, in
 * segments, or once the connection is left alone. Returns what was done to the requests.
 */
export function bytesKept({ messages, faults }: Connection, outcome: Outcome): Edits {
  const edits: Edits = { injected: [], replaced: [] };
  let before = 0;
  let alone = false;
  for (const [index, sent] of messages.entries()) {
    const got = outcome.messages[index]!;
    if (!got.passed) {
      if (!faults) fail(`message ${index} was dropped`);
      continue;
    }
    for (const [earlier, at] of got.injections.entries()) {
      const found = line.exec(got.bytes.toString("latin1", at, at + lineBytes + 2)) ?? fail(`no header line before the empty one at ${at}`);
      edits.injected.push({ at: before + at - earlier * lineBytes, trace: found[1]!, span: found[2]! });
    }
    const rest = without(got.bytes, got.injections);
    if (rest.length !== sent.bytes.length) fail(`${sent.bytes.length} bytes in, ${rest.length} out`);
    for (let at = 0; !rest.equals(sent.bytes) && at < rest.length; at++) {
      if (rest[at] === sent.bytes[at]) continue;
      // Where within the id the first difference lies is chance: the id begins after "-" and ends before "-".
      while (at > 0 && rest[at - 1] !== 45) at--;
      const span = rest.toString("latin1", at, at + 16);
      if (!parent.test(span) || !parent.test(sent.bytes.toString("latin1", at, at + 16)) || rest[at + 16] !== 45) fail(`changed at ${at}`);
      edits.replaced.push({ at: before + at, span });
      at += 15;
    }
    const changed = got.injections.length > 0 || !rest.equals(sent.bytes);
    if (changed && sent.stream === 1) fail("an answer was changed");
    if (changed && (sent.way & 3) === way.segments) fail("a segment was changed");
    if (changed && alone) fail(`changed after it was left alone`);
    alone = got.opaque !== opaque.no;
    if (sent.stream === 0) before += sent.bytes.length;
  }
  if (faults) return edits; // what was changed in a message that was dropped is not known
  if (edits.injected.length !== outcome.counters.injected || edits.replaced.length !== outcome.counters.continued) fail("counters differ");
  if (edits.injected.length + edits.replaced.length > outcome.counters.requests) fail("more changes than requests");
  return edits;
}

/** Which heads can be changed, given where the messages were cut. */
function expected(
  requests: readonly RequestFacts[],
  { messages, topology: where, trace }: Connection,
): { injected: number[]; replaced: number[] } {
  const wanted = { injected: [] as number[], replaced: [] as number[] };
  let begin = 0;
  let index = 0;
  for (const { stream, way: how, bytes } of messages) {
    if (stream === 1) continue;
    const end = begin + bytes.length;
    let grown = 0;
    for (; index < requests.length && requests[index]!.headEnd <= end; index++) {
      const { headEnd, traceparent, parentAt } = requests[index]!;
      if ((how & 3) === way.segments || where === topology.serverHere || trace !== 2) continue;
      const inReach = (at: number) => at >= begin && at - begin + grown <= 65535;
      if (traceparent === "none" && inReach(headEnd - 2)) {
        wanted.injected.push(headEnd - 2);
        grown += lineBytes;
      } else if (traceparent === "valid" && inReach(parentAt)) wanted.replaced.push(parentAt);
    }
    begin = end;
  }
  return wanted;
}

function same(got: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) fail(`${what}: ${a}, not ${b}`);
}

/** Every head of a valid conversation was changed that can be, none other, and with the ids that the exchange's span tells. */
export function changedAsExpected(facts: Conversation, connection: Connection, outcome: Outcome, { injected, replaced }: Edits): void {
  const wanted = expected(facts.requests, connection);
  const places = { injected: injected.map(({ at }) => at), replaced: replaced.map(({ at }) => at) };
  same(places, wanted, "changed");
  for (const [index, span] of outcome.spans.entries()) {
    const { headEnd, parentAt, traceparent } = facts.requests[index]!;
    const put = injected.find(({ at }) => at === headEnd - 2);
    const own = connection.topology === topology.bothHere ? span.serverSpan : span.clientSpan;
    if (put) same([put.trace, put.span], [span.trace, own], "ids put in");
    const set = replaced.find(({ at }) => traceparent === "valid" && at === parentAt);
    if (set) same(set.span, own, "parent id");
    if (((span.flags & flag.injected) !== 0) !== Boolean(put ?? set)) fail("the span does not tell of the change");
    if (((span.flags & flag.continued) !== 0) !== (traceparent === "valid")) fail("continued, or not, against the traceparent");
  }
}

/** The exchanges told are those of the conversation: method, target, status, and the lengths of both messages to the byte. */
export function exchangesFound({ requests, answers, tunnel }: Conversation, outcome: Outcome): void {
  same(outcome.opaque, tunnel ? opaque.upgraded : opaque.no, "opaque");
  // What outlives a connection that was left alone has a test of its own.
  const told = outcome.spans.filter(({ aborted }) => !aborted);
  if (!tunnel) same(outcome.spans.length, requests.length, "spans");
  same(told.length, answers.length, "whole spans");
  for (const [index, span] of told.entries()) {
    const [{ method, target, start, end }, answer] = [requests[index]!, answers[index]!];
    const grown = (span.flags & (flag.injected | flag.continued)) === flag.injected ? lineBytes : 0;
    same(
      [span.method, span.targetLength, span.line.toString("latin1", 0, Math.min(96, method.length + target.length + 1)), span.status],
      [method, target.length, `${method} ${target}`.slice(0, 96), answer.status],
      `exchange ${index}`,
    );
    same([span.requestBytes, span.answerBytes], [end - start + grown, answer.end - answer.start], `lengths of exchange ${index}`);
  }
}

const stream = (runs: readonly Run[], which: 0 | 1) => Buffer.concat(runs.filter((run) => run.stream === which).map(({ bytes }) => bytes));
const last = ({ status }: Parsed) => status === 0 || status === 101 || status >= 200;

/** llhttp finds the same messages at the same bytes: each is whole with its last byte and not before. */
export function oracleAgrees({ runs, requests, answers, untilClose }: Conversation): void {
  const methods = requests.map(({ method }) => method);
  for (const [which, facts] of [requests, answers].entries() as ArrayIterator<[0 | 1, (RequestFacts | AnswerFacts)[]]>) {
    const bytes = stream(runs, which);
    using oracle = new Oracle({ answers: which === 1, methods });
    const whole = () => oracle.messages.filter((message) => message.complete && last(message)).length;
    let at = 0;
    for (const [index, { end }] of facts.entries()) {
      oracle.feed(bytes.subarray(at, end - 1));
      if (whole() !== index) fail(`llhttp: message ${index} of stream ${which} is whole too early`);
      oracle.feed(bytes.subarray(end - 1, end));
      at = end;
      if (which === 1 && untilClose && index === facts.length - 1) oracle.finish();
      if (whole() !== index + 1) fail(`llhttp: message ${index} of stream ${which} is not whole: ${oracle.stopped}`);
    }
    const found = oracle.messages.filter(last).map(({ method, target, status }) => [method, target, status]);
    const wanted = facts.map((one) => ("method" in one ? [one.method, one.target, 0] : ["", "", one.status]));
    same(found, wanted, `llhttp's messages of stream ${which}`);
  }
}

function parse(bytes: Buffer, lenient: boolean): Parsed[] {
  using oracle = new Oracle({ answers: false, lenient });
  oracle.feed(bytes);
  oracle.finish();
  return oracle.messages;
}

/** A server that reads what came out finds the messages that were sent, with a traceparent more or another parent, whether it is strict or lenient. */
export function serverReadsTheSame({ messages }: Connection, outcome: Outcome): void {
  const [sent, got] = [joined(messages, messages, 0), joined(outcome.messages, messages, 0)];
  if (sent.equals(got)) return;
  for (const lenient of [false, true]) {
    const [wanted, found] = [parse(sent, lenient), parse(got, lenient)];
    const plain = (parsed: Parsed[]) =>
      parsed.map(({ headers, ...rest }) => ({
        ...rest,
        headers: headers.filter((_, i) => headers[i & ~1]!.toLowerCase() !== "traceparent"),
      }));
    same(plain(found), plain(wanted), `llhttp's messages of the output${lenient ? ", lenient" : ""}`);
  }
}

/**
 * Where nothing was left alone and strict llhttp takes all of both directions, both have found the same, also in streams nobody has planned.
 * Returns whether that was so.
 */
export function exchangesAsOracle({ messages }: Connection, outcome: Outcome): boolean {
  if (outcome.opaque !== opaque.no) return false;
  using asked = new Oracle({ answers: false });
  asked.feed(joined(messages, messages, 0));
  const methods = asked.messages.map(({ method }) => method);
  using answered = new Oracle({ answers: true, methods });
  answered.feed(joined(messages, messages, 1));
  if (asked.stopped || answered.stopped) return false;
  const statuses = answered.messages.filter(last).map(({ status }) => status);
  const found = outcome.spans.map((span) => [span.method, span.targetLength, span.status]);
  same(
    found,
    asked.messages.map(({ method, target }, index) => [method, target.length, statuses[index] ?? 0]),
    "exchanges",
  );
  return true;
}

/** What must not depend on where the messages were cut. */
export function invariant({ opaque, streams, spans, counters }: Outcome): string {
  // What was outstanding when a connection was left alone is told only if no later message finds it so.
  const told = spans
    .filter(({ aborted }) => !aborted || opaque === 0)
    .map(({ status, flags, aborted, method, targetLength, requestBytes, answerBytes }) => ({
      ...{ status, aborted, method, targetLength, answerBytes, continued: flags & flag.continued },
      requestBytes: requestBytes - ((flags & (flag.injected | flag.continued)) === flag.injected ? lineBytes : 0),
    }));
  const state = opaque === 0 ? streams.map((one) => ({ ...one, left: String(one.left) })) : [];
  return JSON.stringify({ opaque, state, requests: counters.requests, told });
}
