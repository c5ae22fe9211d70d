import test from "ava";
import fc from "fast-check";
import { parseIp, parsePrefix } from "../src/ip.ts";
import { assignAddresses } from "../src/virtual-address.ts";

const none: ReadonlySet<bigint> = new Set();
const wide = parsePrefix("198.18.0.0/16")!;

test("assignAddresses() gives these names these addresses for ever", (t) => {
  t.deepEqual(
    [...assignAddresses(["cart", "web"], wide, none)!],
    [
      ["cart", "198.18.91.247"],
      ["web", "198.18.9.184"],
    ],
  );
});

test("assignAddresses() gives distinct addresses inside the prefix, never the first or last", (t) => {
  const narrow = parsePrefix("198.18.0.0/28")!;
  fc.assert(
    fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 14 }), (names) => {
      const bits = [...assignAddresses(names, narrow, none)!.values()].map((text) => parseIp(text)!.bits - narrow.bits);
      if (new Set(bits).size !== names.length) throw new Error("an address is given twice");
      if (bits.some((offset) => offset < 1n || offset > 14n)) throw new Error("outside");
    }),
    { seed: 18 },
  );
  t.pass();
});

test("assignAddresses() does not depend on the order, and a name that comes moves hardly any other", (t) => {
  const names = Array.from({ length: 200 }, (_, index) => `service-${index}`);
  const before = assignAddresses(names, wide, none)!;
  t.deepEqual(assignAddresses([...names].reverse(), wide, none), before);
  let moved = 0;
  for (let index = 0; index < 100; index++) {
    const after = assignAddresses([...names, `another-${index}`], wide, none)!;
    moved += names.filter((name) => after.get(name) !== before.get(name)).length;
  }
  t.true(moved <= 2, `${moved} of 20000 addresses moved`);
});

test("assignAddresses() probes past taken addresses and round the end, until the prefix is full", (t) => {
  const tiny = parsePrefix("198.18.0.0/29")!;
  const [first] = assignAddresses(["a"], tiny, none)!.values();
  const taken = new Set([parseIp(first!)!.bits]);
  const offset = (parseIp(first!)!.bits - tiny.bits - 1n + 1n) % 6n;
  t.is(parseIp(assignAddresses(["a"], tiny, taken)!.get("a")!)!.bits, tiny.bits + 1n + offset);
  t.is(assignAddresses(["a", "b", "c", "d", "e", "f"], tiny, none)?.size, 6);
  t.is(assignAddresses(["a", "b", "c", "d", "e", "f"], tiny, taken), undefined);
  t.is(assignAddresses(["a", "b", "c", "d", "e", "f"], tiny, new Set([tiny.bits, tiny.bits + 7n, 1n]))?.size, 6);
});
