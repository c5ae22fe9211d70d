import test from "ava";
import fc from "fast-check";
import { decodeSocketAddress, encodeSocketAddress, encodeSocketPath } from "../src/socket-address.ts";

test("encodeSocketAddress() writes what the kernel has", (t) => {
  t.is(encodeSocketAddress({ address: "127.0.0.1", port: 8080 }).toString("hex"), "02001f907f0000010000000000000000");
  t.is(
    encodeSocketAddress({ address: "2001:db8::1", port: 443 }).toString("hex"),
    "0a0001bb0000000020010db800000000000000000000000100000000",
  );
  t.throws(() => encodeSocketAddress({ address: "web", port: 1 }), { instanceOf: TypeError });
});

test("encodeSocketPath() writes what the kernel has, and no path that it would cut", (t) => {
  t.is(encodeSocketPath("/run/a").toString("hex"), "01002f72756e2f6100");
  t.is(encodeSocketPath("/".padEnd(107, "x")).length, 110);
  t.is(decodeSocketAddress(Buffer.concat([encodeSocketPath("/run/a"), Buffer.alloc(28)])).address, "");
  for (const path of ["", "/".padEnd(108, "x"), "/\u00fc".padEnd(107, "x"), "/run/\0a"])
    t.throws(() => encodeSocketPath(path), { instanceOf: TypeError });
});

test("decodeSocketAddress() gives back every address and port; a v4-mapped one is IPv4", (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (address, port) => {
      const once = decodeSocketAddress(encodeSocketAddress({ address, port }));
      t.is(once.port, port);
      t.deepEqual(decodeSocketAddress(encodeSocketAddress(once)), once);
      if (address.includes(".") && !address.includes(":")) t.is(once.address, address);
    }),
    { seed: 20_261_126 },
  );
  t.is(decodeSocketAddress(encodeSocketAddress({ address: "::ffff:10.0.0.1", port: 1 })).address, "10.0.0.1");
  t.deepEqual(decodeSocketAddress(Buffer.alloc(28)), { address: "", port: 0 });
});
