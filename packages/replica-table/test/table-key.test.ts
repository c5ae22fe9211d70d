import test from "ava";
import fc from "fast-check";
import { keyBytes, plainKey, readKey, replicaKey, writeKey } from "../src/table-key.ts";

test("replicaKey() puts brackets around v6 addresses", (t) => {
  t.is(replicaKey("10.0.0.1", 80), "10.0.0.1:80");
  t.is(replicaKey("fd00::1", 80), "[fd00::1]:80");
});

test("writeKey() lays v4 addresses mapped, and the port big-endian (RFC 4291 §2.5.5.2)", (t) => {
  const bytes = new Uint8Array(keyBytes);
  writeKey("10.0.0.1:258", bytes, 0);
  t.deepEqual([...bytes], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1, 1, 2, 0, 0, 0, 0, 0, 0]);
});

test("plainKey() has one spelling for a replica (RFC 5952 §4)", (t) => {
  for (const [written, plain] of [
    ["10.0.0.1:80", "10.0.0.1:80"],
    ["10.0.0.1:00080", "10.0.0.1:80"],
    ["[::1]:80", "[::1]:80"],
    ["[0:0:0:0:0:0:0:1]:80", "[::1]:80"],
    ["[::]:80", "[::]:80"],
    ["[FD00:0::0001]:80", "[fd00::1]:80"],
    ["[fd00::]:80", "[fd00::]:80"],
    ["[1:0:0:2:0:0:0:3]:80", "[1:0:0:2::3]:80"],
    ["[1:0:0:2:3:0:0:4]:80", "[1::2:3:0:0:4]:80"],
    ["[1:0:2:3:4:5:6:7]:80", "[1:0:2:3:4:5:6:7]:80"],
    ["[::ffff:10.0.0.1]:80", "10.0.0.1:80"],
    ["[::ffff:a00:1]:80", "10.0.0.1:80"],
    ["[::1.2.3.4]:80", "[::102:304]:80"],
  ] as const) {
    t.is(plainKey(written), plain, written);
  }
});

test("writeKey() refuses what is no address and port", (t) => {
  for (const key of [
    "",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "10.0.0:80",
    "::1:80",
    "[10.0.0.1]:80",
    "[::1]",
    "[::1%lo]:80",
    "web:80",
  ]) {
    t.throws(() => writeKey(key, new Uint8Array(keyBytes), 0), { code: "ERR_REPLICA_KEY" }, key);
  }
});

test("readKey() reads any bytes as a key that writes the same bytes", (t) => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(255), fc.nat(255)), { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(groups, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
      const bytes = Uint8Array.from([...address, port >> 8, port & 0xff, 0, 0, 0, 0, 0, 0]);
      const again = new Uint8Array(keyBytes);
      writeKey(readKey(bytes, 0), again, 0);
      t.deepEqual(again, bytes);
    }),
    { seed: 1, numRuns: 500 },
  );
});
