import { isIPv4 } from "node:net";
import test from "ava";
import fc from "fast-check";
import { AddressCache } from "../../src/host-channel/address-cache.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

test("AddressCache.bytes() has IPv4, mapped or not, in its IPv6 form, and leaves zones out", (t) => {
  const addresses = new AddressCache();
  for (const text of ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"])
    t.is(hex(addresses.bytes(text)), "00000000000000000000ffff7f000001", text);
  t.is(hex(addresses.bytes("::1")), "00000000000000000000000000000001");
  t.is(hex(addresses.bytes("fe80::1%eth0")), "fe800000000000000000000000000001");
  t.is(addresses.bytes("::1"), addresses.bytes("::1"), "parsed once");
});

test("AddressCache.bytes() and text() undo each other, for any address", (t) => {
  const addresses = new AddressCache();
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (ip) => {
        const text = addresses.text(Buffer.from([0, ...ip]), 1);
        return hex(addresses.bytes(text)) === hex(ip);
      }),
      { seed: 4, numRuns: 1000 },
    ),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const back = addresses.text(Buffer.from(addresses.bytes(text)!), 0);
        return back === text && isIPv4(back);
      }),
      { seed: 4 },
    ),
  );
});

test("AddressCache.bytes() of what is no address is undefined, for any text", (t) => {
  const addresses = new AddressCache();
  for (const text of ["", "localhost", "1.2.3", "1.2.3.4.5", "%eth0", "::1::"]) t.is(addresses.bytes(text), undefined, text);
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string(), (text) => [undefined, 16].includes(addresses.bytes(text)?.length)),
      { seed: 4 },
    ),
  );
});

test("AddressCache stays small, whatever passes", (t) => {
  const addresses = new AddressCache();
  const first = addresses.bytes("10.0.0.0");
  for (let n = 1; n <= 4096; n++) addresses.bytes(`10.0.${n >> 8}.${n & 0xff}`);
  t.not(addresses.bytes("10.0.0.0"), first, "forgotten, and parsed anew");
  t.is(hex(addresses.bytes("10.0.0.0")), hex(first));
});
