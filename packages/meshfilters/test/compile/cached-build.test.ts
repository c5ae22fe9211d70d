/** The cache of compiled filters: what is taken from it, and what it drops. @module */
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { cachedBuild } from "../../src/compile/cached-build.ts";
import { findSource } from "../../src/compile/language.ts";
import { cacheBounds, pruneCache } from "../../src/compile/prune-cache.ts";
import { scratch } from "../call.ts";

const day = 86_400;
const options = { optimise: "2", debug: false, key: undefined, capabilities: [], release: "0.1.0", builder: "test" } as const;
const filter = (value: number) =>
  `(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) i32.const ${value}))`;

/** Writes a file as of so many seconds ago. */
function aged(path: string, seconds: number): void {
  writeFileSync(path, "");
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

test("cachedBuild() prunes when it writes: 30 days, 200 files; what is used stays", async (t) => {
  const folder = scratch(t);
  const vars = { XDG_CACHE_HOME: join(folder, "cache") };
  const cache = join(vars.XDG_CACHE_HOME, "meshfilters");
  mkdirSync(join(cache, "folder"), { recursive: true });
  const source = join(folder, "a.wat");
  const build = async (value: number) => {
    writeFileSync(source, filter(value));
    return await cachedBuild(findSource(source), options, vars);
  };
  const first = await build(8);
  const [kept] = readdirSync(cache).filter((name) => name.endsWith(".wasm"));
  const old = Date.now() / 1000 - 29 * day;
  utimesSync(join(cache, kept!), old, old);
  t.deepEqual(Buffer.from((await build(8)).wasm), Buffer.from(first.wasm), "taken from the cache");
  t.true(Date.now() - statSync(join(cache, kept!)).mtimeMs < 60_000, "and used just now");
  aged(join(cache, "old.wasm"), 31 * day);
  aged(join(cache, "left.wasm.123"), 31 * day);
  for (let at = 0; at < cacheBounds.most; at++) aged(join(cache, `${at}.wasm`), 100 + at);
  t.notDeepEqual(Buffer.from((await build(16)).wasm), Buffer.from(first.wasm));
  const left = readdirSync(cache).filter((name) => name !== "folder");
  t.is(left.length, cacheBounds.most);
  t.true(left.includes(kept!));
  for (const gone of ["old.wasm", "left.wasm.123", "199.wasm", "198.wasm"]) t.false(left.includes(gone), gone);
  t.true(left.includes("197.wasm"));
  t.true(existsSync(join(cache, "folder")));
});

test("pruneCache() takes age by the clock it is given", (t) => {
  const folder = scratch(t);
  aged(join(folder, "a"), 0);
  pruneCache(folder, Date.now() + 29 * day * 1000);
  t.deepEqual(readdirSync(folder), ["a"]);
  pruneCache(folder, Date.now() + 31 * day * 1000);
  t.deepEqual(readdirSync(folder), []);
});
