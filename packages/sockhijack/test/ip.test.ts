import { isIPv6 } from "node:net";
import test from "ava";
import fc from "fast-check";
import { endpointText, ipBytes, ipText, isLoopback, isMapped, isWildcard } from "../src/kernel/ip.ts";

const seeded = { seed: 4291, numRuns: 2000 } as const;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const mapped = "00000000000000000000ffff";
/** Addresses with runs of zeros, as they occur; plain noise hardly ever has one. */
const sixteen = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
const bytesOf = (words: readonly number[]): Uint8Array => Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]));

/** The canonical text by an implementation that is not ours: WHATWG URL, which follows RFC 5952 in all but IPv4-mapped addresses. */
const canonical = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

for (const [text, expected] of [
  ["127.0.0.1", `${mapped}7f000001`],
  ["255.255.255.255", `${mapped}ffffffff`],
  ["0.0.0.0", `${mapped}00000000`],
  ["::", "0".repeat(32)],
  ["::1", `${"0".repeat(30)}01`],
  ["1::", `0001${"0".repeat(28)}`],
  ["fd6d::1:2", "fd6d0000000000000000000000010002"],
  ["2001:DB8:0:0:1:0:0:1", "20010db8000000000001000000000001"],
  ["::ffff:198.18.0.1", `${mapped}c6120001`],
  ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
] as const) {
  test(`ipBytes() reads ${text}`, (t) => t.is(hex(ipBytes(text)), expected));
}

for (const text of ["", "localhost", "1.2.3", "1.2.3.256", "127.0.0.1:80", "[::1]", ":::", "1::2::3", "12345::", "01.2.3.4", " ::1"]) {
  test(`ipBytes() refuses ${JSON.stringify(text)}`, (t) => {
    const error = t.throws(() => ipBytes(text), { code: "ERR_ADDRESS" });
    t.true(error?.message.includes(JSON.stringify(text)));
  });
}

test("ipBytes() reads every IPv4 address into its IPv6 form, and ipText() writes it back", (t) => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      const bytes = ipBytes(text);
      return isMapped(bytes) && hex(bytes) === `${mapped}${hex(Uint8Array.from(text.split(".").map(Number)))}` && ipText(bytes) === text;
    }),
    seeded,
  );
  t.pass();
});

test("ipText() writes what node:net takes for IPv6 and the URL parser for canonical (RFC 5952)", (t) => {
  fc.assert(
    fc.property(sixteen, (words) => {
      const bytes = bytesOf(words);
      fc.pre(!isMapped(bytes));
      const text = ipText(bytes);
      return isIPv6(text) && text === canonical(text) && hex(ipBytes(text)) === hex(bytes);
    }),
    seeded,
  );
  t.pass();
});

test("ipBytes() reads every spelling of an IPv6 address alike", (t) => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      fc.pre(!isMapped(ipBytes(text)));
      return ipText(ipBytes(text)) === canonical(text) && hex(ipBytes(text.toUpperCase())) === hex(ipBytes(text));
    }),
    seeded,
  );
  t.pass();
});

test("isLoopback() is 127.0.0.0/8 and ::1, nothing else", (t) => {
  for (const text of ["127.0.0.1", "127.255.1.2", "::1", "::ffff:127.9.9.9"]) t.true(isLoopback(ipBytes(text)), text);
  for (const text of ["128.0.0.1", "10.127.0.1", "::", "::2", "1::1", "::127.0.0.1", "0.0.0.0"]) t.false(isLoopback(ipBytes(text)), text);
});

test("isWildcard() is 0.0.0.0 and ::, nothing else", (t) => {
  for (const text of ["0.0.0.0", "::", "::ffff:0.0.0.0"]) t.true(isWildcard(ipBytes(text)), text);
  for (const text of ["0.0.0.1", "1.0.0.0", "::1", "1::", "0:0:0:0:0:1::", "0:0:0:0:0:fffe::"]) t.false(isWildcard(ipBytes(text)), text);
});

test("endpointText() puts IPv6 in brackets", (t) => {
  t.is(endpointText(ipBytes("10.0.0.1"), 80), "10.0.0.1:80");
  t.is(endpointText(ipBytes("fd00::1"), 65535), "[fd00::1]:65535");
});
