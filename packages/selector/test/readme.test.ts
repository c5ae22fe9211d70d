import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { selectorNames } from "../src/selector.ts";
import { selectorOptions } from "../src/selectors.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's example runs", (t) => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!.replace('"@mitsu/selector"', JSON.stringify(import.meta.resolve("../src/mod.ts")));
  const out = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", code], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  t.is(out, "10.0.0.2:80\ntrue\n");
});

test("the README has every selector", (t) => {
  for (const name of selectorNames) t.true(readme.includes(`| \`${name}\``), name);
});

test("the README has every option, with its default, range and what it does", (t) => {
  const show = (figure: number): string => (figure === 86_400_000 ? "a day" : String(figure));
  for (const [name, options] of Object.entries(selectorOptions))
    for (const [option, { default: usual, least, most, about }] of Object.entries(options)) {
      const row = [`\`${option}\``, `\`${name}\``, String(Number(usual.toPrecision(3))), `${show(least)} to ${show(most)}`, about];
      t.true(
        readme.split("\n").some(
          (line) =>
            line
              .split("|")
              .slice(1, -1)
              .map((cell) => cell.trim())
              .join() === row.join(),
        ),
        row.join(" | "),
      );
    }
});
