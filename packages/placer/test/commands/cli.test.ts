/** The command line: help, examples, unknown words, completion. */
import { type Program, run, testEnv } from "@mitsu/cli";
import test from "ava";
import { placer } from "../../src/cli.ts";

async function cli(argv: readonly string[], program: Program = placer): Promise<{ status: number; out: string; err: string }> {
  const env = testEnv();
  return { status: await run(program, argv, env), out: env.out(), err: env.err() };
}

/** The same command line, of which no command does anything. */
const idle: Program = { ...placer, commands: placer.commands.map((one) => ({ ...one, load: async () => ({ run: async () => {} }) })) };

/** Runs of placer in a shell line: parts of pipelines and lists, as words. */
const runsOf = (line: string): readonly (readonly string[])[] =>
  line
    .split(/\||&&/)
    .map((part) => part.trim().split(/\s+/))
    .filter(([program]) => program === "placer")
    .map((words) => words.slice(1));

const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

for (const { name, summary, examples, options } of placer.commands) {
  test(`placer ${name} --help says what it does, each option, and an example that parses`, async (t) => {
    const { status, out } = await cli([...name.split(" "), "--help"]);
    t.is(status, 0);
    t.true(out.startsWith(`placer ${name}: ${summary}\n`));
    for (const key of Object.keys(options)) t.regex(out, new RegExp(`${flagOf(key)}\\b`), key);
    t.true(examples.length > 0);
    let own = false;
    for (const { command } of examples) {
      t.true(out.includes(`\n  ${command}\n`), command);
      for (const words of runsOf(command)) {
        own ||= words.join(" ").startsWith(name);
        const parsed = await cli(words, idle);
        t.deepEqual([parsed.status, parsed.err], [0, ""], command);
      }
    }
    t.true(own, "an example runs the command itself");
  });
}

test("placer --help lists every command, and its examples parse", async (t) => {
  const { status, out } = await cli(["--help"]);
  t.is(status, 0);
  for (const { name, summary } of placer.commands) t.regex(out, new RegExp(`^ {2}${name} +${summary.slice(0, 20)}`, "m"));
  for (const { command } of placer.examples) for (const words of runsOf(command)) t.is((await cli(words, idle)).status, 0, command);
  const imports = (await cli(["import", "--help"])).out;
  for (const kind of ["k8s", "compose", "bytedance", "jaeger"]) t.regex(imports, new RegExp(`^ {2}import ${kind} `, "m"));
});

test("no two options of a command have the same letter, and none is taken for a negation", (t) => {
  for (const { name, options } of placer.commands) {
    const letters = Object.values(options).flatMap(({ alias }) => (alias === undefined ? [] : [alias]));
    t.is(new Set(letters).size, letters.length, name);
    t.false(letters.includes("h"), name);
    for (const key of Object.keys(options)) t.notRegex(key, /^no[A-Z]/, `${name}: --${key}`);
  }
});

test("placer --version, alone and for programs", async (t) => {
  t.is((await cli(["--version"])).out, `placer ${placer.version}\n`);
  t.deepEqual(JSON.parse((await cli(["--version", "--json"])).out), { name: "placer", version: placer.version });
});

for (const [line, says] of [
  ["paln problem.yaml", /unknown command 'paln'\n {2}hint: did you mean 'placer plan'\?/],
  ["import k8 x.yaml", /unknown command 'import k8'\n {2}hint: did you mean 'placer import k8s'\?/],
  ["import", /which command of 'import'\?/],
  ["plan p.yaml --straegy mitsu", /unknown option '--straegy' for 'plan'\n {2}hint: did you mean '--strategy'\?/],
  ["plan p.yaml --strategy best", /--strategy cannot be 'best'\n {2}hint: choose one of mitsu, traffic, balance, exact, kubernetes/],
  ["plan", /<problem> is missing \(the problem file/],
  ["plan p.yaml q.yaml", /unexpected argument 'q\.yaml' for 'plan'/],
  ["plan p.yaml --deadline", /--deadline needs a value/],
  ["plan p.yaml --deadline soon", /--deadline needs a number \(s\)/],
  ["plan p.yaml --deadline 5 --deadline 1", /--deadline was given 2 times/],
  ["apply plan.json", /--to is missing/],
  ["apply plan.json --to swarm", /--to cannot be 'swarm'\n {2}hint: choose one of systemd, compose, nomad, k8s/],
  ["generate vast", /<kind> cannot be 'vast'/],
] as const) {
  test(`placer ${line} is refused with status 2 and what was meant`, async (t) => {
    const { status, out, err } = await cli(line.split(" "));
    t.deepEqual([status, out], [2, ""]);
    t.regex(err, says);
  });
}

test("placer alone prints its help on stderr, and fails", async (t) => {
  const { status, out, err } = await cli([]);
  t.deepEqual([status, out], [2, ""]);
  t.regex(err, /^placer \d/);
});

for (const shell of ["bash", "zsh"]) {
  test(`placer completion ${shell} knows every command and every option`, async (t) => {
    const { out } = await cli(["completion", shell]);
    for (const { name, options } of placer.commands) {
      t.true(out.includes(name.split(" ").at(-1)!), name);
      for (const key of Object.keys(options)) t.true(out.includes(flagOf(key)), `${name}: ${flagOf(key)}`);
    }
  });
}
