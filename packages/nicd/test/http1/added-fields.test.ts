import test from "ava";
import { AddedFields } from "../../src/http1/added-fields.ts";

const written = (added: AddedFields, size = 65536): string => {
  const out = Buffer.alloc(size, 35);
  return out.toString("latin1", 3, added.writeTo(out, 3));
};

test("AddedFields writes what was added, in order, whatever was written before", (t) => {
  let state = 11;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const added = new AddedFields();
  let wrong = 0;
  for (let round = 0; round < 20_000; round++) {
    added.clear();
    let expected = "";
    for (let fields = next(4); fields > 0; fields--) {
      // Few of them, with all bytes, so that lines of other names and values come by the same places.
      const [name, value] = ["x".repeat(1 + next(3)), String.fromCharCode(97 + next(3), 0xe9).repeat(next(3) === 0 ? 100 : next(3))];
      added.add(name, value);
      expected += `${name}: ${value}\r\n`;
    }
    wrong += written(added) === expected ? 0 : 1;
  }
  t.is(wrong, 0);
});

test("AddedFields finds and removes by name, all of them, and forgets at clear()", (t) => {
  const added = new AddedFields();
  for (const [name, value] of [
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
  ] as const)
    added.add(name, value);
  t.is(added.indexOf("b"), 1);
  added.remove("a");
  t.is(written(added), "b: 2\r\n");
  t.is(added.indexOf("a"), -1);
  t.is(added.valueAt(0), "2");
  added.clear();
  t.is(added.count, 0);
  t.is(added.indexOf("b"), -1);
  t.is(written(added), "");
});

test("AddedFields refuses to write past the end", (t) => {
  const added = new AddedFields();
  added.add("name", "value");
  t.throws(() => written(added, 3 + "name: value\r\n".length - 1), { instanceOf: RangeError });
  t.is(written(added, 3 + "name: value\r\n".length), "name: value\r\n");
});
