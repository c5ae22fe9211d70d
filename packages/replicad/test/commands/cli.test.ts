/** The command line: help, examples, unknown words, completion. */
import { type Program, run, testEnv } from "@mitsu/cli";
import test from "ava";
import { replicad } from "../../src/cli.ts";

async function cli(argv: readonly string[], program: Program = replicad): Promise<{ status: number; out: string; err: string }> {
  const env = testEnv();
  return { status: await run(program, argv, env), out: env.out(), err: env.err() };
}

/** The same command line, of which no command does anything. */
const idle: Program = { ...replicad, commands: replicad.commands.map((one) => ({ ...one, load: async () => ({ run: async () => {} }) })) };

/** Runs of replicad in a shell line: parts of pipelines and lists, and what stands in `$(…)`; a quoted word is one. */
const runsOf = (line: string): readonly (readonly string[])[] =>
  line
    .replace(/.*\$\((replicad [^)]*)\).*/, "$1")
    .split(/ \| | && /)
    .map((part) => [...part.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word))
    .filter(([program]) => program === "replicad")
    .map((words) => words.slice(1));

const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

for (const { name, summary, examples, options } of replicad.commands) {
  test(`replicad ${name} --help says what it does, each option, and examples that parse`, async (t) => {
    const { status, out } = await cli([name, "--help"]);
    t.is(status, 0);
    t.true(out.replace(/\s+/g, " ").startsWith(`replicad ${name}: ${summary} `));
    for (const key of Object.keys(options)) t.regex(out, new RegExp(`${flagOf(key)}\\b`), key);
    t.true(examples.length > 0);
    for (const { command } of examples) {
      t.true(out.includes(`\n  ${command}\n`), command);
      t.is(runsOf(command)[0]?.[0], name, command);
      for (const words of runsOf(command)) {
        const parsed = await cli(words, idle);
        t.deepEqual([parsed.status, parsed.err], [0, ""], command);
      }
    }
  });
}

test("replicad --help lists every command, and its examples parse", async (t) => {
  const { status, out } = await cli(["--help"]);
  t.is(status, 0);
  for (const { name, summary } of replicad.commands) t.regex(out, new RegExp(`^ {2}${name} +${summary.slice(0, 20)}`, "m"));
  for (const { command } of replicad.examples) for (const words of runsOf(command)) t.is((await cli(words, idle)).status, 0, command);
});

test("no two options of a command have the same letter, and none is taken for a negation", (t) => {
  for (const { name, options } of replicad.commands) {
    const letters = Object.values(options).flatMap(({ alias }) => (alias === undefined ? [] : [alias]));
    t.is(new Set(letters).size, letters.length, name);
    for (const key of Object.keys(options)) t.notRegex(key, /^no[A-Z]/, `${name}: --${key}`);
  }
});

test("replicad --version, alone and for programs", async (t) => {
  t.is((await cli(["--version"])).out, `replicad ${replicad.version}\n`);
  t.deepEqual(JSON.parse((await cli(["--version", "--json"])).out), { name: "replicad", version: replicad.version });
});

for (const [line, says] of [
  ["set-wieght 10.0.0.7:8080 1", /unknown command 'set-wieght'\n {2}hint: did you mean 'replicad set-weight'\?/],
  ["daemon --broker", /--broker needs a value/],
  ["daemon --nodee n1", /unknown option '--nodee' for 'daemon'\n {2}hint: did you mean '--node'\?/],
  ["simulat", /unknown command 'simulat'\n {2}hint: did you mean 'replicad simulate'\?/],
  ["simulate --polices mitsu", /unknown option '--polices' for 'simulate'\n {2}hint: did you mean '--policies'\?/],
  ["simulate --policies mitsu,preqal", /unknown policy 'preqal'\n {2}hint: did you mean 'prequal'\?/],
  ["simulate --policies mitsu,mitsu", /mitsu is given twice/],
  ["simulate --policies prequal --option prequal.quantil=0.5", /option quantil\b/],
  ["simulate --policies prequal --option prequal.quantile=2", /quantile/],
  ["simulate --policies p2c --option prequal.quantile=0.5", /prequal is not among --policies/],
  ["simulate --option quantile", /not policy\.option=number/],
  ["simulate --policies jsq --option jsq.x=1", /jsq takes no options/],
  ["simulate --load 0", /--load 0: give a number above 0/],
  ["simulate --load 0.5..", /--load : give a number above 0/],
  ["simulate --load 0.9..0.3", /ends before it begins/],
  ["simulate --load 0.1..10:0.001", /100 are the most/],
  ["simulate --load full", /--load full: give a number/],
  ["simulate --servers 0", /--servers 0: give a number from 1/],
  ["simulate --servers 2.5", /--servers 2\.5: give a whole number/],
  ["simulate --workers -1", /--workers -1: give a number from 1/],
  ["simulate --service exponental:mean=10ms", /unknown kind 'exponental'\n {2}hint: did you mean 'exponential'\?/],
  ["simulate --service exponential", /mean is missing\n {2}hint: such as exponential:mean=/],
  ["simulate --service exponential:mean=10", /mean 10: not a duration\n {2}hint: write a number and its unit/],
  ["simulate --service exponential:mean=0ms", /mean 0ms: give a number above 0/],
  ["simulate --service exponential:maen=10ms,mean=1ms", /unknown field 'maen'\n {2}hint: did you mean 'mean'\?/],
  ["simulate --service log-normal:mean=1ms,cv=-1", /cv -1: give a number above 0/],
  ["simulate --service pareto:shape=1,least=5ms,most=1ms", /most has to be above least/],
  ["simulate --service file:/nowhere", /cannot read \/nowhere/],
  ["simulate --speed varying:slow=0", /slow 0: give a number above 0 and up to 1/],
  ["simulate --speed fixed:servers=30", /servers 30: give a number from 0 and up to 20/],
  ["simulate --arrivals bursty:on=0ms", /on 0ms: give a number above 0/],
  ["simulate --age soon", /--age soon: not a duration/],
  ["simulate --crash server=20,at=1s", /server 20: give a number from 0 and up to 19/],
  ["simulate --crash at=1s,how=loud", /how loud: choose one of refused, silent/],
  ["simulate --crash server=1", /at is missing/],
  ["simulate --seconds 0", /--seconds 0: give a number above 0/],
  ["simulate --seconds 5 --warm-up 5", /--warm-up 5: give a number from 0 and below 5/],
  ["simulate --runs 0", /--runs 0: give a number from 1/],
  ["simulate --seconds 86400", /requests are too many for one run/],
  ["simulate --figure p42", /--figure cannot be 'p42'/],
] as const) {
  test(`replicad ${line} is refused with status 2 and what was meant`, async (t) => {
    const { status, out, err } = await cli(line.split(" "));
    t.deepEqual([status, out], [2, ""], err);
    t.regex(err, says);
  });
}

for (const shell of ["bash", "zsh"]) {
  test(`replicad completion ${shell} knows every command and every option`, async (t) => {
    const { out } = await cli(["completion", shell]);
    for (const { name, options } of replicad.commands) {
      t.true(out.includes(name), name);
      for (const key of Object.keys(options)) t.true(out.includes(flagOf(key)), `${name}: ${flagOf(key)}`);
    }
  });
}
