/** Turns valid conversations into hostile ones: frames cut, changed, put where they must not be. @module */
import type { Run } from "../http/cutting.ts";
import type { Random } from "../http/random.ts";
import { flags, frame, frameAt, headBytes, preface, type } from "./frame.ts";

const { END_STREAM, END_HEADERS, PADDED, PRIORITY } = flags;
const field = Buffer.from("\0\x0btraceparent\x3700-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "latin1");

const block = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** Header blocks that are none, or that name what must be found. */
const blocks: readonly Buffer[] = [
  block("80"), // index 0
  block("ffffffffff7f"), // an integer without end
  block("7fffffff7f"),
  block("ff80808000"), // longer than needed
  block("3fe11f 828684"), // a size update of 4096
  block("828684 20"), // one where none may be
  block("40"),
  block("00 0b 7472616365"), // a name without end
  block("00 01 78"), // no value
  block("00 01 78 7f 80 80 80 00"),
  block("00 01 78 ff ff ff ff ff"),
  block("0f"),
  block("1f 80"),
  block("00 00 00"), // neither name nor value
  field,
  block("40 88 4d83216b1d85a93f 01 78"),
  block("10 88 4d83216b1d85a93f 00"),
  block("00 88 4d83216b1d85a93e 00"), // nearly
  block("00 0b 5472616365706172656e74 00"), // Traceparent
  block("828684 41 8a 089d5c0b8170dc780f03"),
];

const anyStream = (random: Random) => random.pick([0, 1, 1, 2, 3, 5, 7, 9, 257, 513, 0x7fffffff]);
const anyFlags = (random: Random) =>
  random.pick([0, END_HEADERS, END_HEADERS | END_STREAM, END_STREAM, PADDED, PADDED | END_HEADERS, PRIORITY | END_HEADERS, 0x2d, 255]);

/** A frame that may be wrong wherever it stands. */
function stranger(random: Random): Buffer {
  switch (random.int(12)) {
    case 0:
      return frame(type.PUSH_PROMISE, END_HEADERS, 1, block("00000002828684"));
    case 1:
      return frame(type.CONTINUATION, random.pick([0, END_HEADERS]), anyStream(random), random.pick(blocks));
    case 2:
      return frame(type.HEADERS, anyFlags(random), anyStream(random), Buffer.alloc(0));
    case 3:
      return frame(
        type.HEADERS,
        END_HEADERS | PADDED,
        anyStream(random),
        Buffer.from([random.pick([0, 1, 3, 4, 5, 255]), 0x82, 0x86, 0x84]),
      );
    case 4:
      return frame(type.HEADERS, END_HEADERS | PRIORITY, anyStream(random), Buffer.alloc(random.int(8), 0x82));
    case 5:
      return frame(type.HEADERS, END_HEADERS, anyStream(random), Buffer.alloc(random.pick([8182, 8183, 8184, 9000]), 0x82));
    case 6:
      return preface;
    case 7:
      return Buffer.from(random.pick(["HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]));
    case 8:
      return frame(random.int(12), anyFlags(random), anyStream(random), Buffer.alloc(random.int(20), random.int(256)));
    default:
      return frame(type.HEADERS, anyFlags(random), random.chance(50) ? 1001 + 2 * random.int(20) : anyStream(random), random.pick(blocks));
  }
}

interface Piece {
  readonly stream: 0 | 1;
  bytes: Buffer;
}

/** Each frame by itself, the preface too. */
function pieces(runs: readonly Run[]): Piece[] {
  let begun = false;
  return runs.flatMap(({ stream, bytes }) => {
    const parts: Piece[] = [];
    for (let at = 0; at < bytes.length; at += parts.at(-1)!.bytes.length) {
      const length = stream === 0 && !begun ? preface.length : headBytes + frameAt(bytes, at).length;
      if (stream === 0) begun = true;
      parts.push({ stream, bytes: bytes.subarray(at, at + length) });
    }
    return parts;
  });
}

/** One kind of damage each, to the pieces from `index` on. */
const kinds: ((all: Piece[], index: number, random: Random) => void)[] = [
  (all, index, random) => {
    const bytes = Buffer.from(all[index]!.bytes);
    bytes[random.int(random.chance(50) ? Math.min(12, bytes.length) : bytes.length)]! ^= 1 << random.int(8);
    all[index]!.bytes = bytes;
  },
  (all, index, random) => {
    const { bytes } = all[index]!;
    const at = random.int(bytes.length);
    all[index]!.bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(3))]);
  },
  (all, index, random) => {
    const { bytes } = all[index]!;
    const at = random.int(bytes.length + 1);
    all[index]!.bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.hex(1 + random.int(4))), bytes.subarray(at)]);
  },
  (all, index, random) => {
    if (all[index]!.bytes.length < headBytes) return;
    const bytes = Buffer.from(all[index]!.bytes);
    bytes.writeUIntBE(Math.max(0, frameAt(bytes, 0).length + random.int(21) - 10), 0, 3);
    all[index]!.bytes = bytes;
  },
  (all, index, random) => all.splice(index, 0, { stream: all[index]!.stream, bytes: stranger(random) }),
  (all, index, random) => all.splice(index + 1, 0, { stream: all[index]!.stream, bytes: stranger(random) }),
  (all, index, random) => all.splice(index + 1, 0, { stream: 0, bytes: stranger(random) }),
  (all, index) => all.splice(index, 1),
  (all, index) => all.splice(index, 0, { ...all[index]! }),
  (all, index) => {
    const { stream } = all[index]!;
    const next = all.findIndex((one, at) => at > index && one.stream === stream);
    if (next > 0) [all[index], all[next]] = [all[next]!, all[index]!];
  },
  (all, index, random) => {
    all[index]!.bytes = all[index]!.bytes.subarray(0, random.int(all[index]!.bytes.length));
    all.splice(index + 1);
  },
  (all, index, random) => {
    if (all[index]!.bytes.length < headBytes) return;
    const bytes = Buffer.from(all[index]!.bytes);
    if (random.chance(50)) bytes[4] = anyFlags(random);
    else bytes.writeUInt32BE(anyStream(random), 5);
    all[index]!.bytes = bytes;
  },
];

/** The same conversation, with one to three things wrong. */
export function damage(random: Random, runs: readonly Run[]): Run[] {
  const all = pieces(runs);
  for (let times = 1 + random.int(3); times > 0 && all.length > 0; times--) {
    // Not the preface, mostly: without it nothing else is read.
    const index = random.chance(3) ? random.int(all.length) : Math.min(all.length - 1, 1 + random.int(random.chance(50) ? 8 : all.length));
    random.pick(kinds)(all, index, random);
  }
  const damaged: { stream: 0 | 1; parts: Buffer[] }[] = [];
  for (const { stream, bytes } of all.filter(({ bytes }) => bytes.length > 0)) {
    const last = damaged.at(-1);
    if (last?.stream === stream) last.parts.push(bytes);
    else damaged.push({ stream, parts: [bytes] });
  }
  return damaged.map(({ stream, parts }) => ({ stream, bytes: Buffer.concat(parts) }));
}
