import { spawnSync } from "node:child_process";
import test from "ava";
import { systemEnv, testEnv } from "../src/mod.ts";

const mod = JSON.stringify(import.meta.resolve("../src/mod.ts"));

test("systemEnv ends quietly when the reader of stdout goes away", (t) => {
  const script = `const { systemEnv } = await import(${mod}.replaceAll('"', "")); const more = () => { systemEnv.stdout.write("x".repeat(65536) + "\\n"); setImmediate(more); }; more();`;
  const { stderr, stdout } = spawnSync(
    "bash",
    ["-c", `"$0" --input-type=module -e "$1" | head -c 3; echo " \${PIPESTATUS[0]}"`, process.execPath, script],
    { encoding: "utf8" },
  );
  t.is(stderr, "");
  t.is(stdout, "xxx 141\n");
});

test("systemEnv reads files, clocks and the environment", (t) => {
  t.true(Buffer.from(systemEnv.readFile(import.meta.filename)).includes("systemEnv reads files"));
  t.throws(() => systemEnv.readFile("/nowhere"), { code: "ENOENT" });
  const before = systemEnv.nowNs();
  t.true(systemEnv.nowNs() > before);
  t.true(Math.abs(systemEnv.now() - Date.now()) < 1000);
  t.is(systemEnv.pid, process.pid);
  t.is(systemEnv.vars.PATH, process.env.PATH);
});

test("systemEnv delivers signals until it is told to stop", async (t) => {
  const got = Promise.withResolvers<void>();
  const off = systemEnv.onSignal("SIGUSR2", got.resolve);
  process.kill(process.pid, "SIGUSR2");
  const awake = setInterval(() => {}, 1000); // a pending signal alone does not keep the process alive
  await got.promise;
  clearInterval(awake);
  off();
  t.is(process.listenerCount("SIGUSR2"), 0);
});

test("testEnv() serves files given to it and keeps the two streams apart", async (t) => {
  const env = testEnv({ files: { "/etc/x": "content" }, stdin: "typed" });
  env.stdout.write("a");
  env.stderr.write("b");
  t.deepEqual([env.out(), env.err()], ["a", "b"]);
  t.is(Buffer.from(env.readFile("/etc/x")).toString(), "content");
  for await (const chunk of env.stdin) t.is(Buffer.from(chunk).toString(), "typed");
  t.plan(3);
});
