/** Tests that want a compiler skip, loudly, where it is not installed; with MITSU_REQUIRE_RTL=1 they fail. @module */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type Language, languages } from "../src/compile/language.ts";
import { debianPackages } from "../src/compile/tool.ts";

/** The checkout. */
export const root: string = resolve(import.meta.dirname, "../../..");
/** Compiled filters are kept there by what they were made from. */
export const vars: Readonly<Record<string, string>> = { XDG_CACHE_HOME: join(root, ".cache") };

const runs = (tool: string, ...args: string[]): boolean => spawnSync(tool, args).status === 0;
const libc = "/usr/lib/wasm32-wasi/libc.a";
const there: Readonly<Record<Language, () => boolean>> = {
  assemblyscript: () => true,
  wat: () => true,
  c: () => existsSync(libc) && runs("clang-14", "--version") && runs("wasm-ld-14", "--version"),
  cpp: () => existsSync("/usr/lib/wasm32-wasi/libc++.a") && runs("clang++-14", "--version"),
  rust: () => existsSync("/usr/lib/rustlib/wasm32-wasi/lib"),
  // It takes long: Go compiles its own library first, where it has not yet.
  go: () =>
    process.env.MITSU_TEST_ALL === "1" &&
    /go1\.(2[4-9]|[3-9]\d)/.test(spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" }).stdout ?? ""),
};
const packages: Readonly<Record<Language, string>> = {
  assemblyscript: "",
  wat: "",
  c: debianPackages["clang-14"]!,
  cpp: debianPackages["clang++-14"]!,
  rust: debianPackages.rustc!,
  go: "Go 1.24 or later, and MITSU_TEST_ALL=1",
};

/** Why a language cannot be compiled here; undefined where it can. */
export function lacks(language: Language): string | undefined {
  return there[language]() ? undefined : `no ${language} here: ${packages[language]}`;
}

/** Declares a test that compiles in these languages. @param long Only MITSU_TEST_ALL=1 runs it. */
export function compilerTest(
  title: string,
  wanted: readonly Language[],
  body: (t: ExecutionContext) => void | Promise<void>,
  long: boolean = false,
): void {
  test(title, async (t) => {
    if (long && process.env.MITSU_TEST_ALL !== "1") {
      t.log("skipped: takes long; MITSU_TEST_ALL=1 runs it");
      return t.pass();
    }
    const reason = wanted.map(lacks).find((one) => one !== undefined);
    if (reason === undefined) return await body(t);
    if (process.env.MITSU_REQUIRE_RTL === "1" && !wanted.includes("go")) t.fail(reason);
    t.log(`skipped: ${reason}`); // what ./test counts as skipped (scripts/tap.ts)
    t.pass();
  });
}

/** All of them. */
export const allLanguages: readonly Language[] = languages;
