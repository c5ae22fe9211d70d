/** What tests of RTL can need of this machine. @module */
import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";

/** `./test --all`: compilations take seconds each. */
export const all: boolean = process.env.MITSU_TEST_ALL === "1";

/** One thing that a test can need. */
export type Need = "verilator" | "wasm" | "yosys" | "nextpnr" | "native" | "fst" | "models";

/** Whether each is there, and what to do where not. */
export const needs: Readonly<Record<Need, { readonly there: () => boolean; readonly hint: string }>> = {
  verilator: { there: () => spawnSync("verilator", ["--version"]).status === 0, hint: "apt-get install verilator" },
  wasm: {
    there: () => spawnSync("clang++-14", ["--version"]).status === 0 && existsSync("/usr/lib/wasm32-wasi/libc++.a"),
    hint: "apt-get install clang-14 lld-14 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 wasi-libc",
  },
  yosys: { there: () => spawnSync("yosys", ["-V"]).status === 0, hint: "apt-get install yosys" },
  nextpnr: { there: () => spawnSync("nextpnr-ice40", ["--version"]).status === 0, hint: "apt-get install nextpnr-ice40" },
  native: { there: () => spawnSync("g++", ["--version"]).status === 0, hint: "apt-get install g++" },
  fst: { there: () => existsSync("/usr/include/zlib.h"), hint: "apt-get install zlib1g-dev" },
  models: { there: modelsAreBuilt, hint: "run scripts/build-rtl" },
};

/** Set by .ci/run where the tools are: what is missing then fails. */
export const required: boolean = process.env.MITSU_REQUIRE_RTL === "1";

/** Whether scripts/build-rtl has made a model of every module of rtl/. */
function modelsAreBuilt(): boolean {
  const of = (folder: string, ending: string) =>
    globSync(`*${ending}`, { cwd: join(import.meta.dirname, "..", folder) }).map((name) => name.slice(0, -ending.length));
  const built = new Set(of("models", ".wasm"));
  return of("rtl", ".sv").every((module) => built.has(module));
}

/** Where Verilator's run time is kept compiled; the same as for scripts/build-rtl. */
export const cache: string = join(import.meta.dirname, "../../../.cache/hdl-bindings");
