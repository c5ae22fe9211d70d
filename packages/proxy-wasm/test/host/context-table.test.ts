/** Contexts by their numbers: none is lost, none is found under another's number, and no number is given twice while it is in use. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import { ContextTable } from "../../src/host/context-table.ts";
import { GuestContext } from "../../src/host/guest-context.ts";

const source = join(import.meta.dirname, "../../src/host/context-table.ts");
/** Places of a new table. */
const places = 64;
const context = (id: number): GuestContext => new GuestContext(id, null);
const added = (table: ContextTable, id: number): GuestContext => {
  const made = context(id);
  table.add(made);
  return made;
};

/** A table that has given all numbers up to this one: to ask for 2^32 of them takes minutes, so its source begins with another number. */
async function tableAfter(last: number): Promise<ContextTable> {
  const text = readFileSync(source, "utf8");
  const changed = text.replace("#last = 0;", `#last = ${last};`);
  if (changed === text) throw new Error(`${source} no longer says "#last = 0;"`);
  const folder = mkdtempSync(join(tmpdir(), "context-table-"));
  try {
    writeFileSync(join(folder, "table.ts"), changed);
    const { ContextTable: Changed } = (await import(pathToFileURL(join(folder, "table.ts")).href)) as { ContextTable: typeof ContextTable };
    return new Changed();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("ContextTable gives numbers from 1, and finds a context by its own only", (t) => {
  const table = new ContextTable();
  t.deepEqual([table.nextId(), table.nextId(), table.nextId()], [1, 2, 3]);
  const third = added(table, 3);
  t.is(table.get(3), third);
  for (const other of [0, 1, 4, 3 + places, 3 - places, -3, 3.5, 2 ** 32 + 3, Number.NaN]) t.is(table.get(other), undefined, String(other));
});

test("ContextTable grows: a thousand open contexts keep their numbers, and are told apart", (t) => {
  const table = new ContextTable();
  const all = Array.from({ length: 1000 }, () => added(table, table.nextId()));
  t.is(new Set(all.map(({ id }) => id)).size, all.length);
  for (const one of all) t.is(table.get(one.id), one);
  for (let id = 1001; id < 5000; id++) t.is(table.get(id), undefined);
});

test("ContextTable.nextId() passes over a number whose place is taken, until that one is gone", (t) => {
  const table = new ContextTable();
  const first = added(table, table.nextId());
  for (let id = 2; id <= places; id++) t.is(table.nextId(), id);
  t.is(table.nextId(), places + 2, "the place of 1 and 65");
  t.is(table.get(1), first);
  table.delete(1);
  for (let id = places + 3; id <= 2 * places; id++) t.is(table.nextId(), id);
  t.is(table.nextId(), 2 * places + 1);
});

test("ContextTable stays as it is while contexts come and go: it keeps no room for those that are gone", (t) => {
  const table = new ContextTable();
  added(table, table.nextId());
  // In a table that had grown, 65 would have a place of its own.
  for (let times = 0; times < 10 * places; times++) {
    const { id } = added(table, table.nextId());
    t.not(id % places, 1);
    table.delete(id);
  }
});

test("ContextTable.nextId() comes round after 2^32 - 1, without 0, and passes over what is still open", async (t) => {
  const table = await tableAfter(2 ** 32 - 4);
  const open = [added(table, 1), added(table, 3)];
  const late = [added(table, table.nextId()), added(table, table.nextId())];
  t.deepEqual(
    late.map(({ id }) => id),
    [2 ** 32 - 3, 2 ** 32 - 2],
  );
  t.deepEqual([table.nextId(), table.nextId(), table.nextId()], [2 ** 32 - 1, 2, 4]);
  for (const one of [...open, ...late]) t.is(table.get(one.id), one);
  table.delete(2 ** 32 - 2);
  t.is(table.get(2 ** 32 - 2), undefined);
  // Its place is 61 of 64, before and after the table grows.
  for (let count = 0; count < places; count++) added(table, table.nextId());
  for (const one of [...open, late[0]!]) t.is(table.get(one.id), one);
});

test("ContextTable.delete() of a number that is not there takes nothing away, and is not counted", (t) => {
  const table = new ContextTable();
  const first = added(table, 1);
  for (const other of [0, 2, 1 + places, 1 - places, 2 ** 32 + 1]) for (let times = 0; times < places; times++) table.delete(other);
  t.is(table.get(1), first);
  // Were it counted, the table would not grow, and those further on would take the places of these.
  const all = [first];
  for (let id = 2; id <= 2 * places; id++) all.push(added(table, id));
  for (const one of all) t.is(table.get(one.id), one);
  table.delete(1);
  table.delete(1);
  t.is(table.get(1), undefined);
  t.is(table.get(2), all[1]);
});

test("ContextTable.clear() forgets all contexts and no number: none is used twice", (t) => {
  const table = new ContextTable();
  const ids = Array.from({ length: 100 }, () => added(table, table.nextId()).id);
  table.clear();
  for (const id of ids) t.is(table.get(id), undefined);
  t.is(table.nextId(), 101);
  // It counts from none again: as many as before have their places.
  const all = Array.from({ length: 300 }, () => added(table, table.nextId()));
  for (const one of all) t.is(table.get(one.id), one);
});

test("ContextTable does as a Map does, whatever comes and goes", (t) => {
  const table = new ContextTable();
  const map = new Map<number, GuestContext>();
  let state = 11;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let step = 0; step < 50_000; step++) {
    // Half of the time it fills, half of the time it empties; up to some hundreds are open.
    if (next(100) < (step % 1000 < 500 ? 70 : 30)) {
      const id = table.nextId();
      if (map.has(id)) t.fail(`${id} is in use`);
      map.set(id, added(table, id));
    } else {
      const id = [...map.keys()][next(map.size)] ?? 7;
      table.delete(id);
      map.delete(id);
    }
    const asked = next(step + 2);
    if (table.get(asked) !== map.get(asked)) t.fail(`${asked} at step ${step}`);
  }
  for (const [id, one] of map) t.is(table.get(id), one);
});
