import { MitsuError } from "@mitsu/cli";
import test from "ava";
import { instrument, readManifest, sign, signedBy, writeManifest } from "../../src/module/mod.ts";
import { engine } from "./instance.ts";
import { buildFilter, buildModule } from "./module-builder.ts";
import { randomNumbers, randomSpec } from "./random-module.ts";

const rounds = process.env.MITSU_TEST_ALL === "1" ? 60_000 : 4000;
const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
const fields = { name: "f", version: "1", abi: "0.2.1", imports: [], capabilities: [], sourceMap: "", builder: "" } as const;
const seeds = [...Array.from({ length: 30 }, (_, seed) => buildModule(randomSpec(seed))), sign(writeManifest(buildFilter(), fields), key)];

/** Cut off, with bits turned, bytes replaced, taken out or doubled. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  let changed = new Uint8Array(bytes);
  if (random(5) === 0) changed = changed.slice(0, random(changed.length));
  for (let count = random(4); count > 0 && changed.length > 0; count--) {
    const at = random(changed.length);
    const pick = random(4);
    if (pick === 0) changed[at]! ^= 1 << random(8);
    else if (pick === 1) changed[at] = [0, 1, 0x40, 0x7f, 0x80, 0xff, 0xfc, 0x0b][random(8)]!;
    else if (pick === 2) changed = new Uint8Array(Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1)]));
    else changed = new Uint8Array(Buffer.concat([changed.subarray(0, at + 1), changed.subarray(at)]));
  }
  return changed;
}

test(`instrument() refuses or meters ${rounds} damaged modules, and the engine takes what it metered`, (t) => {
  const random = randomNumbers(9);
  const told = new Map<string, number>();
  let metered = 0;
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(seeds[random(seeds.length)]!, random);
    const start = performance.now();
    let result: Uint8Array | undefined;
    try {
      result = instrument(bytes, { memoryBytes: 4 * 65536 });
    } catch (error) {
      if (!(error instanceof MitsuError)) return t.fail(`round ${round}: ${error}`);
      if (error.code === "ERR_FILTER_MALFORMED" && !/at byte \d+ .*in |preamble/.test(error.message))
        return t.fail(`round ${round}: ${error.message}`);
      // What this reader alone calls malformed would be a module that works elsewhere.
      if (error.code === "ERR_FILTER_MALFORMED" && engine.validate(bytes))
        return t.fail(`round ${round}: the engine takes it, but ${error.message}`);
      told.set(error.code, (told.get(error.code) ?? 0) + 1);
    }
    longest = Math.max(longest, performance.now() - start);
    if (result === undefined) continue;
    metered++;
    if (!engine.validate(bytes) || !engine.validate(result)) return t.fail(`round ${round}: it is metered, and the engine refuses it`);
  }
  t.log(`${metered} metered; ${[...told].map(([code, count]) => `${count} ${code}`).join(", ")}; at most ${longest.toFixed(0)} ms`);
  t.true(metered > rounds / 20);
  t.true((told.get("ERR_FILTER_MALFORMED") ?? 0) > rounds / 10);
  t.true((told.get("ERR_FILTER_INVALID") ?? 0) > rounds / 50);
});

test("readManifest() and signedBy() throw nothing but their own errors on damaged modules", (t) => {
  const random = randomNumbers(10);
  const whole = seeds.at(-1)!;
  let refused = 0;
  for (let round = 0; round < 1000; round++) {
    const bytes = mutate(whole, random);
    for (const read of [readManifest, signedBy])
      try {
        read(bytes);
      } catch (error) {
        if (!(error instanceof MitsuError)) return t.fail(`round ${round}: ${error}`);
        refused++;
      }
  }
  t.true(refused > 100);
});
