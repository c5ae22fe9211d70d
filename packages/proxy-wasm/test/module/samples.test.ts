import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { defaultLimits } from "../../src/host/limits.ts";
import { instrument, loadModule } from "../../src/module/mod.ts";
import { engine } from "./instance.ts";

/** Filters of SDKs and compilers, which are in no repository of ours. */
const folder = process.env.MITSU_WASM_SAMPLES ?? "/tmp/wasm-samples";
/** Go's run-time takes half a second. */
const largestBytes = process.env.MITSU_TEST_ALL === "1" ? Number.POSITIVE_INFINITY : 700_000;

test("loadModule() takes every filter of the samples, and the engine what instrument() makes of it", async (t) => {
  if (!existsSync(folder)) {
    t.log(`skipped: there is no ${folder}; set MITSU_WASM_SAMPLES to a folder with filters`);
    return t.pass();
  }
  let growth = 0;
  let files = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".wasm"))) {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    if (bytes.length > largestBytes) continue;
    const { info } = await loadModule(bytes, defaultLimits);
    t.regex(info.abi, /^0\.[12]\.[01]$/, name);
    const metered = instrument(bytes, defaultLimits);
    t.true(engine.validate(metered), name);
    growth += metered.length / bytes.length;
    files++;
  }
  t.true(files > 0);
  t.log(`${files} filters, ${(growth / files).toFixed(2)} times as long`);
});
