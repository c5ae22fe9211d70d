/** internet_checksum and its twin. [RFC 1071] */
import { existsSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { InternetChecksum } from "../../models/internet_checksum.ts";
import { internetChecksum } from "../../src/twins/internet-checksum.ts";
import { numbers } from "../topic-matcher/numbers.ts";
import { send } from "./stream-bench.ts";

const rtlTest = existsSync(new URL("../../models/internet_checksum.wasm", import.meta.url)) ? test : test.skip;

/** Bytes, checksum, where from. */
const vectors: readonly (readonly [hex: string, checksum: number, source: string])[] = [
  ["0001f203f4f5f6f7", 0x220d, "RFC 1071 §3"],
  ["450000730000400040110000c0a80001c0a800c7", 0xb861, "an IPv4 header"],
  ["", 0xffff, "nothing"],
  ["00", 0xffff, "a zero"],
  ["0000000000000000000000", 0xffff, "zeros"],
  ["ffff", 0, "minus zero"],
  ["ff", 0x00ff, "an odd byte is the high one"],
  ["ffff0001", 0xfffe, "the carry comes round"],
];

async function open(t: ExecutionContext): Promise<InternetChecksum> {
  const model = await InternetChecksum.open();
  t.teardown(() => model.close());
  model.reset(2);
  return model;
}

test("internetChecksum() gives the checksums of RFC 1071 and of its edges", (t) => {
  for (const [hex, checksum, source] of vectors) t.is(internetChecksum(Buffer.from(hex, "hex")), checksum, source);
});

rtlTest("internet_checksum gives the checksums of RFC 1071 and of its edges", async (t) => {
  const results = send(
    await open(t),
    vectors.map(([hex]) => Buffer.from(hex, "hex")),
  );
  t.deepEqual(
    results.map(({ value }) => value),
    vectors.map(([, checksum]) => checksum),
  );
});

rtlTest("internet_checksum agrees with its twin on 2000 packets under pauses and back-pressure", async (t) => {
  const model = await open(t);
  const random = numbers(1);
  for (const [pause, stall] of [
    [0, 0],
    [30, 0],
    [0, 60],
    [50, 50],
  ] as const) {
    const packets = Array.from({ length: 500 }, (_, at) => {
      const fill = at % 5; // all ones carry most
      return Uint8Array.from({ length: random(at % 50 ? 64 : 1500) }, () =>
        fill === 0 ? 0xff : fill === 1 ? 255 * random(2) : random(256),
      );
    });
    const results = send(
      model,
      packets,
      () => random(100) < pause,
      () => random(100) < stall,
    );
    t.deepEqual(
      results.map(({ value }) => value),
      packets.map(internetChecksum),
    );
  }
});

rtlTest("internet_checksum gives 0 for a packet that has its checksum", async (t) => {
  const random = numbers(2);
  const packets = Array.from({ length: 200 }, () => {
    const packet = Buffer.from(Array.from({ length: 2 * (2 + random(30)) }, () => random(256)));
    packet.writeUInt16BE(0, 2);
    packet.writeUInt16BE(internetChecksum(packet), 2);
    return packet;
  });
  t.true(send(await open(t), packets).every(({ value }) => value === 0));
});

rtlTest("internet_checksum takes a beat a cycle and answers 3 cycles after the last", async (t) => {
  const packets = Array.from({ length: 100 }, (_, at) => new Uint8Array(8 * (1 + (at % 5))));
  const results = send(await open(t), packets);
  t.true(results.every(({ last, done }) => done - last === 3));
  t.is(
    results.at(-1)!.last - results[0]!.last,
    packets.slice(1).reduce((sum, { length }) => sum + length / 8, 0),
  );
});
