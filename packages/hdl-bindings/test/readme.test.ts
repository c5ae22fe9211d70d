/** What README.md shows is so, word for word. @module */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { hdlBindings } from "../src/cli.ts";
import { cache } from "./needs.ts";
import { rtlTest } from "./rtl-test.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const bin = join(import.meta.dirname, "../../../bin/hdl-bindings");
const env = { ...process.env, XDG_CACHE_HOME: join(cache, "..") };

/** The commands of the console blocks, and what is said that each prints. */
const said = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  `\n${block!}`
    .split("\n$ ")
    .slice(1)
    .map((text) => {
      const [command, ...lines] = text.split("\n");
      return { command: command!, output: lines.join("\n").trimEnd() };
    }),
);

test("the README has every command in its table, and the marks of bench/rtl-synth.sh", (t) => {
  for (const { name } of hdlBindings.commands) t.regex(readme, new RegExp(`^\\| \`${name}\``, "m"), name);
  t.regex(readme, /<!-- figures: bench\/rtl-synth\.sh -->[\s\S]*<!-- end of figures -->/);
});

rtlTest("the README's example prints what it says", { needs: ["verilator", "wasm"] }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hdl-readme-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "counter.sv"), /```systemverilog\n([\s\S]*?)```/.exec(readme)![1]!);
  const [, code, printed] = /```ts\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme)!;
  writeFileSync(join(folder, "use.ts"), code!);
  t.is(said.length, 3);
  // The class imports its run time by the package's name, which a folder outside of the workspace does not have.
  const runtime = `--runtime ${join(import.meta.dirname, "../src/model/mod.ts")}`;
  for (const { command, output } of process.env.MITSU_TEST_ALL === "1" ? said : said.slice(0, 1)) {
    const line = command.replace(/^hdl-bindings gen/, `hdl-bindings gen ${runtime}`).replace(/^hdl-bindings/, bin);
    t.is(execFileSync("bash", ["-c", line], { cwd: folder, env, encoding: "utf8" }).replace(/ +$/gm, "").trimEnd(), output, command);
  }
  t.is(execFileSync(process.execPath, [join(folder, "use.ts")], { encoding: "utf8" }), printed!);
});
