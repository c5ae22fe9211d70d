import { createSign, generateKeyPairSync } from "node:crypto";
import { deflateSync } from "node:zlib";
import test from "ava";
import { status } from "../../src/mod.ts";
import { Guest } from "./guest.ts";

test("proxy_call_foreign_function: the host's own first, then compress and uncompress, others notFound", (t) => {
  const guest = new Guest();
  guest.host.foreignFunctions = new Map([
    ["twice", (argument: Uint8Array) => Buffer.concat([argument, argument])],
    [
      "bad",
      () => {
        throw new Error("no");
      },
    ],
  ]);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("nope"), ...guest.put("x")), status.notFound);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("twice"), ...guest.put("ab")), "abab");
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("bad"), ...guest.put("ab")), status.badArgument);
  const packed = guest.readBytes("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a".repeat(100)));
  t.true(packed.length < 20);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put(packed)), "a".repeat(100));
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put("zzz")), status.serializationFailure);
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("clear_route_cache"), 0, 0), "");
  t.deepEqual(guest.stream.events, ["clearRoute"]);
});

test("proxy_call_foreign_function: either out pointer may be null (Envoy 1.40)", (t) => {
  const guest = new Guest();
  t.is(guest.call("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a"), 0, 0), status.ok);
  const length = guest.word();
  t.is(guest.call("proxy_call_foreign_function", ...guest.put("compress"), ...guest.put("a"), 0, length), status.ok);
  t.is(guest.u32(length), deflateSync("a").length);
  t.deepEqual(guest.allocations, []);
});

test("uncompress ends at limits.bodyBytes", (t) => {
  const guest = new Guest({ limits: { bodyBytes: 1000 } });
  const bomb = deflateSync(Buffer.alloc(100_000));
  t.is(guest.read("proxy_call_foreign_function", ...guest.put("uncompress"), ...guest.put(bomb)), status.serializationFailure);
});

test("verify_signature tells a good signature from a bad one, and takes exactly one key", (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = createSign("sha256").update("text").sign(privateKey);
  const field = (number: number, bytes: Uint8Array) => [(number << 3) | 2, (bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];
  const der = publicKey.export({ format: "der", type: "spki" });
  const pem = Buffer.from(publicKey.export({ format: "pem", type: "spki" }));
  const ask = (...parts: number[][]) => {
    const guest = new Guest();
    return guest.read("proxy_call_foreign_function", ...guest.put("verify_signature"), ...guest.put(Uint8Array.from(parts.flat())));
  };
  const [hash, signed, text] = [field(1, Buffer.from("sha256")), field(3, signature), field(4, Buffer.from("text"))];
  t.is(ask(hash, field(2, der), signed, text), "\x08\x01");
  t.is(ask(hash, field(5, pem), signed, text), "\x08\x01");
  t.regex(ask(hash, field(2, der), signed, field(4, Buffer.from("other"))) as string, /Failed to verify/);
  t.regex(ask(field(1, Buffer.from("md4")), field(2, der), signed, text) as string, /not supported/);
  t.regex(ask(hash, field(2, Buffer.from("key")), signed, text) as string, /Failed to parse/);
  t.is(ask(hash, signed, text), status.badArgument);
  t.is(ask(hash, field(2, der), field(5, pem), signed, text), status.badArgument);
  t.is(ask([0x0a, 0x7f]), status.badArgument);
});

test("WASI fd_write: 1 is information, 2 an error, one line's end is cut, other files are none", (t) => {
  const guest = new Guest();
  const vectors = (...texts: string[]): [number, number] => {
    const all = texts.map((text) => guest.put(text));
    const [at] = guest.put(new Uint8Array(8 * all.length));
    for (const [index, [from, length]] of all.entries()) {
      guest.setU32(at + 8 * index, from);
      guest.setU32(at + 8 * index + 4, length);
    }
    return [at, all.length];
  };
  const written = guest.word();
  t.is(guest.call("fd_write", 1, ...vectors("a", "b\n\n"), written), 0);
  t.is(guest.u32(written), 4);
  t.is(guest.call("fd_write", 2, ...vectors("no"), written), 0);
  t.deepEqual(guest.host.logs, ["info: ab\n", "error: no"]);
  t.is(guest.call("fd_write", 3, ...vectors("x"), written), 8);
  t.is(guest.call("fd_write", 1, -8, 1, written), 21);
  t.is(guest.call("fd_write", 1, ...vectors("x"), -1), 21);
  t.is(guest.call("fd_write", 1, 0, -1, written), 28);
  const [bad] = guest.put(new Uint8Array(8));
  guest.setU32(bad, 0xffff_fff0);
  guest.setU32(bad + 4, 100);
  t.is(guest.call("fd_write", 1, bad, 1, written), 21);
});

test("WASI clocks, arguments, environment and files answer as Envoy's", (t) => {
  const guest = new Guest();
  const at = guest.word();
  t.is(guest.call("clock_time_get", 0, 0n, at), 0);
  t.is(guest.u64(at), 1_700_000_000_000_000_000n);
  t.is(guest.call("clock_time_get", 1, 0n, at), 0);
  t.is(guest.u64(at), 5n);
  t.is(guest.call("clock_time_get", 2, 0n, at), 58);
  for (const name of ["args_sizes_get", "environ_sizes_get"]) {
    const [count, bytes] = [guest.word(0), guest.word(1)];
    t.is(guest.call(name, count, bytes), 0);
    t.deepEqual([guest.u32(count), guest.u32(bytes)], [0, 0]);
    t.is(guest.call(name, -1, bytes), 21);
  }
  t.is(guest.call("args_get", 0, 0), 0);
  t.is(guest.call("environ_get", 0, 0), 0);
  t.is(guest.call("fd_prestat_get", 3, 0), 8);
  t.is(guest.call("path_open", 3, 0, 0, 0, 0, 0n, 0n, 0, 0), 44);
  t.is(guest.call("fd_read", 0, 0, 0, 0), 52);
  t.is(guest.call("fd_seek", 1, 0n, 0, 0), 0);
  t.is(guest.call("sched_yield"), 0);
  const [stat] = guest.put(new Uint8Array(24).fill(9));
  t.is(guest.call("fd_fdstat_get", 1, stat), 0);
  t.deepEqual([...guest.bytes.slice(stat, stat + 24)], [0, 0, 0, 0, 0, 0, 0, 0, 64, ...new Array<number>(15).fill(0)]);
  t.is(guest.call("fd_fdstat_get", 5, stat), 8);
});

test("WASI poll_oneoff: every event is there at once, as a callback never waits", (t) => {
  const guest = new Guest();
  const [subscription] = guest.put(new Uint8Array(48));
  guest.setU32(subscription, 77);
  const [event] = guest.put(new Uint8Array(32).fill(9));
  const count = guest.word();
  t.is(guest.call("poll_oneoff", subscription, event, 1, count), 0);
  t.deepEqual([guest.u32(count), guest.u32(event), guest.u32(event + 8)], [1, 77, 0]);
  t.is(guest.call("poll_oneoff", subscription, event, 0, count), 28);
  t.is(guest.call("poll_oneoff", -1, event, 1, count), 21);
});

test("WASI random_get gives limits.randomBytes a callback, and wants a capability", (t) => {
  const guest = new Guest({ limits: { randomBytes: 100 } });
  guest.finishCallback();
  const [at] = guest.put(new Uint8Array(64));
  t.is(guest.call("random_get", at, 64), 0);
  t.true(new Set(guest.bytes.slice(at, at + 64)).size > 10);
  t.is(guest.call("random_get", at, 64), 28);
  guest.finishCallback();
  t.is(guest.call("random_get", at, 64), 0);
  t.is(guest.call("random_get", -1, 64), 21);
  t.is(new Guest({ capabilities: [] }).call("random_get", 0, 1), 76);
});
