/**
 * Generates connections of valid HTTP/2 with prior knowledge, and says which requests are in them. Longer than most files here: what an end
 * may send depends on all that both have sent.
 * @module
 */
import type { Run } from "../http/cutting.ts";
import type { Random } from "../http/random.ts";
import { flags, frame, preface, type } from "./frame.ts";
import { type Field, HpackEncoder } from "./hpack-encoder.ts";

/** What a server gets to read. */
export interface RequestFacts {
  readonly stream: number;
  readonly fields: readonly Field[];
  body: Buffer;
  trailers: readonly Field[];
  /** Its last frame said END_STREAM. */
  ended: boolean;
  reset: boolean;
}

export interface Conversation {
  readonly runs: Run[];
  readonly requests: RequestFacts[];
  /** The server sent its SETTINGS before it had heard of the client. */
  readonly serverFirst: boolean;
  /** The client took its leave by GOAWAY. */
  readonly goaway: boolean;
}

/** Bytes in payloads that must not be taken for frames. */
const lookalikes: readonly Buffer[] = [
  preface,
  frame(type.HEADERS, flags.END_HEADERS, 101, Buffer.from([0x82, 0x86, 0x84])),
  frame(type.HEADERS, flags.END_HEADERS | flags.END_STREAM, 7, Buffer.from([0x88])),
  frame(type.RST_STREAM, 0, 1, Buffer.alloc(4)),
  frame(type.DATA, flags.END_STREAM, 1, Buffer.alloc(0)),
  Buffer.from("\0\x0btraceparent\x3700-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "latin1"),
  Buffer.from("GET / HTTP/1.1\r\nHost: inner\r\n\r\n"),
  Buffer.from("HTTP/1.1 200 OK\r\n\r\n"),
];

const methods = ["GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
const ordinary: readonly Field[] = [
  ["user-agent", "grpc-go/1.64.0"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
  ["accept", "*/*"],
  ["accept-encoding", "gzip, deflate"],
  ["cookie", "a=1"],
  ["cookie", "traceparent=no"],
  ["tracestate", "congo=t61rcWkgMzE"],
  ["traceparents", "00-x"],
  ["tracepar", "ent"],
  ["traceparenu", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["x-traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ["x-name", "traceparent"],
  ["grpc-timeout", "1S"],
  ["authorization", "Bearer 0123456789abcdef"],
  ["x-empty", ""],
  ["date", "Tue, 15 Nov 1994 08:12:31 GMT"],
];

function body(random: Random, most: number): Buffer {
  const length = random.int(most);
  if (length === 0) return Buffer.alloc(0);
  const parts: Buffer[] = [];
  for (let have = 0; have < length; have += parts.at(-1)!.length)
    parts.push(random.chance(40) ? random.pick(lookalikes) : Buffer.alloc(1 + random.int(60), random.int(256)));
  return Buffer.concat(parts).subarray(0, length);
}

interface Stream {
  readonly id: number;
  /** What client and server still send. */
  readonly steps: readonly [(() => void)[], (() => void)[]];
}

/** Builds one conversation, frame by frame. */
class Builder {
  readonly requests: RequestFacts[] = [];
  readonly #runs: { stream: 0 | 1; parts: Buffer[] }[] = [];
  readonly #random: Random;
  readonly #encoders: readonly [HpackEncoder, HpackEncoder];
  readonly #traces: number;
  /** How often a block is divided, in percent: tracing puts nothing in once the client has done so. */
  readonly #divides: number;
  /** Of a payload, in bytes. In some connections they go beyond the offsets at which tracing can put anything in. */
  readonly #most: number;
  #next = 1;
  #acknowledged = false;
  /** An end's first frame is its SETTINGS. */
  readonly #began: [boolean, boolean] = [false, false];

  constructor(random: Random) {
    this.#random = random;
    const habits = { padded: random.chance(20) ? 5 : 0, overlong: random.chance(4) ? 3 : 0 };
    this.#encoders = [new HpackEncoder(random, habits), new HpackEncoder(random, habits)];
    this.#most = random.u32() % 150 === 0 ? 16_384 : 150;
    this.#divides = random.chance(25) ? 10 : 0;
    // In some connections the client has traces of its own, at once or later.
    this.#traces = random.chance(20) ? random.int(8) : Number.POSITIVE_INFINITY;
  }

  get runs(): Run[] {
    return this.#runs.map(({ stream, parts }) => ({ stream, bytes: Buffer.concat(parts) }));
  }

  send(direction: 0 | 1, bytes: Buffer): void {
    const last = this.#runs.at(-1);
    if (last?.stream === direction) last.parts.push(bytes);
    else this.#runs.push({ stream: direction, parts: [bytes] });
  }

  #frame(direction: 0 | 1, kind: number, flag: number, stream: number, payload: Uint8Array): void {
    // The bit before the stream's number is reserved, and to be ignored.
    const bytes = frame(kind, flag, stream, payload);
    if (this.#random.chance(1)) bytes[5]! |= 128;
    this.send(direction, bytes);
  }

  settings(direction: 0 | 1): void {
    this.#began[direction] = true;
    const some = [
      [2, 0],
      [3, 100],
      [4, 65535],
      [5, 16384],
      [6, 65536],
      [9, 1],
      [0xf000, 7],
    ].filter(([id]) => (direction === 0 || id !== 2) && this.#random.chance(30));
    const payload = Buffer.alloc(6 * some.length);
    for (const [index, [id, value]] of some.entries()) {
      payload.writeUInt16BE(id!, 6 * index);
      payload.writeUInt32BE(value!, 6 * index + 2);
    }
    this.#frame(direction, type.SETTINGS, 0, 0, payload);
  }

  /** A frame that has nothing to do with any exchange. */
  control(direction: 0 | 1): void {
    if (!this.#began[direction]) return;
    const random = this.#random;
    const four = (value: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    };
    const begun = this.requests.length > 0 ? random.pick(this.requests).stream : 0;
    const kind = random.int(6);
    if (kind === 0) this.#frame(direction, type.PING, direction === 1 ? flags.ACK : 0, 0, Buffer.from(random.hex(8)));
    else if (kind === 1) this.#frame(direction, type.WINDOW_UPDATE, 0, random.chance(50) ? begun : 0, four(1 + random.int(1000)));
    else if (kind === 2 && direction === 1) this.settings(1);
    else if (kind === 2) {
      const priority = Buffer.concat([four(2 * random.int(50)), Buffer.from([random.int(256)])]);
      this.#frame(0, type.PRIORITY, 0, 2 * random.int(50) + 1, priority);
    } else if (kind === 3) this.#frame(direction, 0x20 + random.int(200), random.int(256), random.int(10), body(random, 60));
    else if (kind === 4 && direction === 0 && !this.#acknowledged && this.#began[1]) {
      this.#acknowledged = true;
      this.#frame(0, type.SETTINGS, flags.ACK, 0, Buffer.alloc(0));
    } else this.#frame(direction, type.PING, 0, 0, Buffer.from(random.hex(8)));
  }

  goaway(direction: 0 | 1): void {
    this.#frame(direction, type.GOAWAY, 0, 0, Buffer.concat([Buffer.alloc(8), body(this.#random, 20)]));
  }

  /** A header block: one frame, or several, padded or with a priority. */
  #block(direction: 0 | 1, stream: number, fields: readonly Field[], last: boolean): void {
    const random = this.#random;
    const block = this.#encoders[direction].encode(fields);
    const pieces = random.chance(this.#divides)
      ? Array.from({ length: 1 + random.int(3) }, () => random.int(block.length + 1)).sort((a, b) => a - b)
      : [];
    const ends = [...pieces, block.length];
    let flag: number = last ? flags.END_STREAM : 0;
    let first: Buffer = block.subarray(0, ends[0]);
    if (random.chance(5)) {
      flag |= flags.PRIORITY;
      const priority = Buffer.from([random.int(2) * 128, 0, 0, 0, random.int(256)]);
      first = Buffer.concat([priority, first]);
    }
    if (random.chance(3)) {
      flag |= flags.PADDED;
      const padding = random.int(random.chance(50) ? 10 : 256);
      first = Buffer.concat([Buffer.from([padding]), first, Buffer.alloc(padding, random.chance(20) ? random.int(256) : 0)]);
    }
    this.#frame(direction, type.HEADERS, flag | (pieces.length > 0 ? 0 : flags.END_HEADERS), stream, first);
    for (const [index, from] of pieces.entries()) {
      // The other end does not know that a block goes on.
      if (random.chance(10)) this.control((1 - direction) as 0 | 1);
      const flag = index === pieces.length - 1 ? flags.END_HEADERS : 0;
      this.#frame(direction, type.CONTINUATION, flag, stream, block.subarray(from, ends[index + 1]));
    }
  }

  #data(direction: 0 | 1, stream: number, content: Buffer, last: boolean): void {
    const random = this.#random;
    const padding = random.chance(10) ? Buffer.alloc(random.int(40)) : undefined;
    const payload = padding ? Buffer.concat([Buffer.from([padding.length]), content, padding]) : content;
    this.#frame(direction, type.DATA, (last ? flags.END_STREAM : 0) | (padding ? flags.PADDED : 0), stream, payload);
  }

  #reset(direction: 0 | 1, stream: number): void {
    const code = Buffer.alloc(4);
    code.writeUInt32BE(this.#random.pick([0, 7, 8]));
    this.#frame(direction, type.RST_STREAM, 0, stream, code);
  }

  #someFields(): Field[] {
    const random = this.#random;
    const some = Array.from({ length: random.int(7) }, () => random.pick(ordinary));
    if (random.chance(15)) some.push([`x-${random.hex(1 + random.int(4))}`, random.hex(random.int(100))]);
    // Longer than the first look at a frame.
    if (random.chance(6)) some.push(["x-long", random.hex(1).repeat(150 + random.int(random.chance(15) ? 4000 : 500))]);
    return some;
  }

  #contents(): Buffer[] {
    const random = this.#random;
    return Array.from({ length: random.int(4) }, () => body(random, random.chance(3) && this.#most < 3000 ? 3000 : this.#most));
  }

  /** A new stream of the client's. */
  open(): Stream {
    const random = this.#random;
    const id = this.#next + (random.chance(4) ? 2 * random.int(200) : 0);
    this.#next = id + 2;
    const [asks, answers]: [(() => void)[], (() => void)[]] = [[], []];

    const pseudo: Field[] = [
      [":method", random.pick(methods)],
      [":scheme", random.chance(80) ? "http" : "https"],
      [":path", random.chance(50) ? "/" : `/shop.Cart/${random.hex(random.int(20))}`],
      [":authority", random.chance(80) ? "cart.mesh:8080" : random.hex(8)],
    ];
    if (random.chance(30)) pseudo.reverse();
    const own: Field[] = this.requests.length >= this.#traces ? [["traceparent", `00-${random.hex(31)}1-${random.hex(15)}1-01`]] : [];
    const fields = this.#someFields();
    fields.splice(random.int(fields.length + 1), 0, ...own);
    const facts: RequestFacts = {
      stream: id,
      fields: [...pseudo, ...fields],
      body: Buffer.alloc(0),
      trailers: [],
      ended: false,
      reset: false,
    };

    const contents = random.chance(50) ? [] : this.#contents();
    const trailers: Field[] = random.chance(12)
      ? [["x-checksum", random.hex(8)], ["grpc-status", "0"], ...(own.length > 0 && random.chance(10) ? own : [])]
      : [];
    const ends = contents.length === 0 && trailers.length === 0;
    asks.push(() => {
      this.requests.push(facts);
      facts.ended = ends;
      this.#block(0, id, facts.fields, ends);
    });
    for (const [index, content] of contents.entries()) {
      const last = trailers.length === 0 && index === contents.length - 1;
      asks.push(() => {
        facts.body = Buffer.concat([facts.body, content]);
        facts.ended = last;
        this.#data(0, id, content, last);
      });
    }
    if (trailers.length > 0)
      asks.push(() => {
        facts.trailers = trailers;
        facts.ended = true;
        this.#block(0, id, trailers, true);
      });

    while (random.chance(5))
      answers.push(() =>
        this.#block(
          1,
          id,
          [
            [":status", "103"],
            ["link", "</x>"],
          ],
          false,
        ),
      );
    const answered = random.chance(70) ? this.#contents() : [];
    const late: Field[] = random.chance(40)
      ? [
          ["grpc-status", random.pick(["0", "0", "5", "14"])],
          ["grpc-message", "none"],
        ]
      : [];
    const status = random.pick(["200", "200", "200", "204", "404", "500", "302", "418"]);
    const only = answered.length === 0 && (late.length === 0 || random.chance(50));
    answers.push(() => this.#block(1, id, [[":status", status], ...this.#someFields(), ...(only ? late : [])], only));
    for (const [index, content] of answered.entries())
      answers.push(() => this.#data(1, id, content, late.length === 0 && index === answered.length - 1));
    if (!only && late.length > 0) answers.push(() => this.#block(1, id, late, true));

    if (random.chance(6)) {
      asks.splice(1 + random.int(asks.length));
      asks.push(() => {
        facts.reset = true;
        if (random.chance(70)) answers.length = 0;
        this.#reset(0, id);
      });
    }
    if (random.chance(4)) answers.splice(random.int(answers.length + 1), answers.length, () => this.#reset(1, id));
    if (random.chance(4)) answers.splice(random.int(answers.length)); // it never ends
    return { id, steps: [asks, answers] };
  }
}

/** One connection of valid HTTP/2: up to 20 streams, seldom more than tracing has room for, in any order that the protocol allows. */
export function conversation(random: Random): Conversation {
  const b = new Builder(random);
  const serverFirst = random.chance(20);
  if (serverFirst) b.settings(1);
  b.send(0, preface);
  b.settings(0);
  if (!serverFirst && random.chance(80)) b.settings(1);
  else if (!serverFirst) while (random.chance(50)) b.control(0);
  let serverBegan = serverFirst || b.runs.length > 1;
  const many = random.u32() % 400 === 0;
  let unopened = many ? 270 : 1 + random.int(20);
  const most = many ? 300 : 1 + random.int(8);
  const live: Stream[] = [];
  let direction: 0 | 1 = 0;
  for (let idle = 0; idle < 2; ) {
    if (random.chance(25) && !(many && unopened > 0)) direction = (1 - direction) as 0 | 1;
    if (direction === 1 && !serverBegan) {
      b.settings(1);
      serverBegan = true;
    }
    if (random.chance(5)) b.control(direction);
    const able = live.filter(({ steps }) => steps[direction].length > 0);
    if (direction === 0 && unopened > 0 && live.length < most && (many || able.length === 0 || random.chance(40))) {
      unopened--;
      const stream = b.open();
      stream.steps[0].shift()!();
      live.push(stream);
      idle = 0;
    } else if (able.length > 0) {
      const stream = random.pick(able);
      stream.steps[direction].shift()!();
      if (stream.steps.every((steps) => steps.length === 0)) live.splice(live.indexOf(stream), 1);
      idle = 0;
    } else {
      idle++;
      direction = (1 - direction) as 0 | 1;
    }
  }
  const goaway = random.chance(3);
  if (goaway) b.goaway(0);
  if (serverBegan && random.chance(3)) b.goaway(1);
  return { runs: b.runs, requests: b.requests, serverFirst, goaway };
}
