/** toeplitz and its twin. [Microsoft, Verifying the RSS hash calculation] */
import { existsSync } from "node:fs";
import { isIPv4 } from "node:net";
import test, { type ExecutionContext } from "ava";
import { Toeplitz } from "../../models/toeplitz.ts";
import { rssKey, toeplitz } from "../../src/twins/toeplitz.ts";
import { numbers } from "../topic-matcher/numbers.ts";
import { send } from "./stream-bench.ts";

const rtlTest = existsSync(new URL("../../models/toeplitz.wasm", import.meta.url)) ? test : test.skip;

/** Microsoft's: destination, source, the hash of the addresses, the hash with ports. */
const vectors: readonly (readonly [destination: string, to: number, source: string, from: number, addresses: number, ports: number])[] = [
  ["161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178],
  ["65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea],
  ["12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a],
  ["209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f],
  ["202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2],
  ["3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d],
  ["ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf],
  ["fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef],
];

function address(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [head, tail] = text.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const groups = tail ? [...head!, ...Array<string>(8 - head!.length - tail.length).fill("0"), ...tail] : head!;
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

const inputs = vectors.flatMap(([destination, to, source, from]) => {
  const addresses = Buffer.concat([address(source), address(destination)]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(from, 0);
  ports.writeUInt16BE(to, 2);
  return [addresses, Buffer.concat([addresses, ports])];
});
const hashes = vectors.flatMap(([, , , , addresses, ports]) => [addresses, ports]);

async function open(t: ExecutionContext, key: Uint8Array = rssKey): Promise<Toeplitz> {
  const model = await Toeplitz.open();
  t.teardown(() => model.close());
  model.key = new Uint32Array(Uint8Array.from(key).buffer);
  model.reset(2);
  return model;
}

test("toeplitz() gives Microsoft's hashes", (t) => {
  t.deepEqual(
    inputs.map((input) => toeplitz(rssKey, input)),
    hashes,
  );
});

rtlTest("toeplitz gives Microsoft's hashes", async (t) => {
  t.deepEqual(
    send(await open(t), inputs).map(({ value }) => value),
    hashes,
  );
});

rtlTest("toeplitz agrees with its twin on random keys and inputs of 0 to 60 bytes, under pauses and back-pressure", async (t) => {
  const random = numbers(1);
  for (const [pause, stall] of [
    [0, 0],
    [30, 0],
    [0, 60],
    [50, 50],
  ] as const) {
    const key = Uint8Array.from({ length: 40 }, () => random(256));
    const packets = Array.from({ length: 500 }, () => Uint8Array.from({ length: random(61) }, () => random(256)));
    const results = send(
      await open(t, key),
      packets,
      () => random(100) < pause,
      () => random(100) < stall,
    );
    t.deepEqual(
      results.map(({ value }) => value),
      packets.map((packet) => toeplitz(key, packet)),
    );
  }
});

rtlTest("toeplitz puts each of 288 bits at its place", async (t) => {
  const packets = Array.from({ length: 288 }, (_, bit) => {
    const packet = new Uint8Array(36);
    packet[bit >> 3] = 0x80 >> (bit & 7);
    return packet;
  });
  t.deepEqual(
    send(await open(t), packets).map(({ value }) => value),
    packets.map((packet) => toeplitz(rssKey, packet)),
  );
});

rtlTest("toeplitz takes a beat a cycle and answers 2 cycles after the last", async (t) => {
  const results = send(
    await open(t),
    Array.from({ length: 100 }, () => new Uint8Array(36)),
  );
  t.true(results.every(({ last, done }) => done - last === 2));
  t.is(results.at(-1)!.last - results[0]!.last, 99 * 5);
});
