import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parseCatalog } from "../../packages/catalog/src/mod.ts";
import { flagOf, type Options, type Program } from "../../packages/cli/src/command.ts";
import { exitStatus } from "../../packages/cli/src/error.ts";
import { builtinOptions } from "../../packages/cli/src/help.ts";
import * as hdlBindingsNotes from "../../packages/hdl-bindings/man/notes.ts";
import { hdlBindings } from "../../packages/hdl-bindings/src/cli.ts";
import { debianPackages } from "../../packages/hdl-bindings/src/verilator/tool.ts";
import * as meshfiltersNotes from "../../packages/meshfilters/man/notes.ts";
import { meshfilters } from "../../packages/meshfilters/src/cli.ts";
import { debianPackages as filterPackages } from "../../packages/meshfilters/src/compile/tool.ts";
import * as mqttnicNotes from "../../packages/mqttnic/man/notes.ts";
import { mqttnic } from "../../packages/mqttnic/src/cli.ts";
import { flagWords, refusalWords } from "../../packages/nicd/man/facts.ts";
import * as nicdNotes from "../../packages/nicd/man/notes.ts";
import { nicd } from "../../packages/nicd/src/cli.ts";
import { refusalReasons } from "../../packages/nicd/src/links/refusals.ts";
import { flag } from "../../packages/nicd/src/live-exchange.ts";
import { nicdMetricNames } from "../../packages/nicd/src/metrics.ts";
import * as placerNotes from "../../packages/placer/man/notes.ts";
import { placer } from "../../packages/placer/src/cli.ts";
import { parseProblem } from "../../packages/placer/src/problem/parse-problem.ts";
import * as replicadNotes from "../../packages/replicad/man/notes.ts";
import { replicad } from "../../packages/replicad/src/cli.ts";
import * as sockhijackNotes from "../../packages/sockhijack/man/notes.ts";
import { sockhijack } from "../../packages/sockhijack/src/cli.ts";
import { reasons } from "../../packages/sockhijack/src/coupling/reason.ts";
import { counterNames } from "../../packages/sockhijack/src/kernel/layout.ts";
import type { CommandNotes } from "../man/commands.ts";
import { fieldNames, mapPaths } from "../man/fields.ts";
import { prose, unliteral } from "../man/mdoc.ts";
import { fillIn, manPages } from "../man.ts";

const programs: readonly (readonly [Program, CommandNotes, string])[] = [
  [sockhijack, sockhijackNotes, "packages/{cli,ipc,catalog,ebpf-ts,sockhijack}/src/**/*.ts"],
  [nicd, nicdNotes, "packages/{cli,ipc,catalog,ebpf-ts,telemetry,nicd}/src/**/*.ts"],
  [mqttnic, mqttnicNotes, "packages/{cli,ipc,catalog,reactor,mqttnic}/src/**/*.ts"],
  [placer, placerNotes, "packages/{cli,ipc,catalog,placer}/src/**/*.ts"],
  [replicad, replicadNotes, "packages/{cli,ipc,catalog,ebpf-ts,replica-table,selector,replicad}/src/**/*.ts"],
  [hdlBindings, hdlBindingsNotes, "packages/{cli/src/{env,error,help,log,run}.ts,hdl-bindings/src/**/*.ts}"],
  [meshfilters, meshfiltersNotes, "packages/{cli/src/{env,error,help,log,run}.ts,meshfilters/src/**/*.ts}"],
];
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

/** A page as a reader sees it on a terminal of so many columns; undefined, with a notice, without mandoc. */
const rendered = (t: ExecutionContext, name: string, columns: number): string | undefined =>
  output(t, "mandoc", "-T", "utf8", "-O", `width=${columns}`, pages.find(({ path }) => basename(path) === name)!.path)?.out;

/** Checks that a section's list of tags is exactly `names`, each with a sentence. */
function tagsOf(t: ExecutionContext, text: string, title: string, names: readonly string[]): void {
  const shown = [...section(text, title).matchAll(/^ {11}(\S+) +[A-Z/].*\.$/gm)].map(([, name]) => name);
  t.deepEqual(shown, [...names], title);
}

for (const [program, { notes, nouns }, sourceFiles] of programs) {
  const name = pages.map(({ path }) => basename(path)).find((page) => page.replace(/\.[18]$/, "") === program.name)!;

  test(`${name} shows every command with each of its options, arguments and examples`, (t) => {
    const text = rendered(t, name, 200);
    if (text === undefined) return;
    const shown = program.commands.filter(({ hidden }) => !hidden);
    const commands = section(text, "COMMANDS");
    const synopsis = section(text, "SYNOPSIS");
    const at = shown.map((command) => commands.search(new RegExp(`^ {5}${command.name}\\b`, "m")));
    for (const [index, command] of shown.entries()) {
      t.true(at[index]! >= 0, command.name);
      t.regex(synopsis, new RegExp(`^ {5}${program.name} ${command.name}\\b`, "m"));
      const own = commands.slice(at[index], at[index + 1]);
      const rows = (options: Options): string[] =>
        Object.entries(options).map(([key, { alias }]) => `${alias ? `-${alias}, ` : ""}--${flagOf(key)}`);
      for (const row of rows(command.options)) t.regex(own, new RegExp(`^ +${row}\\b`, "m"), `${command.name} ${row}`);
      for (const one of command.positionals) t.regex(own, new RegExp(`^ {11}${one.name}\\b`, "m"), `${command.name} ${one.name}`);
      for (const example of command.examples) t.true(own.replaceAll(/ \\\n +/g, " ").includes(example.command), example.command);
      if (command.passthrough) t.regex(own, / -- command \.\.\.$/m);
    }
    const globals = section(text, "GLOBAL OPTIONS");
    for (const key of Object.keys({ ...program.options, ...builtinOptions })) t.regex(globals, new RegExp(`^ +.*--${flagOf(key)}\\b`, "m"));
    for (const command of program.commands.filter(({ hidden }) => hidden)) t.notRegex(synopsis, new RegExp(` ${command.name}\\b`));
  });

  test(`${name} shows every exit status with what it means`, (t) => {
    const text = rendered(t, name, 300);
    if (text !== undefined) tagsOf(t, text, "EXIT STATUS", Object.values(exitStatus).map(String));
  });

  test(`${name} names the environment variables that the sources read, and no others`, (t) => {
    const files = globSync(name.endsWith(".8") ? [sourceFiles, "scripts/embedded-koffi.ts"] : [sourceFiles], { cwd: root });
    const sources = files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
    const read = new Set([
      ...[...sources.matchAll(/\b(?:vars|process\.env)(?:\.|\[")([A-Z][A-Z_]+)\b/g)].map(([, variable]) => variable!),
      ...[...sources.matchAll(/\benv\["([A-Z][A-Z_]+)"\]/g)].map(([, variable]) => variable!),
      ...[...sources.matchAll(/\{ ([^{}]+) \} = process\.env\b/g)].flatMap(([, names]) => names!.match(/\b[A-Z][A-Z_]+\b/g)!),
      ...[...sources.matchAll(/Variable = "([A-Z][A-Z_]+)"/g)].map(([, variable]) => variable!),
      ...(sources.includes("tmpdir()") ? ["TMPDIR"] : []),
    ]);
    const shown = [...textOf(name).matchAll(/^\.It Ev (.+)$/gm)].flatMap(([, names]) => names!.split(" , "));
    t.deepEqual(shown.toSorted(), [...read].toSorted());
  });

  test(`every hand-written note of ${name} belongs to a command`, (t) => {
    const names = program.commands.map((command) => command.name);
    t.deepEqual(
      [...Object.keys(notes), ...nouns].filter((one) => !names.includes(one)),
      [],
    );
  });
}

test("sockhijack.8 shows every reason and counter with what it means", (t) => {
  const text = rendered(t, "sockhijack.8", 300);
  if (text === undefined) return;
  tagsOf(t, text, "REASONS", Object.keys(reasons));
  tagsOf(t, text, "DIAGNOSTICS", counterNames);
});

test("nicd.8 shows every response flag, refusal and metric with what it means", (t) => {
  const text = rendered(t, "nicd.8", 300);
  if (text === undefined) return;
  const flags = Object.keys(flagWords).map((key) => flag[key as keyof typeof flagWords]);
  t.deepEqual(
    flags.toSorted(),
    Object.values(flag)
      .filter((one) => one !== "")
      .toSorted(),
  );
  tagsOf(t, text, "DIAGNOSTICS", [
    ...flags,
    ...Object.keys(refusalWords),
    ...Object.keys(refusalReasons).map((reason) => `link-${reason}`),
  ]);
  const metrics = [...section(text, "DIAGNOSTICS").matchAll(/^ {5}(mitsu_\w+)$/gm)].map(([, metric]) => metric!);
  t.deepEqual(metrics.toSorted(), [...nicdMetricNames].toSorted());
});

test("placer.8's problem is a valid one", (t) => {
  const shown = /^\.Bd -literal -offset indent\n([\s\S]*?)\n\.Ed$/m.exec(textOf("placer.8"))![1]!;
  const { nodes, services, traffic, assignment } = parseProblem(unliteral(shown), "placer.8");
  t.deepEqual([nodes.length, services.length, traffic.length, Object.keys(assignment).length], [2, 2, 1, 3]);
});

test("replicad.8 shows every metric with what it counts", (t) => {
  const text = rendered(t, "replicad.8", 300);
  if (text === undefined) return;
  const shown = [...section(text, "DIAGNOSTICS").matchAll(/^ {5}mitsu_replicad_(\w+)\n +[A-Z1].*\.$/gm)].map(([, metric]) => metric!);
  const source = readFileSync(join(root, "packages/replicad/src/metrics.ts"), "utf8");
  const registered = [...source.matchAll(/\bname: "(\w+)"/g)].map(([, name]) => name!);
  t.true(registered.length > 30);
  t.deepEqual(shown.map((name) => name.replace(/(_total|_seconds|_ratio)$/, "")).toSorted(), registered.toSorted());
});

for (const [page, tools] of [
  ["hdl-bindings.1", debianPackages],
  ["meshfilters.1", filterPackages],
] as const)
  test(`${page} shows every tool with its Debian packages`, (t) => {
    const text = rendered(t, page, 300);
    if (text === undefined) return;
    const shown = [...section(text, "DIAGNOSTICS").matchAll(/^ {11}(\S+)\(1\) +Debian: (.+)\.$/gm)].map(([, tool, packages]) => [
      tool,
      packages,
    ]);
    t.deepEqual(Object.fromEntries(shown) as object, tools);
  });

test("mesh.yaml.5's example is a valid mesh that uses every field", (t) => {
  const shown = /^\.Bd -literal -offset indent\n([\s\S]*?)\n\.Ed$/m.exec(textOf("mesh.yaml.5"))![1]!;
  const example = unliteral(shown);
  const catalog = parseCatalog(example);
  t.deepEqual(
    catalog.services.map(({ name }) => name),
    ["cart", "cart-v2", "dns", "web"],
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
