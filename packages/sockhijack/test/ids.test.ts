import test from "ava";
import { Ids } from "../src/mesh/ids.ts";

test("Ids gives numbers from 1 up, the same one for the same name", (t) => {
  const ids = new Ids(10);
  t.deepEqual([ids.of("web"), ids.of("db"), ids.of("web")], [1, 2, 1]);
  t.is(ids.name(2), "db");
});

test("Ids.name() is empty for 0 and for numbers nobody has", (t) => {
  const ids = new Ids(10, { web: 3 });
  t.deepEqual([ids.name(0), ids.name(1), ids.name(3)], ["", "", "web"]);
});

test("Ids.of() is 0 when all numbers below the limit are in use, and changes nothing", (t) => {
  const ids = new Ids(3);
  t.deepEqual([ids.of("a"), ids.of("b"), ids.of("c")], [1, 2, 0]);
  t.deepEqual(ids.toJSON(), { a: 1, b: 2 });
});

test("Ids.retain() frees the numbers of names that are gone, and no others change", (t) => {
  const ids = new Ids(4);
  for (const name of ["a", "b", "c"]) ids.of(name);
  ids.retain(new Set(["a", "c", "never seen"]));
  t.deepEqual(ids.toJSON(), { a: 1, c: 3 });
  t.is(ids.name(2), "");
  t.is(ids.of("d"), 2);
  t.is(ids.of("e"), 0);
});

test("Ids keeps the numbers that an earlier daemon saved, and fills the gaps", (t) => {
  const ids = new Ids(10, JSON.parse(JSON.stringify(new Ids(10, { web: 2, db: 1 }))));
  t.deepEqual([ids.of("web"), ids.of("db"), ids.of("new")], [2, 1, 3]);
});
