import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TapMessage } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { ipBytes } from "../src/kernel/ip.ts";
import { CaptureWriter } from "../src/tap/capture-writer.ts";
import { tcpPacket } from "../src/tap/tcp-packet.ts";

const tcpdump = spawnSync("tcpdump", ["--version"]).status === 0;
const withTcpdump = tcpdump ? test : test.skip;
const [client, server] = [
  { source: ipBytes("10.0.0.1"), destination: ipBytes("10.0.0.2"), sourcePort: 40_000, destinationPort: 80 },
  { source: ipBytes("10.0.0.2"), destination: ipBytes("10.0.0.1"), sourcePort: 80, destinationPort: 40_000 },
];
const message = (text: string | Buffer, fields: Partial<TapMessage> = {}): TapMessage => ({
  timeNs: "1700000000123456789",
  from: "web",
  to: "db",
  ...client,
  length: text.length,
  data: Buffer.from(text as string),
  ...fields,
});

function capture(...messages: readonly TapMessage[]): Buffer {
  const writer = new CaptureWriter("sockhijack tap web");
  return Buffer.concat([writer.header(), ...messages.flatMap((m) => [...writer.packets(m)])]);
}

/** What an independent reader, tcpdump, makes of it: one line a packet. */
function dump(t: ExecutionContext, bytes: Uint8Array, ...options: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-capture-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "tap.pcapng"), bytes);
  const { status, stdout, stderr } = spawnSync("tcpdump", ["-nn", ...options, "-r", join(folder, "tap.pcapng")], {
    encoding: "utf8",
    env: { TZ: "UTC" },
  });
  t.is(status, 0, stderr);
  t.regex(stderr, /link-type RAW/);
  return stdout.trimEnd().split("\n");
}

withTcpdump("CaptureWriter's packets have right checksums and lengths for tcpdump, over IPv4 and IPv6", (t) => {
  const six = { source: ipBytes("fd00::1"), destination: ipBytes("fd00::2") };
  const lines = dump(t, capture(message("hello"), message("odd"), message("hello", six), message("", {})), "-vv").join("\n");
  t.is(lines.match(/cksum 0x[0-9a-f]{4} \(correct\)/g)?.length, 3, lines);
  t.notRegex(lines, /incorrect|bad cksum|truncated|\[\|/);
  t.regex(lines, /10\.0\.0\.1\.40000 > 10\.0\.0\.2\.80: .*length 5/);
  t.regex(lines, /fd00::1\.40000 > fd00::2\.80: .*length 5/);
});

withTcpdump("CaptureWriter numbers both directions of a stream as TCP would", (t) => {
  const lines = dump(t, capture(message("12345"), message("678", server), message("90"), message("x", { sourcePort: 40_001 })), "-S");
  const numbers = lines.map((line) => /> (\S+): .*seq (\d+):(\d+), ack (\d+)/.exec(line)?.slice(1).join(" "));
  t.deepEqual(numbers, ["10.0.0.2.80 1 6 1", "10.0.0.1.40000 1 4 6", "10.0.0.2.80 6 8 4", "10.0.0.2.80 1 2 1"]);
});

withTcpdump("CaptureWriter keeps time to the nanosecond", (t) => {
  const [line] = dump(t, capture(message("x")), "-tttt", "--time-stamp-precision=nano");
  t.true(line!.startsWith("2023-11-14 22:13:20.123456789 IP 10.0.0.1.40000"), line);
});

withTcpdump("CaptureWriter cuts a message into segments and says how long it was where the kernel copied less", (t) => {
  const bytes = Buffer.alloc(4096, "a");
  const lines = dump(t, capture(message(bytes, { length: 100_000 }), message("next")), "-S");
  const numbers = lines.map((line) => /seq (\d+):(\d+).*length (\d+)/.exec(line)?.slice(1).map(Number));
  t.deepEqual(numbers, [
    [1, 32_769, 32_768],
    [32_769, 65_537, 32_768],
    [65_537, 98_305, 32_768],
    [98_305, 100_001, 1696],
    [100_001, 100_005, 4],
  ]);
});

withTcpdump("CaptureWriter carries every byte of what was copied", (t) => {
  const hex = dump(t, capture(message(Buffer.from(Array.from({ length: 256 }, (_, n) => n)))), "-x")
    .join(" ")
    .replaceAll(/0x[0-9a-f]+:|\s/g, "");
  t.true(hex.includes(Buffer.from(Array.from({ length: 256 }, (_, n) => n)).toString("hex")));
});

test("CaptureWriter lets sequence numbers wrap", (t) => {
  const writer = new CaptureWriter("test");
  const sequence = (packet: Uint8Array) => Buffer.from(packet).readUInt32BE(28 + 20 + 4);
  const big = message("", { length: 2 ** 31 - 1 });
  let last = 0;
  for (const m of [big, big, message("x", { length: 100 })]) for (const packet of writer.packets(m)) last = sequence(packet);
  t.is(last, (1 + 2 * (2 ** 31 - 1)) >>> 0);
});

test("pcapng blocks are whole: each names its length twice, in multiples of 4, and the comment names both services", (t) => {
  const bytes = capture(message("hello"), message("a", { from: "", to: "" }));
  const types: number[] = [];
  let at = 0;
  for (; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
    const length = bytes.readUInt32LE(at + 4);
    types.push(bytes.readUInt32LE(at));
    t.is(length % 4, 0);
    t.is(bytes.readUInt32LE(at + length - 4), length);
  }
  t.is(at, bytes.length);
  t.deepEqual(types, [0x0a0d0d0a, 1, 6, 6]);
  t.true(bytes.includes("sockhijack tap web"));
  t.true(bytes.includes("web → db, redirected"));
  t.true(bytes.includes("(outside) → (outside), redirected"));
});

test("tcpPacket() leaves the checksum at 0 where the payload is not whole", (t) => {
  const fields = { source: Uint8Array.of(10, 0, 0, 1), destination: Uint8Array.of(10, 0, 0, 2), sourcePort: 1, destinationPort: 2 };
  const { bytes, fullLength } = tcpPacket({ ...fields, sequence: 1, acknowledgement: 1, data: Buffer.from("abc"), length: 10 });
  t.deepEqual([bytes.length, fullLength, Buffer.from(bytes).readUInt16BE(36)], [43, 50, 0]);
});
