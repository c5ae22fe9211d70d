import { execFileSync, spawnSync } from "node:child_process";
import test from "ava";
import { run, testEnv } from "../src/mod.ts";
import { demo } from "./demo-program.ts";

const script = async (shell: string): Promise<string> => {
  const env = testEnv();
  await run(demo, ["completion", shell], env);
  return env.out();
};

const complete = async (...words: string[]): Promise<string[]> => {
  const source = `${await script("bash")}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _demo; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync("bash", ["-c", source, "bash", ...words], { encoding: "utf8", cwd: import.meta.dirname });
  return out.split("\n").filter(Boolean).sort();
};

test("bash completes commands, and hides hidden ones", async (t) => {
  t.deepEqual(await complete("demo", "p"), ["ping", "policy"]);
  t.deepEqual(await complete("demo", "sec"), []);
  t.true((await complete("demo", "")).includes("completion"));
});

test("bash completes the words below a noun, also behind a global option with a value", async (t) => {
  t.deepEqual(await complete("demo", "policy", ""), [
    "--config",
    "--help",
    "--json",
    "--log-level",
    "--socket",
    "--version",
    "check",
    "show",
  ]);
  t.deepEqual(await complete("demo", "--socket", "/s", "policy", "c"), ["check"]);
});

test("bash completes a command's flags and the values of one", async (t) => {
  t.deepEqual(await complete("demo", "ping", "--t"), ["--timeout-ms"]);
  t.deepEqual(await complete("demo", "ping", "--mode", ""), ["tcp", "udp"]);
  t.deepEqual(await complete("demo", "ping", "web", "--log-level", "d"), ["debug"]);
  t.deepEqual(await complete("demo", "fail", "m"), ["mitsu"]);
});

test("bash completes files where the value is a path", async (t) => {
  t.deepEqual(await complete("demo", "ping", "--output", "completion"), ["completion.test.ts"]);
  t.deepEqual(await complete("demo", "--config", "completion"), ["completion.test.ts"]);
});

test("bash completes nothing of ours after --", async (t) => {
  t.deepEqual(await complete("demo", "run", "--", "--"), []);
});

test("completion zsh makes a script that zsh takes", async (t) => {
  const text = await script("zsh");
  t.regex(text, /^#compdef demo\n/);
  const zsh = spawnSync("zsh", ["-n"], { input: text, encoding: "utf8" });
  if (zsh.error) t.log("no zsh on this machine: its own syntax check is left out, bash's stands in");
  const checked = zsh.error ? spawnSync("bash", ["-n"], { input: text.replace(/\(@\)|=words/g, ""), encoding: "utf8" }) : zsh;
  t.is(checked.stderr, "");
  t.is(checked.status, 0);
});
