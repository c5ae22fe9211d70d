import test from "ava";
import fc from "fast-check";
import { readProxyHeader } from "../../src/transport/proxy-header.ts";
import { version2 } from "./proxy-bytes.ts";

const line = (text: string) => readProxyHeader(Buffer.from(`${text}\r\n`, "latin1"));

test("readProxyHeader() reads lines of version 1", (t) => {
  t.deepEqual(line("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883"), {
    state: "done",
    bytes: 42,
    client: { kind: "inet", address: "192.0.2.1", port: 1234 },
  });
  t.like(line("PROXY TCP6 2001:db8::1 ::1 65535 0"), { client: { kind: "inet", address: "2001:db8::1", port: 65_535 } });
  const longest = `PROXY UNKNOWN ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535`;
  t.is(longest.length, 105);
  t.like(line(longest), { state: "done", bytes: 107, client: { kind: "unknown" } });
  t.like(line("PROXY UNKNOWN"), { bytes: 15, client: { kind: "unknown" } });
});

test("readProxyHeader() refuses lines that are not to the letter", (t) => {
  const wrong = [
    "PROXY",
    "PROXY ",
    "PROXY TCP4",
    "PROXY  TCP4 192.0.2.1 192.0.2.9 1234 1883",
    "PROXY TCP4 192.0.2.1 192.0.2.9 1234",
    "PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883 ",
    "PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883 5",
    "PROXY TCP4 192.0.2.256 192.0.2.9 1234 1883",
    "PROXY TCP4 ::1 ::1 1234 1883",
    "PROXY TCP6 192.0.2.1 192.0.2.9 1234 1883",
    "PROXY TCP6 fe80::1%eth0 ::1 1234 1883",
    "PROXY TCP4 192.0.2.1 192.0.2.9 01234 1883",
    "PROXY TCP4 192.0.2.1 192.0.2.9 65536 1883",
    "PROXY TCP4 192.0.2.1 192.0.2.9 -1 1883",
    "PROXY TCP4 192.0.2.1 192.0.2.9 1234 1e3",
    "PROXY UDP4 192.0.2.1 192.0.2.9 1234 1883",
    "PROXY UNKNOWNS",
    "proxy TCP4 192.0.2.1 192.0.2.9 1234 1883",
    `PROXY UNKNOWN ${"x".repeat(100)}`,
  ];
  for (const text of wrong) t.is(line(text).state, "bad", text);
  t.is(readProxyHeader(Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\n")).state, "more");
  t.is(readProxyHeader(Buffer.alloc(107, "PROXY ")).state, "bad");
  t.is(readProxyHeader(Buffer.from("\x10\x0c\0\x04MQTT", "latin1")).state, "bad");
});

test("readProxyHeader() reads headers of version 2, whatever follows the addresses", (t) => {
  const inet = { command: 1, family: 1, transport: 1, addresses: Buffer.from([192, 0, 2, 1, 192, 0, 2, 9, 4, 210, 7, 91]) };
  t.deepEqual(readProxyHeader(version2(inet)), { state: "done", bytes: 28, client: { kind: "inet", address: "192.0.2.1", port: 1234 } });
  const tlvs = Buffer.from("0400030a0b0c20000501000000ff", "hex");
  t.like(readProxyHeader(version2({ ...inet, tlvs })), { bytes: 28 + tlvs.length, client: { address: "192.0.2.1" } });
  t.like(readProxyHeader(version2({ ...inet, tlvs: Buffer.alloc(65_523) })), { bytes: 65_551 });
  const inet6 = Buffer.concat([Buffer.from("20010db8000000000000000000000001", "hex"), Buffer.alloc(16), Buffer.from([4, 210, 7, 91])]);
  t.like(readProxyHeader(version2({ ...inet, family: 2, addresses: inet6 })), {
    client: { kind: "inet", address: "2001:db8::1", port: 1234 },
  });
  inet6.write("00000000000000000000ffffc0000201", 0, "hex");
  t.like(readProxyHeader(version2({ ...inet, family: 2, addresses: inet6 })), { client: { address: "192.0.2.1" } });
  t.like(readProxyHeader(version2({ ...inet, family: 3, addresses: Buffer.alloc(216) })), { bytes: 232, client: { kind: "unix" } });
  t.like(readProxyHeader(version2({ ...inet, family: 0, transport: 0, addresses: Buffer.alloc(0) })), { client: { kind: "unknown" } });
  // LOCAL: what it says of addresses is not looked at.
  t.like(readProxyHeader(version2({ command: 0, family: 0, transport: 0, addresses: Buffer.alloc(0) })), {
    bytes: 16,
    client: { kind: "proxy" },
  });
  t.like(readProxyHeader(version2({ command: 0, family: 9, transport: 9, addresses: Buffer.alloc(3) })), {
    bytes: 19,
    client: { kind: "proxy" },
  });
});

test("readProxyHeader() refuses headers of version 2 that are wrong, before they are whole", (t) => {
  const inet = { command: 1, family: 1, transport: 1, addresses: Buffer.alloc(12) };
  for (const change of [
    { version: 1 },
    { version: 3 },
    { command: 2 },
    { command: 15 },
    { family: 4 },
    { transport: 2 },
    { transport: 3 },
    { addresses: Buffer.alloc(11) },
    { family: 2, addresses: Buffer.alloc(35) },
    { family: 3, addresses: Buffer.alloc(215) },
  ])
    t.is(readProxyHeader(version2({ ...inet, ...change }).subarray(0, 16)).state, "bad", JSON.stringify(change));
});

test("readProxyHeader() of any bytes, whole and mutated, throws nothing and never wants more than the longest header", (t) => {
  const head = fc.constantFrom(
    Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\n"),
    Buffer.from("PROXY TCP6 2001:db8::1 ::1 1234 1883\r\n"),
    version2({ command: 1, family: 1, transport: 1, addresses: Buffer.alloc(12, 7), tlvs: Buffer.alloc(9) }),
    version2({ command: 1, family: 2, transport: 1, addresses: Buffer.alloc(36, 7) }),
    version2({ command: 0, family: 0, transport: 0, addresses: Buffer.alloc(0) }),
  );
  const edits = fc.array(fc.tuple(fc.nat(120), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.tuple(head, edits, fc.nat(140), fc.uint8Array({ maxLength: 40 })).map(([bytes, changes, cut, tail]) => {
      const mutated = Buffer.concat([bytes, tail]);
      for (const [at, value] of changes) if (at < mutated.length) mutated[at] = value;
      return mutated.subarray(0, cut);
    }),
  );
  const states = { more: 0, bad: 0, done: 0 };
  const check = fc.property(input, (bytes) => {
    const header = readProxyHeader(bytes);
    states[header.state]++;
    if (header.state === "more" && bytes.length >= 65_551) throw new Error("wants more for ever");
    if (header.state !== "done") return;
    if (header.bytes > bytes.length || header.bytes < 15) throw new Error("a length that is not there");
    // What follows changes nothing, and what comes before is not enough.
    if (JSON.stringify(readProxyHeader(bytes.subarray(0, header.bytes))) !== JSON.stringify(header))
      throw new Error("it depends on what follows");
    for (let length = 0; length < header.bytes; length++)
      if (readProxyHeader(bytes.subarray(0, length)).state !== "more") throw new Error(`decided after ${length} of ${header.bytes} bytes`);
  });
  fc.assert(check, { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 1_000_000 : 20_000 });
  t.true(states.more > 100 && states.bad > 100 && states.done > 100, JSON.stringify(states));
});
