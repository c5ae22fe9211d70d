import { isDeepStrictEqual } from "node:util";
import test from "ava";
import { packetLength } from "../../src/protocol/framing.ts";
import { PacketError, type ProtocolVersion } from "../../src/protocol/packet.ts";
import { variableIntegerBytes, writeVariableInteger } from "../../src/protocol/variable-integer.ts";
import { readCorpus } from "./corpus.ts";
import { readPacket } from "./read-packet.ts";

const rounds = process.env.MITSU_TEST_ALL === "1" ? 2_000_000 : 200_000;
/** Bytes on either side of a packet that are none of it. */
const margin = 64;

/** Numbers of 0 to n - 1, the same in each run (mulberry32). */
const randomOf = (seed: number): ((n: number) => number) => {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
};

const random = randomOf(5);
/** Bytes that mean something somewhere. */
const telling = [0, 1, 2, 3, 4, 5, 0x0b, 0x10, 0x11, 0x23, 0x26, 0x2b, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf0, 0xff];

const mutate = (packet: Buffer): Buffer => {
  const parts = [...packet];
  for (let left = 1 + random(3); left > 0; left--) {
    const at = random(parts.length || 1);
    switch (random(7)) {
      case 0:
        parts[at] = random(256);
        break;
      case 1:
        parts[at] = (parts[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        parts[at] = telling[random(telling.length)]!;
        break;
      case 3:
        parts.splice(at, 0, telling[random(telling.length)]!);
        break;
      case 4:
        parts.splice(at, 1 + random(3));
        break;
      case 5:
        parts.length = at;
        break;
      default:
        parts.splice(at, 0, ...parts.slice(random(parts.length || 1)).slice(0, 12));
    }
  }
  return Buffer.from(parts);
};

/** With the remaining length that its bytes have, so that not all end at the framing. */
const reframe = (packet: Buffer): Buffer => {
  const body = packet.subarray(2);
  const head = Buffer.alloc(1 + variableIntegerBytes(body.length));
  head[0] = packet[0] ?? 0;
  writeVariableInteger(head, 1, body.length);
  return Buffer.concat([head, body]);
};

/** What comes of a packet between bytes of one value; only a PacketError may be thrown. */
const outcome = (packet: Buffer, around: Buffer, value: number, version: ProtocolVersion): unknown => {
  around.fill(value, 0, margin);
  packet.copy(around, margin);
  around.fill(value, margin + packet.length, 2 * margin + packet.length);
  try {
    return readPacket(around, margin, margin + packet.length, version);
  } catch (error) {
    if (error instanceof PacketError) return `${error.reasonCode} ${error.message}`;
    throw new Error(`version ${version}, ${packet.toString("hex")}`, { cause: error });
  }
};

test(`decodeClientPacket(), scanPublish() and packetLength() throw nothing but PacketError and read no byte outside of the packet, over ${rounds} mutated packets`, (t) => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  t.teardown(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const seeds = readCorpus().filter(({ reasonCode }) => reasonCode === undefined);
  const around = Buffer.alloc(4096);
  let read = 0;
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const seed = seeds[random(seeds.length)]!;
    const mutated = mutate(seed.bytes);
    const packet = random(4) === 0 ? mutated : reframe(mutated);
    const version = random(8) === 0 ? ((3 + random(3)) as ProtocolVersion) : seed.version;
    // What is read from outside of the packet shows as a difference between these two.
    const one = outcome(packet, around, 0x00, version);
    const other = outcome(packet, around, 0xff, version);
    if (typeof one === "string" ? one !== other : !isDeepStrictEqual(one, other)) t.fail(`${packet.toString("hex")} reads bytes around it`);
    if (typeof one === "string") refused++;
    else if (one !== undefined) read++;
  }
  t.log(`${read} read, ${refused} refused, ${rounds - read - refused} not whole`);
  t.true(read > rounds / 20);
  t.true(refused > rounds / 4);
});

test("packetLength() throws nothing but PacketError for any bytes, and never says less than two", (t) => {
  const bytes = Buffer.alloc(8);
  for (let round = 0; round < 20_000; round++) {
    for (let at = 0; at < 8; at++) bytes[at] = random(3) === 0 ? random(256) : 0x80 | random(256);
    const end = random(9);
    try {
      const length = packetLength(bytes, 0, end);
      if (length !== 0 && length < 2) t.fail(bytes.toString("hex"));
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
    }
  }
  t.pass();
});
