/** The table of rtl-synth.sh. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { withFigures } from "../rtl-synth.ts";

const bench = join(import.meta.dirname, "..");

test("withFigures() replaces what is between the marks, and nothing where they are not both there", (t) => {
  const marked = "before\n<!-- figures: bench/rtl-synth.sh -->\n\nold\n\n<!-- end of figures -->\nafter\n<!-- end of figures -->\n";
  const replaced = "before\n<!-- figures: bench/rtl-synth.sh -->\n\n| new |\n\n<!-- end of figures -->\nafter\n<!-- end of figures -->\n";
  t.is(withFigures(marked, "| new |\n"), replaced);
  t.is(withFigures(replaced, "| new |\n"), replaced, "twice is once");
  t.is(withFigures("<!-- end of figures -->\n<!-- figures: bench/rtl-synth.sh -->\n", "| new |\n"), undefined);
});

test("rtl-synth.sh has a row for every block, refuses what it does not know, and writes all or nothing", (t) => {
  const source = readFileSync(join(bench, "rtl-synth.ts"), "utf8");
  for (const file of globSync("*.sv", { cwd: join(bench, "../packages/hdl-bindings/rtl") }))
    t.true(source.includes(`block: "${file.slice(0, -".sv".length)}"`), file);
  const call = (...args: string[]) => spawnSync(process.execPath, [join(bench, "rtl-synth.ts"), ...args], { encoding: "utf8" });
  const unknown = call("--only", "topic_matchr");
  t.is(unknown.status, 2);
  t.regex(unknown.stderr, /no block topic_matchr; there are .*topic_matcher/);
  const part = call("--only", "async_ring", "--write");
  t.is(part.status, 2);
  t.regex(part.stderr, /--write wants all blocks/);
});
