import { execFileSync } from "node:child_process";
import test from "ava";
import { run, type TestEnvOptions, testEnv } from "../src/mod.ts";
import { demo } from "./demo-program.ts";

const call = async (argv: string[], options: TestEnvOptions = {}) => {
  const env = testEnv(options);
  const status = await run(demo, argv, env);
  return { status, out: env.out(), err: env.err() };
};

test("run() gives a command its typed arguments with defaults", async (t) => {
  const { status, out } = await call(["ping", "web", "cart"]);
  t.is(status, 0);
  t.deepEqual(JSON.parse(out), { timeoutMs: 1000, service: [], quiet: false, target: "web", more: ["cart"] });
});

test("run() takes flags in every form yargs knows", async (t) => {
  const { out } = await call(["ping", "-s", "a", "--service=b", "web", "--timeout-ms", "5", "--mode=udp", "--quiet"]);
  t.deepEqual(JSON.parse(out), { timeoutMs: 5, service: ["a", "b"], mode: "udp", quiet: true, target: "web", more: [] });
});

test("run() takes a lone dash as a value, of options that may be repeated too", async (t) => {
  const { out } = await call(["ping", "--service", "-", "--service=b", "web", "--mode", "udp"]);
  t.deepEqual(JSON.parse(out).service, ["-", "b"]);
});

test("run() finds nested commands behind global options and returns their status", async (t) => {
  t.is((await call(["--socket", "/tmp/s", "policy", "check"])).status, 3);
  t.is((await call(["policy", "--json", "check"])).status, 3);
});

test("run() loads a lazy command only when it runs", async (t) => {
  t.is((await call(["lazy"])).out, "late");
});

test("run() passes what follows -- verbatim, flags and all", async (t) => {
  const { out } = await call(["run", "--socket", "/s", "--service", "web:80", "--", "nginx", "--help", "--", "-c", "--json"]);
  t.deepEqual(JSON.parse(out), { service: "web:80", passthrough: ["nginx", "--help", "--", "-c", "--json"], socket: "/s" });
});

test("run() takes words after -- as arguments where the command has no passthrough", async (t) => {
  t.is(JSON.parse((await call(["ping", "--", "--odd-name"])).out).target, "--odd-name");
});

const wrong: readonly (readonly [string, string, string])[] = [
  ["pnig web", "unknown command 'pnig'", "did you mean 'demo ping'?"],
  ["policy chekc", "unknown command 'policy chekc'", "did you mean 'demo policy check'?"],
  ["nonsense", "unknown command 'nonsense'", "see 'demo --help'"],
  ["secre", "unknown command 'secre'", "see 'demo --help'"],
  ["policy", "which command of 'policy'?", "see 'demo policy --help'"],
  ["--json", "which command?", "see 'demo --help'"],
  ["ping", "<target> is missing (its name)", "usage: demo ping <target> [more...] [options]"],
  ["ping web --timout-ms 5", "unknown option '--timout-ms' for 'ping'", "did you mean '--timeout-ms'?"],
  ["ping web -z", "unknown option z", "see 'demo ping --help'"],
  ["ping web --timeout-ms x", "--timeout-ms needs a number (ms)", "such as --timeout-ms 5"],
  ["ping web --timeout-ms", "--timeout-ms needs a value", "see 'demo ping --help'"],
  ["ping web --timeout-ms=", "--timeout-ms needs a number (ms)", "such as --timeout-ms 5"],
  ["ping web --timeout-ms 3 --timeout-ms 1", "--timeout-ms was given 2 times", "give it once"],
  ["ping web --mode icmp", "--mode cannot be 'icmp'", "choose one of tcp, udp"],
  ["ping web --socket a --socket b", "--socket was given 2 times", "give it once"],
  ["policy check now", "unexpected argument 'now' for 'policy check'", "usage: demo policy check [options]"],
  ["run --service web nginx", "unexpected argument 'nginx' for 'run'", "put the command after '--': demo run [options] -- <command…>"],
  ["run --service web", "nothing to run after '--'", "such as: demo run --service web -- nginx"],
  ["run -- nginx", "--service is missing", "name:port"],
  ["fail oddly", "<how> cannot be 'oddly'", "choose one of mitsu, plain, cause"],
  ["completion fish", "<shell> cannot be 'fish'", "choose one of bash, zsh"],
];
for (const [line, message, hint] of wrong) {
  test(`run() refuses '${line}' with status 2 and a hint`, async (t) => {
    const { status, out, err } = await call(line.split(" "));
    t.is(status, 2);
    t.is(out, "");
    const { error } = line.includes("--json")
      ? JSON.parse(err)
      : { error: { message: err.split("\n")[0]!.slice(6), hint: err.split("hint: ")[1]?.trimEnd() } };
    t.is(error.message, message);
    t.is(error.hint, hint);
  });
}

test("run() prints an error as message and hint and exits with its status", async (t) => {
  t.deepEqual(await call(["fail", "mitsu"]), { status: 65, out: "", err: "demo: no such cgroup\n  hint: start the unit first\n" });
  t.deepEqual(await call(["fail", "plain"]), { status: 1, out: "", err: "demo: it broke\n" });
  t.deepEqual(await call(["fail", "cause"]), { status: 1, out: "", err: "demo: it broke\n  cause: the disk is full\n" });
});

test("run() prints an error as one JSON object with --json", async (t) => {
  const { status, err } = await call(["--json", "fail", "mitsu"]);
  t.is(status, 65);
  t.deepEqual(JSON.parse(err), { error: { code: "ERR_CGROUP_MISSING", message: "no such cgroup", hint: "start the unit first" } });
});

test("run() shows the stack with MITSU_DEBUG", async (t) => {
  t.regex((await call(["fail", "plain"], { vars: { MITSU_DEBUG: "1" } })).err, /at .*demo-program\.ts/);
});

test("run() prints the version as text and as JSON", async (t) => {
  t.is((await call(["--version"])).out, "demo 1.2.3\n");
  t.deepEqual(JSON.parse((await call(["--version", "--json"])).out), { name: "demo", version: "1.2.3" });
});

test("run() without arguments shows help on stderr and fails", async (t) => {
  const { status, out, err } = await call([]);
  t.is(status, 2);
  t.is(out, "");
  t.regex(err, /^demo 1\.2\.3: shows the frame\n/);
});

test("--help lists every command that is not hidden, with examples", async (t) => {
  const { status, out } = await call(["--help"]);
  t.is(status, 0);
  for (const { name, summary, hidden } of demo.commands) t.is(new RegExp(`^  ${name} +${summary}$`, "m").test(out), !hidden, name);
  t.regex(out, /Examples:\n {2}# ask web\n {2}demo ping web\n/);
});

for (const { name, options, examples } of demo.commands) {
  test(`${name} --help names every option and example, with and without yargs' help word`, async (t) => {
    const { status, out } = await call([...name.split(" "), "--help"]);
    t.is(status, 0);
    for (const key of Object.keys(options)) t.true(out.includes(`--${key.replace("Ms", "-ms")}`), key);
    for (const { command } of examples) t.true(out.includes(`  ${command}\n`));
    t.is((await call(["help", ...name.split(" ")])).out, out);
  });
}

test("--help of a noun lists the commands below it", async (t) => {
  const { out } = await call(["policy", "--help"]);
  t.regex(out, /policy check/);
  t.regex(out, /policy show/);
  t.notRegex(out, /^ {2}ping/m);
});

test("--help keeps to the terminal's width and colours only for a terminal without NO_COLOR", async (t) => {
  const narrow = (await call(["ping", "--help"], { isTTY: true, columns: 50 })).out;
  t.true(narrow.includes("\x1b[1mUsage:\x1b[0m"));
  const lines = narrow.replaceAll("\x1b[1m", "").replaceAll("\x1b[0m", "").split("\n");
  const widest = Math.max(...lines.map((line) => line.length));
  t.true(widest <= 70 && widest > 40, String(widest));
  t.false((await call(["--help"], { isTTY: true, vars: { NO_COLOR: "1" } })).out.includes("\x1b"));
  t.false((await call(["--help"])).out.includes("\x1b"));
});

test("--help does not load yargs", (t) => {
  // yargs costs more than the rest of the start, so this is the test behind the 100 ms.
  const script = `
    import { registerHooks } from "node:module";
    const seen = [];
    registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } });
    const { run, testEnv } = await import(${JSON.stringify(import.meta.resolve("../src/mod.ts"))});
    const { demo } = await import(${JSON.stringify(import.meta.resolve("./demo-program.ts"))});
    const before = [...seen];
    await run(demo, ["--help"], testEnv());
    const help = seen.filter((name) => !name.startsWith("."));
    await run(demo, ["ping", "web"], testEnv());
    console.log(JSON.stringify({ help, all: seen }));`;
  const { help, all } = JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }));
  const heavy = ["yargs", "koffi", "prom-client", "node:http"];
  t.deepEqual(
    help.filter((name: string) => heavy.includes(name)),
    [],
  );
  t.true(all.includes("yargs"));
});
