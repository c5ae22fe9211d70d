/** Every filter of filters/ does what its test.yaml says. @module */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { findSource } from "../src/compile/language.ts";
import { callIn } from "./call.ts";
import { allLanguages, compilerTest } from "./compilers.ts";

const folder = join(import.meta.dirname, "../filters");
const names = readdirSync(folder);
const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");

test("there is a filter in each language, and README.md has a line for each", (t) => {
  const used = new Set(names.map((name) => findSource(join(folder, name)).language));
  t.deepEqual([...used].toSorted(), [...allLanguages].toSorted());
  for (const name of names) t.regex(readme, new RegExp(`^\\| \\[\`${name}\`\\]\\(filters/${name}\\)`, "m"), name);
});

/** Compilers take seconds where nothing is kept yet: of a language that is slow, one filter is enough unless all is asked for. */
const quick = new Set(["ab-split", "jwt"]);
for (const name of names) {
  const { language } = findSource(join(folder, name));
  compilerTest(
    `filter ${name} (${language}) does what its test.yaml says`,
    [language],
    async (t) => {
      const { status, out, err } = await callIn(folder, "test", name);
      t.is(status, 0, `${out}${err}`);
      t.regex(out, /^# [1-9]\d* passed, 0 failed$/m);
      t.is(err, "", "the compiler has nothing to warn of");
    },
    language !== "c" && language !== "wat" && !quick.has(name),
  );
}
