import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
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

test("systemEnv says that stdout cannot take what is printed, and fails", (t) => {
  const script = `const { systemEnv } = await import(${mod}); systemEnv.stdout.write("x");`;
  const full = openSync("/dev/full", "w");
  t.teardown(() => closeSync(full));
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    stdio: ["ignore", full, "pipe"],
  });
  t.deepEqual([status, stderr], [1, "cannot write to stdout: ENOSPC: no space left on device, write\n"]);
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
