import { SocketAddress } from "node:net";
import test from "ava";
import fc from "fast-check";
import { formatIp, isUnicast, parseIp, parsePrefix, prefixStart } from "../src/ip.ts";

for (const [text, canonical] of [
  ["10.0.0.1", "10.0.0.1"],
  ["::", "::"],
  ["::1", "::1"],
  ["FD00:0:0:0:0:0:0:1", "fd00::1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ["1::", "1::"],
  ["0:1::", "0:1::"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
  ["10:0:0:100:0:0:0:0", "10:0:0:100::"],
] as const) {
  test(`formatIp(parseIp("${text}")) is ${canonical} (RFC 5952 §4)`, (t) => {
    t.is(formatIp(parseIp(text)!), canonical);
  });
}

for (const text of ["", "10.0.0", "10.0.0.256", "010.0.0.1", "fe80::1%eth0", "1::2::3", "host"]) {
  test(`parseIp("${text}") is undefined`, (t) => {
    t.is(parseIp(text), undefined);
  });
}

test("formatIp() writes IPv6 as the C library does and parseIp() reads it back", (t) => {
  // Zero groups are likelier than chance, so that runs of all lengths occur.
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bits = groups.reduce((sum, value) => (sum << 16n) | BigInt(value), 0n);
      const text = formatIp({ family: 6, bits });
      const system = new SocketAddress({ address: groups.map((value) => value.toString(16)).join(":"), family: "ipv6" }).address;
      // inet_ntop writes ::a.b.c.d for small numbers; RFC 5952 leaves that to known prefixes.
      if (!system.includes(".") && text !== system) throw new Error(`${text}, the system says ${system}`);
      const read = parseIp(text);
      if (read?.family === 6 && read.bits !== bits) throw new Error(`${text} reads as another address`);
    }),
    { seed: 5952, numRuns: 2000 },
  );
  t.pass();
});

test("parsePrefix() reads prefixes and prefixStart() clears the host bits", (t) => {
  t.deepEqual(parsePrefix("10.1.0.0/16"), { family: 4, bits: 0x0a010000n, length: 16 });
  t.deepEqual(prefixStart(parsePrefix("10.1.2.3/16")!), { family: 4, bits: 0x0a010000n, length: 16 });
  t.deepEqual(prefixStart(parsePrefix("fd00::1/64")!), parsePrefix("fd00::/64"));
  for (const text of ["10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "/8", "x/8"]) t.is(parsePrefix(text), undefined, text);
});

test("isUnicast() refuses what cannot be one machine", (t) => {
  for (const text of ["10.0.0.1", "127.0.0.1", "223.255.255.255", "::1", "fd00::1"]) t.true(isUnicast(parseIp(text)!), text);
  for (const text of ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"]) t.false(isUnicast(parseIp(text)!), text);
});
