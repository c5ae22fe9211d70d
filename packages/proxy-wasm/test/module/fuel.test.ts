import { createHash } from "node:crypto";
import test from "ava";
import { unmeteredUnits } from "../../src/module/instruction-cost.ts";
import { fuelExport, instrument } from "../../src/module/mod.ts";
import { countEach } from "./count-each.ts";
import { type Exports, engine, functionOf, globalOf, instantiate } from "./instance.ts";
import { buildModule, type FunctionSpec, type ModuleSpec, s32, u32 } from "./module-builder.ts";
import { randomSpec } from "./random-module.ts";

const memoryBytes = 4 * 65536;
const runs = process.env.MITSU_TEST_ALL === "1" ? 5000 : 120;
const loop = (...body: number[]) => [0x03, 0x40, ...body, 0x0c, 0, 0x0b];
const metered = (spec: ModuleSpec, imports: object = {}) => instantiate(instrument(buildModule(spec), { memoryBytes }), imports);
const one = (code: number[], type = ":", more: Partial<ModuleSpec> = {}, locals = ""): ModuleSpec => ({
  ...more,
  functions: [{ type, code: [...code, 0x0b], export: "run", locals }, ...(more.functions ?? [])],
});

/** Runs with so much fuel. @returns What was used, and the error. */
function runWith(exports: Exports, units: number, ...values: number[]): { used: number; error: unknown; result: number | undefined } {
  const fuel = globalOf(exports, fuelExport);
  fuel.value = units;
  let error: unknown;
  let result: number | undefined;
  try {
    result = functionOf(exports, "run")(...values);
  } catch (caught) {
    error = caught;
  }
  return { used: units - fuel.value, error, result };
}

/** All that can be seen of a run. */
function seen(bytes: Uint8Array, seed: number) {
  const exports = instantiate(bytes, { env: { h: (value: number) => (value * 7 + 3) | 0 } });
  const run = runWith(fuelExport in exports ? exports : { ...exports, [fuelExport]: { value: 0 } }, 2 ** 31 - 1, 5, seed);
  const memory = createHash("sha1")
    .update(new Uint8Array((exports.memory as { buffer: ArrayBuffer }).buffer))
    .digest("hex");
  return { ...run, memory, rounds: globalOf(exports, "global0").value, exports };
}

test("instrument() keeps what random programs compute, and charges no less than what runs", (t) => {
  let rounds = 0;
  let exact = 0;
  let charged = 0;
  for (let seed = 0; seed < runs; seed++) {
    const spec = randomSpec(seed);
    const plain = seen(buildModule(spec), seed);
    const bounded = seen(instrument(buildModule(spec), { memoryBytes }), seed);
    const counted = seen(countEach(spec), seed);
    const what = `seed ${seed}`;
    t.deepEqual(
      { result: bounded.result, memory: bounded.memory, rounds: bounded.rounds, error: String(bounded.error) },
      { result: plain.result, memory: plain.memory, rounds: plain.rounds, error: String(plain.error) },
      what,
    );
    const units = globalOf(counted.exports, "global1").value;
    // A small function without loops costs only who calls it, and here that is the host.
    t.true(bounded.used >= units || (bounded.used === 0 && units <= unmeteredUnits), `${what}: ${bounded.used} charged, ${units} ran`);
    rounds += plain.rounds;
    exact += units;
    charged += bounded.used;
  }
  t.true(rounds > runs * 5, "the programs do something");
  t.log(`${runs} programs, ${rounds} rounds of loops, ${exact} units ran, ${charged} charged`);
});

test("instrument() makes fuel exact: the units that were used are enough, and one less is not", (t) => {
  let stopped = 0;
  for (let seed = 0; seed < 60; seed++) {
    const exports = () => instantiate(instrument(buildModule(randomSpec(seed)), { memoryBytes }), { env: { h: (value: number) => value } });
    const { used, error } = runWith(exports(), 2 ** 31 - 1, 1, 2);
    if (error !== undefined || used === 0) continue;
    t.is(runWith(exports(), used, 1, 2).error, undefined);
    const short = exports();
    t.true(runWith(short, used - 1, 1, 2).error instanceof engine.RuntimeError, `seed ${seed}`);
    t.true(globalOf(short, fuelExport).value < 0);
    stopped++;
  }
  t.true(stopped > 20);
});

const endless: Readonly<Record<string, ModuleSpec>> = {
  "an empty loop": one(loop()),
  "a loop that goes on from an inner block": one([0x03, 0x40, 0x02, 0x40, 0x0c, 1, 0x0b, 0x0b]),
  "a loop that goes on by br_if": one([0x03, 0x40, 0x41, 1, 0x0d, 0, 0x0b]),
  "a loop that goes on by br_table": one([0x03, 0x40, 0x41, 5, 0x0e, 1, 0, 0, 0x0b]),
  "a loop around a loop that ends": one(loop(0x03, 0x40, 0x0b)),
  "a loop that calls an empty function": one(loop(0x10, 1), ":", { functions: [{ type: ":", code: [0x0b] }] }),
  "a loop that calls through a table": one(loop(0x41, 0, 0x11, 0, 0), ":", {
    functions: [{ type: ":", code: [0x0b] }],
    table: { initial: 1, functions: [1] },
  }),
  "tail calls of itself": one([0x12, 0]),
  "tail calls through a table": one([0x41, 0, 0x13, 0, 0], ":", { table: { initial: 1, functions: [0] } }),
  "tail calls of each other": one([0x12, 1], ":", { functions: [{ type: ":", code: [0x12, 0, 0x0b] }] }),
  "memory.fill without end": one(loop(0x41, 0, 0x41, 0, 0x41, ...s32(65536), 0xfc, 11, 0), ":", { memory: { initial: 1 } }),
  "memory.copy without end": one(loop(0x41, 0, 0x41, 1, 0x41, ...s32(65535), 0xfc, 10, 0, 0), ":", { memory: { initial: 1 } }),
  "memory.grow without end": one(loop(0x41, 1, 0x40, 0, 0x1a), ":", { memory: { initial: 1 } }),
  "table.grow without end": one(loop(0xd0, 0x70, 0x41, ...s32(1000), 0xfc, 15, 0, 0x1a), ":", { table: { initial: 1 } }),
  "loads all over the memory": one(
    loop(0x20, 0, 0x28, 2, 0, 0x20, 0, 0x41, ...s32(7919 * 64), 0x6a, 0x41, ...s32(0x3fffc), 0x71, 0x22, 0, 0x6a, 0x1a),
    ":",
    { memory: { initial: 4 } },
    "i",
  ),
  divisions: one(loop(0x20, 0, 0x41, 3, 0x6d, 0x41, 7, 0x6a, 0x21, 0), ":", {}, "i"),
};
for (const [name, spec] of Object.entries(endless))
  test(`instrument() stops ${name}`, (t) => {
    const exports = metered(spec);
    const start = performance.now();
    const { used, error } = runWith(exports, 2_000_000);
    t.true(error instanceof engine.RuntimeError, String(error));
    t.true(used > 2_000_000);
    t.log(`2000000 units in ${(performance.now() - start).toFixed(2)} ms, newly compiled`);
  });

test("instrument() lets endless recursion end as a trap: of fuel if it is short, else of the stack", (t) => {
  const spec = one([0x10, 0]);
  const short = runWith(metered(spec), 1000);
  t.true(short.error instanceof engine.RuntimeError);
  t.true(short.used > 1000);
  const deep = runWith(metered(spec), 2 ** 31 - 1);
  t.true(deep.error instanceof RangeError);
  t.regex(String(deep.error), /call stack/);
});

test("instrument() charges bulk operations by the bytes, pages and entries that they move", (t) => {
  const used = (code: number[], more: Partial<ModuleSpec>) => runWith(metered(one([...code], ":", more)), 2 ** 31 - 1).used;
  const fill = (bytes: number) => used([0x41, 0, 0x41, 7, 0x41, ...s32(bytes), 0xfc, 11, 0], { memory: { initial: 4 } });
  t.is(fill(4 * 65536) - fill(0), 65536);
  const grow = (pages: number) => used([0x41, ...s32(pages), 0x40, 0, 0x1a], { memory: { initial: 1 } });
  t.is(grow(2) - grow(0), 2 * 4096);
  t.true(grow(0) > 1000);
  const init = (bytes: number) =>
    used([0x41, 0, 0x41, 0, 0x41, ...s32(bytes), 0xfc, 8, 0, 0], { memory: { initial: 1 }, data: Array.from({ length: 100 }, () => 1) });
  t.is(init(100) - init(0), 25);
  const tables = (entries: number) => used([0x41, 0, 0xd0, 0x70, 0x41, ...s32(entries), 0xfc, 17, 0], { table: { initial: 1000 } });
  t.is(tables(1000) - tables(0), 64_000);
  // An operand beyond all bounds neither wraps the counter nor gets through.
  const negative = metered(one([0x41, 0, 0x41, 7, 0x41, ...s32(-1), 0xfc, 11, 0], ":", { memory: { initial: 1 } }));
  t.true(runWith(negative, 1000).error instanceof engine.RuntimeError);
  t.true(globalOf(negative, fuelExport).value < 0);
});

test("instrument() counts on from where the host and nested calls left the counter", (t) => {
  // run: a loop of its own, so that the counter is in a local; then the host; then again.
  const spin = [0x41, 10, 0x21, 0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  const inner: FunctionSpec = { type: ":", locals: "i", code: [...spin, 0x0b], export: "inner" };
  const spec: ModuleSpec = {
    imports: [{ module: "env", name: "h", type: ":" }],
    functions: [{ type: ":", locals: "i", code: [...spin, 0x10, 0, ...spin, 0x0b], export: "run" }, inner],
  };
  let host = () => {};
  const exports = metered(spec, { env: { h: () => host() } });
  const alone = runWith(exports, 1e6).used;
  host = () => functionOf(exports, "inner")();
  const nested = runWith(exports, 1e6).used;
  t.true(nested > alone + 50);
  let before = 0;
  host = () => {
    before = globalOf(exports, fuelExport).value;
    globalOf(exports, fuelExport).value -= 5000;
  };
  t.is(runWith(exports, 1e6).used, alone + 5000);
  t.true(before < 1e6 - 50, "the host sees what the loop took");
  host = () => {
    globalOf(exports, fuelExport).value = 0;
  };
  t.true(runWith(exports, 1e6).error instanceof engine.RuntimeError);
});

test("instrument() writes the counter back on every way out of a function with a loop of its own", (t) => {
  const spin = [0x41, 10, 0x21, 0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b];
  for (const out of [[], [0x0f], [0x0c, 0], [0x41, 1, 0x0d, 0], [0x41, 9, 0x0e, 1, 0, 0], [0x12, 1], [0x02, 0x40, 0x0c, 1, 0x0b]]) {
    const exports = metered(one([...spin, ...out], ":", { functions: [{ type: ":", code: [0x0b] }] }, "i"));
    t.true(runWith(exports, 1e6).used >= 50, JSON.stringify(out));
  }
});

test("instrument() bounds a start section by startFuel", (t) => {
  const bytes = instrument(buildModule({ functions: [{ type: ":", code: [...loop(), 0x0b] }], start: 0 }), {
    memoryBytes,
    startFuel: 100_000,
  });
  t.throws(() => instantiate(bytes), { instanceOf: engine.RuntimeError });
});

test("instrument() takes little time for long code: many labels, deep blocks, chains of small functions", (t) => {
  const start = process.cpuUsage();
  const table = one([0x41, 0, 0x0e, ...u32(60_000), ...Array.from({ length: 60_001 }, () => 0)]);
  const deep = 20_000;
  const blocks = one([
    ...Array.from({ length: deep }, () => [0x02, 0x40]).flat(),
    ...Array.from({ length: deep }, () => [0x41, 0, 0x0d, ...u32(deep - 1)]).flat(),
    ...Array.from({ length: deep }, () => 0x0b),
  ]);
  const chain: ModuleSpec = {
    functions: Array.from({ length: 5000 }, (_, index) => ({
      type: ":",
      code: index === 4999 ? [0x0b] : [0x10, ...u32(index + 1), 0x0b],
    })),
  };
  for (const spec of [table, blocks, chain]) t.true(engine.validate(instrument(buildModule(spec), { memoryBytes })));
  t.true(process.cpuUsage(start).user < 5e6);
});
