import test from "ava";
import { fuelExport, instrument, largestTableEntries } from "../../src/module/mod.ts";
import { readSections } from "../../src/module/sections.ts";
import { engine, functionOf, globalOf, instantiate } from "./instance.ts";
import { buildModule, type ModuleSpec, s32 } from "./module-builder.ts";

const memoryBytes = 4 * 65536;
const run = (spec: ModuleSpec) => instantiate(instrument(buildModule(spec), { memoryBytes }));
const grower = (op: number[], more: ModuleSpec): ModuleSpec => ({
  ...more,
  functions: [{ type: "i:i", code: [...op, 0x0b], export: "run" }],
});
const growMemory = (memory: NonNullable<ModuleSpec["memory"]>) => grower([0x20, 0, 0x40, 0], { memory });

test("instrument() lets memory grow to the bound and no further, whatever the module says", (t) => {
  for (const memory of [{ initial: 1 }, { initial: 1, maximum: 60000 }, { initial: 1, maximum: 4 }]) {
    const exports = run(growMemory(memory));
    globalOf(exports, fuelExport).value = 2 ** 31 - 1;
    t.is(functionOf(exports, "run")(3), 1);
    t.is(functionOf(exports, "run")(1), -1);
  }
  const less = run(growMemory({ initial: 1, maximum: 2 }));
  globalOf(less, fuelExport).value = 2 ** 31 - 1;
  t.is(functionOf(less, "run")(2), -1);
  t.is(functionOf(less, "run")(1), 1);
});

test("instrument() refuses more memory or a larger table than is allowed", (t) => {
  t.throws(() => run(growMemory({ initial: 5 })), {
    code: "ERR_FILTER_MEMORY",
    message: /begins with 5 pages of memory, 4 are allowed at byte \d+ .* in section memory/,
  });
  t.throws(() => run({ table: { initial: largestTableEntries + 1 } }), { code: "ERR_FILTER_MEMORY", message: /table/ });
});

test("instrument() bounds tables", (t) => {
  const exports = run(grower([0xd0, 0x70, 0x20, 0, 0xfc, 15, 0], { table: { initial: 10 } }));
  const fuel = globalOf(exports, fuelExport);
  fuel.value = 2 ** 31 - 1;
  t.is(functionOf(exports, "run")(largestTableEntries), -1);
  fuel.value = 2 ** 31 - 1;
  t.is(functionOf(exports, "run")(largestTableEntries - 10), 10);
});

test("instrument() keeps names and Mitsu's sections, drops others, and gives the same bytes each time", (t) => {
  const content = Uint8Array.of(1, 2, 3);
  const bytes = buildModule({
    ...growMemory({ initial: 1 }),
    customs: ["mitsu.manifest", "name", ".debug_info", "sourceMappingURL"].map((name) => ({ name, content })),
  });
  const before = bytes.slice();
  const metered = instrument(bytes, { memoryBytes });
  t.deepEqual(bytes, before);
  t.deepEqual(
    readSections(metered).flatMap(({ name }) => (name ? [name] : [])),
    ["mitsu.manifest", "name"],
  );
  t.deepEqual(instrument(bytes, { memoryBytes }), metered);
});

test("instrument() gives a module without any section a counter", (t) => {
  const exports = run({});
  t.deepEqual(Object.keys(exports), [fuelExport]);
});

test("instrument() refuses a module that is metered already", (t) => {
  const metered = instrument(buildModule(growMemory({ initial: 1 })), { memoryBytes });
  t.throws(() => instrument(metered, { memoryBytes }), { code: "ERR_FILTER_EXPORT", message: /mitsu:fuel itself at byte/ });
});

test("instrument() does not let code reach what it adds: one index past the end is refused", (t) => {
  const code = (op: number[]) => buildModule({ functions: [{ type: ":", code: [...op, 0x0b] }], globals: [1] });
  for (const [op, what] of [
    [[0x41, ...s32(9), 0x24, 1], /no global 1, there are 1 at byte \d+ .* in section code, function 0/],
    [[0x20, 0, 0x1a], /no local 0, there are 0/],
    [[0x10, 1], /no function 1, there are 1/],
    [[0x02, 1, 0x0b], /no such block type/],
  ] as const)
    t.throws(() => instrument(code([...op]), { memoryBytes }), { code: "ERR_FILTER_MALFORMED", message: what });
});

test("instrument() names the engine's reason for code whose types do not fit", (t) => {
  const bytes = buildModule({ functions: [{ type: ":i", code: [0x42, 0, 0x0b] }] });
  t.throws(() => instrument(bytes, { memoryBytes }), { code: "ERR_FILTER_INVALID", message: /function #0.*type error.*@\+\d+/ });
});

test("instrument() reads every instruction of SIMD, saturating conversion, references and tail calls that the engine knows", (t) => {
  // Each alone in a function, after `unreachable`, where all types fit.
  const immediates = [[], [0], [0, 0], [0, 0, 0], Array.from({ length: 16 }, () => 0)];
  let accepted = 0;
  for (const prefix of [[], [0xfc], [0xfd]])
    for (let op = 0; op < (prefix.length ? 0x114 : 0xfa); op++) {
      const number = prefix.length && op > 127 ? [(op & 127) | 128, op >> 7] : [op];
      for (const immediate of immediates) {
        const code = [0x00, ...prefix, ...number, ...immediate, 0x0b];
        const bytes = buildModule({
          functions: [{ type: ":", code, export: "run" }],
          memory: { initial: 1 },
          table: { initial: 1 },
          globals: [1],
          data: [1],
        });
        if (!engine.validate(bytes)) continue;
        const name = `0x${[...prefix, op].map((part) => part.toString(16)).join(" ")}`;
        try {
          t.true(engine.validate(instrument(bytes, { memoryBytes })), name);
          accepted++;
        } catch (error) {
          t.regex(String(error), /exception handling|garbage collection|more than one memory|typed references/, name);
        }
      }
    }
  t.true(accepted > 400, String(accepted));
});
