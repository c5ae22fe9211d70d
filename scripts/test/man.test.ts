import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parseCatalog } from "../../packages/catalog/src/mod.ts";
import { flagOf, type Options } from "../../packages/cli/src/command.ts";
import { exitStatus } from "../../packages/cli/src/error.ts";
import { builtinOptions } from "../../packages/cli/src/help.ts";
import { fieldNames, mapPaths } from "../../packages/sockhijack/man/fields.ts";
import { prose, unliteral } from "../../packages/sockhijack/man/mdoc.ts";
import { notes, nouns } from "../../packages/sockhijack/man/notes.ts";
import { sockhijack } from "../../packages/sockhijack/src/cli.ts";
import { reasons } from "../../packages/sockhijack/src/coupling/reason.ts";
import { counterNames } from "../../packages/sockhijack/src/kernel/layout.ts";
import { fillIn, manPages } from "../man.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = manPages();
const textOf = (name: string): string => pages.find(({ path }) => basename(path) === name)!.text;

/** How printers make bold type and underlines: a character, a step back, a character. */
const overstrike = new RegExp(`.${"\b"}`, "gu");

/** Output of a program that may be missing; undefined, with a notice, when it is. */
function output(t: ExecutionContext, program: string, ...args: string[]): { readonly out: string; readonly err: string } | undefined {
  const run = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, MANWIDTH: "100", LC_ALL: "C.UTF-8", MANPAGER: "cat" } });
  if (run.error && "code" in run.error && run.error.code === "ENOENT") {
    t.log(`skipped: ${program} is not installed`);
    t.pass();
    return undefined;
  }
  return { out: run.stdout.replaceAll(overstrike, ""), err: run.stderr };
}

/** One section of a page as a reader sees it. */
function section(text: string, title: string): string {
  const found = new RegExp(`^${title}$([\\s\\S]*?)(?=^[A-Z]|(?![\\s\\S]))`, "m").exec(text);
  if (!found) throw new Error(`no section ${title}`);
  return found[1]!;
}

for (const { path, text } of pages) {
  const name = basename(path);

  test(`${name} is what the sources say; if not, run node scripts/man.ts --write`, (t) => {
    t.is(readFileSync(path, "utf8"), text);
  });

  test(`mandoc's linter finds nothing in ${name}`, (t) => {
    const run = output(t, "mandoc", "-T", "lint", path);
    // Which other manuals are installed, and known to mandoc's index, is not the page's fault.
    if (run)
      t.deepEqual(
        `${run.out}${run.err}`.split("\n").filter((line) => line && !/manual not found|outdated mandoc\.db/.test(line)),
        [],
      );
  });

  test(`man has nothing to warn of in ${name}`, (t) => {
    const run = output(t, "man", "--warnings", "-l", path);
    if (!run) return;
    t.is(run.err, "");
    t.regex(run.out, /^NAME$/m);
  });
}

test("sockhijack.8 shows every command with each of its options, arguments and examples", (t) => {
  const run = output(t, "mandoc", "-T", "utf8", "-O", "width=200", join(root, "packages/sockhijack/man/sockhijack.8"));
  if (!run) return;
  const commands = section(run.out, "COMMANDS");
  const synopsis = section(run.out, "SYNOPSIS");
  const at = sockhijack.commands.map(({ name }) => commands.search(new RegExp(`^ {5}${name}\\b`, "m")));
  for (const [index, command] of sockhijack.commands.entries()) {
    t.true(at[index]! >= 0, command.name);
    t.regex(synopsis, new RegExp(`^ {5}sockhijack ${command.name}\\b`, "m"));
    const own = commands.slice(at[index], at[index + 1]);
    const rows = (options: Options): string[] =>
      Object.entries(options).map(([key, { alias }]) => `${alias ? `-${alias}, ` : ""}--${flagOf(key)}`);
    for (const row of rows(command.options)) t.regex(own, new RegExp(`^ +${row}\\b`, "m"), `${command.name} ${row}`);
    for (const { name } of command.positionals) t.regex(own, new RegExp(`^ {11}${name}\\b`, "m"), `${command.name} ${name}`);
    for (const example of command.examples) t.true(own.replaceAll(/ \\\n +/g, " ").includes(example.command), example.command);
    if (command.passthrough) t.regex(own, / -- command \.\.\.$/m);
  }
  const globals = section(run.out, "GLOBAL OPTIONS");
  for (const key of Object.keys({ ...sockhijack.options, ...builtinOptions }))
    t.regex(globals, new RegExp(`^ +.*--${flagOf(key)}\\b`, "m"));
});

test("sockhijack.8 shows every reason, counter and exit status with what it means", (t) => {
  const run = output(t, "mandoc", "-T", "utf8", "-O", "width=300", join(root, "packages/sockhijack/man/sockhijack.8"));
  if (!run) return;
  const has = (title: string, names: readonly string[]): void => {
    const shown = [...section(run.out, title).matchAll(/^ {11}(\S+) +[A-Z/].*\.$/gm)].map(([, name]) => name);
    t.deepEqual(shown, [...names], title);
  };
  has("REASONS", Object.keys(reasons));
  has("DIAGNOSTICS", counterNames);
  has("EXIT STATUS", Object.values(exitStatus).map(String));
});

test("sockhijack.8 names the environment variables that the sources read, and no others", (t) => {
  const files = globSync(["packages/{cli,ipc,catalog,ebpf-ts,sockhijack}/src/**/*.ts", "scripts/embedded-koffi.ts"], { cwd: root });
  const sources = files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
  const read = new Set([
    ...[...sources.matchAll(/\b(?:vars|process\.env)(?:\.|\[")([A-Z][A-Z_]+)\b/g)].map(([, name]) => name!),
    ...[...sources.matchAll(/\benv\["([A-Z][A-Z_]+)"\]/g)].map(([, name]) => name!),
    ...[...sources.matchAll(/\{ ([^{}]+) \} = process\.env\b/g)].flatMap(([, names]) => names!.match(/\b[A-Z][A-Z_]+\b/g)!),
    ...[...sources.matchAll(/Variable = "([A-Z][A-Z_]+)"/g)].map(([, name]) => name!),
    ...(sources.includes("tmpdir()") ? ["TMPDIR"] : []),
  ]);
  const shown = [...textOf("sockhijack.8").matchAll(/^\.It Ev (.+)$/gm)].flatMap(([, names]) => names!.split(" , "));
  t.deepEqual(shown.toSorted(), [...read].toSorted());
});

test("mesh.yaml.5's example is a valid mesh that uses every field", (t) => {
  const shown = /^\.Bd -literal -offset indent\n([\s\S]*?)\n\.Ed$/m.exec(textOf("mesh.yaml.5"))![1]!;
  const example = unliteral(shown);
  const catalog = parseCatalog(example);
  t.deepEqual(
    catalog.services.map(({ name }) => name),
    ["cart", "dns", "web"],
  );
  t.is(catalog.policies.length, 2);
  for (const field of mapPaths.flatMap(fieldNames)) t.regex(example, new RegExp(`(^|[\\s{])${field}:`, "m"), field);
});

test("fillIn() refuses a place without a value, and a value without a place", (t) => {
  t.is(fillIn("a @b@ @c.d@ e@f", { b: "1", "c.d": "2" }), "a 1 2 e@f");
  t.throws(() => fillIn("@b@", {}), { message: /no value for @b@/ });
  t.throws(() => fillIn("b", { b: "1" }), { message: /no place for @b@/ });
});

test("prose() begins a line with each sentence, marks code, and never makes a macro of text", (t) => {
  t.is(prose("See `a b`. Then go."), 'See\n.Ql "a b" .\nThen go.');
  t.is(prose("'tis \\n."), "\\&'tis \\en.");
  t.true(
    prose("word ".repeat(100))
      .split("\n")
      .every((line) => line.length <= 80),
  );
});

test("every hand-written note belongs to a command", (t) => {
  const names = sockhijack.commands.map(({ name }) => name);
  t.deepEqual(
    [...Object.keys(notes), ...nouns].filter((name) => !names.includes(name)),
    [],
  );
});
