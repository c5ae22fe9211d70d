/** A model that is compiled for one command and forgotten. @module */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Context, exitStatus, MitsuError } from "@mitsu/cli";
import { layoutOf } from "../gen/layout.ts";
import { compileNative } from "../gen/native.ts";
import { compileWasm } from "../gen/wasm.ts";
import { DynamicModel } from "../model/dynamic-model.ts";
import type { Engine } from "../model/engine.ts";
import type { Layout } from "../model/layout.ts";
import { nativeEngine } from "../model/native-engine.ts";
import { createTraceFile } from "../model/trace-file.ts";
import type { Value } from "../model/value.ts";
import { wasmEngine } from "../model/wasm-engine.ts";
import { webAssembly } from "../model/web-assembly.ts";
import { readPorts } from "../verilator/ports.ts";
import type { Design } from "../verilator/verilator.ts";
import { type DesignArguments, designOf, pairs } from "./design.ts";
import { cacheFolder } from "./gen.ts";

/** What `run` and `wave` have in common. */
export interface BenchArguments extends DesignArguments {
  readonly clock: string | undefined;
  readonly reset: string | undefined;
  readonly cycles: number;
  readonly set: readonly string[];
}

/** Compiles a design, resets it and sets its inputs. */
export async function openBench(args: BenchArguments, { env }: Context, trace?: string): Promise<DynamicModel> {
  if (!Number.isInteger(args.cycles) || args.cycles < 0 || args.cycles > 0xffff_ffff) {
    throw new MitsuError(`--cycles ${args.cycles}: not a whole number below 2^32`, { code: "ERR_USAGE", exit: exitStatus.usage });
  }
  const design = designOf(args, env);
  const layout = layoutOf(await readPorts(design), args);
  const file = trace === undefined ? undefined : resolve(env.cwd(), trace);
  const display = (text: string) => env.stderr.write(text);
  const model = new DynamicModel(layout, file?.endsWith(".fst") ? await fstEngine(design, layout, file) : await vcdEngine());
  async function vcdEngine(): Promise<Engine> {
    const { bytes } = await compileWasm(design, layout, { trace: file === undefined ? false : "vcd", cache: cacheFolder(env.vars) });
    const module = new webAssembly.Module(new Uint8Array(bytes));
    return wasmEngine(layout.module, module, { display, trace: file === undefined ? undefined : createTraceFile(file) });
  }
  if (layout.reset) model.reset();
  for (const [port, text] of Object.entries(pairs("set", args.set))) {
    try {
      const value = BigInt(text);
      model.set(port, value <= 0xffff_ffffn && value >= 0n ? Number(value) : value);
    } catch (cause) {
      const number = !(cause instanceof SyntaxError);
      const message = number ? (cause as Error).message : `--set ${port}=${text}: no whole number`;
      const inputs = layout.fields.filter(({ direction }) => direction === "input").map(({ name, width }) => `${name} (${width})`);
      const hint = number ? `inputs, with their bits: ${inputs.join(", ")}` : "write it as 5, 0xff or 0b101";
      throw new MitsuError(message, { code: "ERR_HDL_VALUE", hint, exit: exitStatus.usage, cause });
    }
  }
  return model;
}

/** Only a shared library can write FST. */
async function fstEngine(design: Design, layout: Layout, path: string): Promise<Engine> {
  const { bytes } = await compileNative(design, layout, { trace: "fst" });
  const folder = await mkdtemp(join(tmpdir(), "hdl-bindings-"));
  try {
    await writeFile(join(folder, "model.so"), bytes);
    return nativeEngine(layout, join(folder, "model.so"), { fst: path });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A value as people read it: hexadecimal, most significant first. */
export function hex(value: Value): string {
  if (!(value instanceof Uint32Array)) return `0x${value.toString(16)}`;
  const digits = [...value].reverse().map((word) => word.toString(16).padStart(8, "0"));
  return `0x${digits.join("").replace(/^0+(?=.)/, "")}`;
}
