/** Good packets made slightly wrong, for a broker that runs: mostly whole packets, so that the stream goes on behind them. @module */
import { packetType } from "../../src/protocol/packet.ts";
import { variableIntegerBytes, writeVariableInteger } from "../../src/protocol/variable-integer.ts";
import { type CorpusPacket, readCorpus } from "../protocol/corpus.ts";

/** Bytes that mean something in a packet: flags, property identifiers, wildcards, ends of ranges, parts of UTF-8. */
const telling = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x0b, 0x11, 0x1f, 0x23, 0x24, 0x26, 0x2b, 0x2f, 0x7f, 0x80, 0x82, 0xc3, 0xed, 0xff,
];

/** Makes streams of them. */
export class Mutation {
  readonly #random: (n: number) => number;
  readonly #connects: readonly CorpusPacket[];
  readonly #others: readonly CorpusPacket[];
  /** Mutated packets so far. */
  made = 0;

  constructor(random: (n: number) => number) {
    this.#random = random;
    const good = readCorpus().filter(({ reasonCode }) => reasonCode === undefined);
    this.#connects = good.filter(({ bytes }) => bytes[0]! >> 4 === packetType.connect);
    this.#others = good.filter(({ bytes }) => bytes[0]! >> 4 !== packetType.connect);
  }

  /** CONNECT, mutated in one of four streams, and up to `most` other packets of the same version, most of them mutated. */
  stream(most: number): Buffer {
    const random = this.#random;
    const connect = this.#connects[random(this.#connects.length)]!;
    const parts = [random(4) === 0 ? this.#mutate(connect.bytes) : connect.bytes];
    const same = this.#others.filter(({ version }) => version === connect.version);
    for (let left = 1 + random(most); left > 0; left--) {
      const pool = random(20) === 0 ? this.#others : same;
      const { bytes } = pool[random(pool.length)]!;
      parts.push(random(5) === 0 ? bytes : this.#mutate(bytes));
    }
    const whole = Buffer.concat(parts);
    return random(30) === 0 ? whole.subarray(0, random(whole.length)) : whole;
  }

  #mutate(packet: Buffer): Buffer {
    const random = this.#random;
    this.made++;
    const bytes = [...packet];
    for (let left = random(4) === 0 ? 3 : 1; left > 0; left--) {
      // Mostly far from the head, where a wrong byte does not end the connection at once.
      const at = random(3) === 0 ? random(bytes.length) : Math.min(bytes.length - 1, 2 + random(bytes.length));
      const kind = random(8);
      if (kind < 2) bytes[at] = random(256);
      else if (kind < 4) bytes[at] = telling[random(telling.length)]!;
      else if (kind < 5) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      else if (kind < 6) bytes.splice(at, 0, ...Array.from({ length: 1 + random(4) }, () => telling[random(telling.length)]!));
      else if (kind < 7) bytes.splice(at, 1 + random(2));
      else bytes.push(...bytes.slice(Math.max(2, at)));
    }
    if (bytes.length < 2 || random(12) === 0) return Buffer.from(bytes);
    const body = Buffer.from(bytes.slice(2));
    const head = Buffer.alloc(1 + variableIntegerBytes(body.length));
    head[0] = bytes[0]!;
    writeVariableInteger(head, 1, body.length);
    return Buffer.concat([head, body]);
  }
}
