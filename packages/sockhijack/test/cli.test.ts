import { run, testEnv } from "@mitsu/cli";
import test from "ava";
import { sockhijack } from "../src/cli.ts";

const call = async (...argv: readonly string[]) => {
  const env = testEnv({ columns: 120 });
  const status = await run(sockhijack, argv, env);
  return { status, out: env.out(), err: env.err() };
};
/** Text without what help's wrapping does to it. */
const flat = (text: string) => text.replaceAll(/\s+/g, " ");

/** What design and issue promise; a command that is gone or renamed breaks scripts. */
const promised = [
  "attach",
  "cleanup",
  "daemon",
  "detach",
  "explain",
  "flows",
  "graph",
  "matrix",
  "metrics",
  "policy check",
  "resolve",
  "run",
  "selftest",
  "services",
  "status",
  "tap",
  "trace",
];

test("sockhijack has every command it promised", (t) => {
  t.deepEqual(sockhijack.commands.map(({ name }) => name).toSorted(), promised);
});

test("sockhijack --help names every command, and the examples of the first screen", async (t) => {
  const { status, out } = await call("--help");
  t.is(status, 0);
  for (const { name, summary } of sockhijack.commands)
    t.true(flat(out).includes(`${name} ${summary}`) || out.includes(name.split(" ")[0]!), name);
  for (const { command } of sockhijack.examples) t.true(flat(out).includes(flat(command)), command);
});

for (const { name, summary, description, examples, options } of sockhijack.commands) {
  test(`sockhijack ${name} --help shows its examples and options`, async (t) => {
    const { status, out, err } = await call(...name.split(" "), "--help");
    t.deepEqual([status, err], [0, ""]);
    t.true(examples.length > 0);
    for (const { command, does } of examples) {
      t.true(command.includes(`sockhijack ${name}`), `${command} is no example of ${name}`);
      t.true(flat(out).includes(flat(command)) && flat(out).includes(does), command);
    }
    for (const text of [summary, description ?? ""]) t.true(flat(out).toLowerCase().includes(flat(text).toLowerCase()), text);
    for (const flag of Object.keys(options)) t.true(out.includes(`--${flag.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`), flag);
  });

  test(`sockhijack ${name} refuses an option that it does not have with exit status 2`, async (t) => {
    const { status, out, err } = await call(...name.split(" "), "--no-such-option");
    t.deepEqual([status, out], [2, ""]);
    t.regex(err, /no-such-option/);
  });

  test(`sockhijack ${name}'s examples are commands that it understands`, async (t) => {
    for (const { command } of examples) {
      const words = command
        .replace(/ \|.*/, "")
        .match(/'[^']*'|\S+/g)!
        .map((word) => word.replaceAll("'", ""));
      const end = words.indexOf("--");
      const own = end < 0 ? words.slice(1) : words.slice(1, end);
      const { status, err } = await call(...own, "--help", ...(end < 0 ? [] : words.slice(end)));
      t.is(status, 0, `${command}: ${err}`);
      const known = new Set(
        [...Object.keys(options), "json", "socket", "config"].map((key) => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)),
      );
      for (const flag of own.filter((word) => word.startsWith("--"))) t.true(known.has(flag.slice(2)), `${command}: ${flag}`);
    }
  });
}

for (const [argv, message] of [
  [["run", "--", "true"], /service/],
  [["run", "--service", "web"], /nothing to run/],
  [["run", "--service", "web", "--redirect", "maybe", "--", "true"], /redirect/],
  [["attach", "--service", "web"], /target/],
  [["detach"], /target/],
  [["policy", "check", "--from", "a", "--to", "b"], /port/],
  [["policy", "check", "--from", "a", "--to", "b", "--port", "http"], /port/],
  [["flows", "--interval-ms", "soon"], /interval-ms/],
  [["flwos"], /did you mean|flows/],
  [[], /Usage|Commands/i],
] as const) {
  test(`sockhijack ${argv.join(" ")} is a usage error`, async (t) => {
    const { status, err } = await call(...argv);
    t.is(status, 2);
    t.regex(err, message);
  });
}

test("sockhijack's commands say how to start the daemon when none answers", async (t) => {
  for (const name of ["status", "services", "flows", "matrix", "metrics", "graph", "trace"]) {
    const { status, err } = await call(name, "--socket", "/nowhere/s.sock");
    t.is(status, 69, name);
    t.regex(err, /sockhijack daemon/);
  }
});

test("sockhijack --version and --json errors are for scripts", async (t) => {
  t.regex((await call("--version")).out, /^sockhijack \d+\.\d+\.\d+\n$/);
  const { err } = await call("status", "--json", "--socket", "/nowhere/s.sock");
  t.is(JSON.parse(err).error.code, "ERR_DAEMON_DOWN");
});
