import test from "ava";
import { keyHash } from "../../src/sticky/key-hash.ts";
import { type MaglevMember, MaglevTable, offsetSeed, skipSeed } from "../../src/sticky/maglev-table.ts";

const size = 16_381;
const members = (count: number, weight = (_nth: number) => 1): MaglevMember[] =>
  Array.from({ length: count }, (_, nth) => ({ key: `10.1.${nth >> 8}.${nth & 255}:80`, weight: weight(nth) }));
const entries = (table: MaglevTable) => Array.from({ length: table.size }, (_, entry) => table.at(entry));

/** Keys of the entries, as indices mean another member in another list. */
const owners = (list: readonly MaglevMember[], entriesOf = size) =>
  entries(new MaglevTable(list, entriesOf)).map((index) => list[index]!.key);

function shares(list: readonly MaglevMember[]): number[] {
  const counts = list.map(() => 0);
  for (const index of entries(new MaglevTable(list, size))) counts[index]!++;
  return counts.map((count) => count / size);
}

/** A key that begins so, whose permutation of seven entries has this offset and skip. */
function keyWith(start: string, offset: number, skip: number): MaglevMember {
  for (let nth = 0; ; nth++) {
    const key = `${start}-${nth}`;
    if (keyHash(key, offsetSeed) % 7 === offset && (keyHash(key, skipSeed) % 6) + 1 === skip) return { key, weight: 1 };
  }
}

test("MaglevTable is the paper's example, Table 1: three backends, seven entries, then without B1", (t) => {
  const [b0, b1, b2] = [keyWith("B0", 3, 4), keyWith("B1", 0, 2), keyWith("B2", 3, 1)];
  const names = (list: readonly MaglevMember[]) => owners(list, 7).map((key) => key.slice(0, 2));
  t.deepEqual(names([b0, b1, b2]), ["B1", "B0", "B1", "B0", "B2", "B2", "B0"]);
  t.deepEqual(names([b0, b2]), ["B0", "B0", "B0", "B0", "B2", "B2", "B2"]);
});

test("MaglevTable gives members of equal weight entries that differ by one at most", (t) => {
  for (const count of [1, 2, 7, 100]) {
    const counts = shares(members(count)).map((share) => Math.round(share * size));
    t.true(Math.max(...counts) - Math.min(...counts) <= 1, String(count));
  }
});

test("MaglevTable gives shares as the weights, within 1 %", (t) => {
  const list = members(10, (nth) => nth + 1);
  for (const [nth, share] of shares(list).entries()) t.true(Math.abs(share / ((nth + 1) / 55) - 1) < 0.01, `${nth}: ${share}`);
});

test("MaglevTable gives every member an entry, however light", (t) => {
  for (const share of shares(members(50, (nth) => (nth === 0 ? 1e9 : 1e-9)))) t.true(share > 0);
});

test("MaglevTable is the same whatever the order of the members", (t) => {
  const list = members(20, (nth) => 1 + (nth % 3));
  t.deepEqual(owners(list), owners(list.toReversed()));
});

test("MaglevTable without 1 of n moves that one's keys and few others", (t) => {
  for (const [count, most] of [
    [4, 0.05],
    [20, 0.05],
    [100, 0.05],
  ] as const) {
    const list = members(count);
    const before = owners(list);
    const gone = list[1]!.key;
    const after = owners(list.filter(({ key }) => key !== gone));
    let freed = 0;
    let others = 0;
    for (const [entry, owner] of before.entries()) {
      if (owner === gone) freed++;
      else if (owner !== after[entry]) others++;
    }
    t.true(Math.abs(freed / size - 1 / count) < 0.001);
    t.true(others / size < most, `of ${count}: ${others / size}`);
    t.log(
      `1 of ${count} gone: ${((100 * freed) / size).toFixed(1)} % of the keys were its own, ${((100 * others) / size).toFixed(1)} % of the keys moved besides`,
    );
  }
});

test("MaglevTable bears weights that are none", (t) => {
  for (const weight of [0, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    const list = members(3, (nth) => (nth === 1 ? weight : 1));
    t.is(owners(list, 251).length, 251);
    t.is(
      owners(
        members(3, () => weight),
        251,
      ).length,
      251,
    );
  }
});

test("MaglevTable bears more members than entries", (t) => {
  t.is(new Set(owners(members(20), 7)).size, 7);
});
