#!/usr/bin/env node
/**
 * Measures what fuel costs, and how long it lasts: `node packages/proxy-wasm/test/module/fuel-cost.ts [folder of .wasm] [name …]`.
 *
 * First whole streams of filters, host calls included, with and without fuel, interleaved, the quickest of many short rounds; the host here does next
 * to nothing, so that the filter's share is large. Then endless loops of several kinds, each in a module that was just compiled.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fuelExport, instrument } from "../../src/module/mod.ts";
import { customSection } from "../../src/module/sections.ts";
import { type Exports, functionOf, globalOf, instantiate } from "./instance.ts";
import { buildModule, type ModuleSpec, s32 } from "./module-builder.ts";

const memoryBytes = 32 * 2 ** 20;
const encode = (text: string) => new TextEncoder().encode(text);

/** A map of headers as the ABI serialises it. */
function pairs(headers: readonly (readonly [string, string])[]): Uint8Array {
  const parts = headers.flat().map(encode);
  const sizes = new Uint32Array([headers.length, ...parts.map(({ length }) => length)]);
  return Buffer.concat([new Uint8Array(sizes.buffer), ...parts.flatMap((part) => [part, Uint8Array.of(0)])]);
}

/** A host that answers every call from prepared bytes. */
function startFilter(bytes: Uint8Array): { readonly stream: () => void; readonly fuel: { value: number } } {
  const values: Readonly<Record<string, Uint8Array>> = {
    proxy_get_header_map_value: encode("/hello"),
    proxy_get_header_map_pairs: pairs([
      [":path", "/hello"],
      ["user-agent", "curl"],
    ]),
    proxy_get_buffer_bytes: encode("hello 123 ".repeat(100)),
    proxy_get_property: encode("value"),
    proxy_get_configuration: encode("{}"),
  };
  let exports: Exports = {};
  const answer = (name: string) => {
    const value = values[name];
    if (value === undefined) return () => 0;
    return (...words: number[]) => {
      const out = words.length - 2;
      const at = functionOf(exports, "malloc" in exports ? "malloc" : "proxy_on_memory_allocate")(value.length) >>> 0;
      const { buffer } = exports.memory as { buffer: ArrayBuffer };
      new Uint8Array(buffer).set(value, at);
      const view = new DataView(buffer);
      view.setUint32(words[out]!, at, true);
      view.setUint32(words[out + 1]!, value.length, true);
      return 0;
    };
  };
  const all = new Proxy({}, { get: (_, name) => answer(String(name)) });
  exports = instantiate(bytes, { env: all, wasi_snapshot_preview1: all });
  const call = (name: string, ...words: number[]) => (name in exports ? functionOf(exports, name)(...words) : 0);
  if ("_initialize" in exports) call("_initialize");
  else call("_start");
  call("proxy_on_context_create", 1, 0);
  call("proxy_on_vm_start", 1, 0);
  call("proxy_on_configure", 1, 2);
  let id = 1;
  const fuel = fuelExport in exports ? globalOf(exports, fuelExport) : { value: 0 };
  const stream = () => {
    id++;
    call("proxy_on_context_create", id, 1);
    call("proxy_on_request_headers", id, 5, 1);
    call("proxy_on_response_headers", id, 3, 0);
    call("proxy_on_response_body", id, 1000, 1);
    call("proxy_on_done", id);
    call("proxy_on_log", id);
    call("proxy_on_delete", id);
  };
  return { stream, fuel };
}

function measureFilter(name: string, raw: Uint8Array<ArrayBuffer>): void {
  const metered = startFilter(instrument(raw, { memoryBytes, startFuel: 2 ** 31 - 1 }));
  const runs = [startFilter(raw), startFilter(raw), metered];
  const best = [Infinity, Infinity, Infinity];
  const streams = 30;
  for (let round = 0; round < 2500; round++)
    for (const [index, { stream, fuel }] of runs.entries()) {
      fuel.value = 2 ** 31 - 1;
      const start = performance.now();
      for (let count = 0; count < streams; count++) stream();
      // The first rounds are of code that is not optimised.
      if (round > 500) best[index] = Math.min(best[index]!, ((performance.now() - start) * 1e6) / streams);
    }
  metered.fuel.value = 2 ** 31 - 1;
  metered.stream();
  const used = 2 ** 31 - 1 - metered.fuel.value;
  const [plain = 0, again = 0, cost = 0] = best;
  const percent = (ns: number) => `${((ns / plain - 1) * 100).toFixed(1)} %`;
  console.log(
    `${name.padEnd(16)} ${plain.toFixed(0)} ns a stream; the same again ${percent(again)}; with fuel ${cost.toFixed(0)} ns, ${percent(cost)}; ${used} units`,
  );
}

const loop = (...body: number[]) => [0x03, 0x40, ...body, 0x0c, 0, 0x0b];
const run = (code: number[], more: ModuleSpec = {}, locals = "iI"): ModuleSpec => ({
  ...more,
  functions: [{ type: ":", locals, code: [...code, 0x0b], export: "run" }, ...(more.functions ?? [])],
});
const big = { memory: { initial: 512, export: "memory" } };
/** Kinds of endless loops, from the plainest to what fuel is worst at. */
const loops: Readonly<Record<string, ModuleSpec>> = {
  "an empty loop": run(loop()),
  additions: run(loop(...Array.from({ length: 20 }, () => [0x20, 0, 0x41, 3, 0x6a, 0x21, 0]).flat())),
  "divisions of 64 bits": run(loop(...Array.from({ length: 20 }, () => [0x20, 1, 0x42, 3, 0x7f, 0x42, ...s32(-77), 0x7c, 0x21, 1]).flat())),
  "loads, each page and line anew": run(
    loop(
      0x20,
      0,
      0x41,
      ...s32(1_664_525),
      0x6c,
      0x41,
      ...s32(1_013_904_223),
      0x6a,
      0x22,
      0,
      0x41,
      7,
      0x76,
      0x41,
      ...s32(0x1ff_fffc),
      0x71,
      0x28,
      2,
      0,
      0x20,
      0,
      0x73,
      0x21,
      0,
    ),
    big,
  ),
  "stores into untouched pages": run(
    loop(0x20, 0, 0x41, 1, 0x36, 2, 0, 0x20, 0, 0x41, ...s32(4096), 0x6a, 0x41, ...s32(0x1ff_ffff), 0x71, 0x21, 0),
    big,
  ),
  "calls of an empty function": run(loop(0x10, 1), { functions: [{ type: ":", code: [0x0b] }] }),
  "calls through a table": run(loop(0x41, 0, 0x11, 0, 0), {
    functions: [{ type: ":", code: [0x0b] }],
    table: { initial: 1, functions: [1] },
  }),
  recursion: run([0x10, 0]),
  "tail calls": run([0x12, 0]),
  "memory.fill of 32 MiB": run(loop(0x41, 0, 0x41, 1, 0x41, ...s32(2 ** 25), 0xfc, 11, 0), big),
  "memory.copy of 16 MiB": run(loop(0x41, 0, 0x41, ...s32(2 ** 24), 0x41, ...s32(2 ** 24), 0xfc, 10, 0, 0), big),
  "memory.copy of 1 byte": run(loop(0x41, 0, 0x41, 1, 0x41, 1, 0xfc, 10, 0, 0), big),
  "memory.grow of 0": run(loop(0x41, 0, 0x40, 0, 0x1a), big),
  "memory.grow of 1": run(loop(0x41, 1, 0x40, 0, 0x1a), { memory: { initial: 1 } }),
  "table.grow of 1": run(loop(0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x1a), { table: { initial: 1 } }),
  "table.fill of 100 000": run(loop(0x41, 0, 0xd0, 0x70, 0x41, ...s32(100_000), 0xfc, 17, 0), { table: { initial: 100_000 } }),
};

/** The quickest of several, each newly compiled: on a busy machine what else runs is not the filter's. */
function measureLoop(name: string, spec: ModuleSpec, units: number, touch: boolean): void {
  const bytes = instrument(buildModule(spec), { memoryBytes });
  let best = Infinity;
  for (let round = 0; round < 12; round++) {
    // Another section makes another module: the engine keeps the optimised code of one that it knows.
    const exports = instantiate(new Uint8Array(Buffer.concat([bytes, customSection(`round ${round}`, new Uint8Array())])));
    if (touch && "memory" in exports) new Uint8Array((exports.memory as { buffer: ArrayBuffer }).buffer).fill(0);
    globalOf(exports, fuelExport).value = units;
    const start = performance.now();
    try {
      functionOf(exports, "run")();
    } catch {
      // Out of fuel, or of stack.
    }
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${name.padEnd(32)} ${best.toFixed(2)} ms for ${units} units, ${((best * 1e6) / units).toFixed(2)} ns a unit`);
}

const [folder = "/tmp/wasm-samples", ...names] = process.argv.slice(2);
if (folder !== "-")
  for (const name of names.length > 0 ? names : ["c-headers", "c-body", "cpp-headers", "rust-headers", "as-addheader", "as-body"])
    measureFilter(name, new Uint8Array(readFileSync(join(folder, `${name}.wasm`))));
for (const [name, spec] of Object.entries(loops)) measureLoop(name, spec, 2_000_000, !name.includes("untouched"));
