/**
 * Measures what the generated class costs over a hand-written loop on the bare WebAssembly functions, in CPU time (other load on the machine does not
 * count), medians of interleaved rounds: `node packages/hdl-bindings/test/model/rate.ts`.
 * @module
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "../../src/gen/generate.ts";
import type { Model } from "../../src/model/mod.ts";
import { type Memory, webAssembly } from "../../src/model/web-assembly.ts";
import { cache, rtl } from "../fixture.ts";

type Counter = Model & { enable: number; readonly count: number };
interface Bare {
  readonly memory: Memory;
  _initialize(): void;
  hdl_open(random: number, seed: number): number;
  hdl_step(n: number): void;
  hdl_batch(n: number, inputs: number, outputs: number): void;
  hdl_alloc(bytes: number): number;
}

const folder = await mkdtemp(join(tmpdir(), "hdl-rate-"));
try {
  const runtime = join(import.meta.dirname, "../../src/model/mod.ts");
  await generate({ files: [rtl("counter")] }, { output: folder, runtime, cache });
  const { Counter } = (await import(join(folder, "counter.ts"))) as { Counter: { open(): Promise<Counter> } };
  const counter = await Counter.open();
  const module = new webAssembly.Module(new Uint8Array(await readFile(join(folder, "counter.wasm"))));
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of webAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => 0;
  }
  const bare = new webAssembly.Instance(module, imports).exports as Bare;
  bare._initialize();
  const io = bare.hdl_open(0, 1);
  const records = 1024;
  const inputs = Uint32Array.from({ length: records * 2 }, (_, at) => at & 1);
  const outputs = new Uint32Array(records * 2);
  const [from, to] = [bare.hdl_alloc(records * 8), bare.hdl_alloc(records * 8)];
  const words = new Uint32Array(bare.memory.buffer, io, 4);
  const cycles = 4_000_000;
  let sum = 0;
  const stepping = (n: number): readonly [() => void, () => void] => [
    () => {
      for (let at = 0; at < cycles; at += n) {
        words[1] = at & 1;
        bare.hdl_step(n);
        sum += words[2]!;
      }
    },
    () => {
      for (let at = 0; at < cycles; at += n) {
        counter.enable = at & 1;
        counter.step(n);
        sum += counter.count;
      }
    },
  ];
  const pairs = {
    "step(1)": stepping(1),
    "step(16)": stepping(16),
    "step(1024)": stepping(1024),
    "batch(1024 records)": [
      () => {
        for (let at = 0; at < cycles; at += records) {
          new Uint32Array(bare.memory.buffer, from, records * 2).set(inputs);
          bare.hdl_batch(records, from, to);
          outputs.set(new Uint32Array(bare.memory.buffer, to, records * 2));
        }
      },
      () => {
        for (let at = 0; at < cycles; at += records) counter.batch(inputs, outputs);
      },
    ],
  } as const;
  for (const [name, pair] of Object.entries(pairs)) {
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < 15; round++) {
      for (const which of round % 2 ? ([1, 0] as const) : ([0, 1] as const)) {
        const before = process.cpuUsage();
        pair[which]();
        const { user, system } = process.cpuUsage(before);
        if (round >= 2) rates[which].push(cycles / (user + system));
      }
    }
    const [hand, generated] = rates.map((all) => all.sort((one, other) => one - other)[all.length >> 1]!);
    const slower = (1 - generated! / hand!) * 100;
    console.log(`${name}: hand-written ${hand!.toFixed(1)}, generated ${generated!.toFixed(1)} Mcycle/s, ${slower.toFixed(1)} % slower`);
  }
  if (Number.isNaN(sum)) throw new Error("nothing was counted");
} finally {
  await rm(folder, { recursive: true });
}
