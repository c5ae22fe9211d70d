import test from "ava";
import { createLog, testEnv } from "../src/mod.ts";

const now = () => Date.UTC(2026, 10, 22, 12, 0, 1, 250);

test("createLog() writes text with time, level and fields on stderr only", (t) => {
  const env = testEnv({ now });
  createLog(env).child({ daemon: "demo" }).info("attached", { cgroup: "/web", tookMs: 12, bytes: 5n });
  t.is(env.err(), "12:00:01.250 INFO  attached daemon=demo cgroup=/web tookMs=12 bytes=5\n");
  t.is(env.out(), "");
});

test("createLog() leaves out what is below its level", (t) => {
  const env = testEnv();
  const log = createLog(env, { level: "warn" });
  log.debug("no");
  log.info("no");
  log.warn("yes");
  log.error("yes");
  t.is(env.err().split("\n").length, 3);
});

test("createLog() writes one JSON object a line with MITSU_LOG=json", (t) => {
  const env = testEnv({ now, vars: { MITSU_LOG: "json" } });
  createLog(env).error("broke", { error: Object.assign(new Error("why"), { code: "ERR_X" }), big: 1n });
  t.deepEqual(JSON.parse(env.err()), {
    time: "2026-11-22T12:00:01.250Z",
    level: "error",
    message: "broke",
    error: { message: "why", code: "ERR_X" },
    big: "1",
  });
});

test("createLog() gives the journal priorities and no time of its own", (t) => {
  const env = testEnv({ vars: { JOURNAL_STREAM: "8:1" } });
  const log = createLog(env, { level: "debug" });
  for (const level of ["debug", "info", "warn", "error"] as const) log[level]("x");
  t.is(env.err(), "<7>x\n<6>x\n<4>x\n<3>x\n");
});

test("createLog() colours for a terminal unless NO_COLOR", (t) => {
  const tty = testEnv({ isTTY: true });
  createLog(tty).info("x");
  t.true(tty.err().includes("\x1b[36mINFO \x1b[0m"));
  const plain = testEnv({ isTTY: true, vars: { NO_COLOR: "1" } });
  createLog(plain).info("x");
  t.false(plain.err().includes("\x1b"));
});

test("createLog() keeps a value with a newline or an escape on its line", (t) => {
  const env = testEnv();
  createLog(env).info("a\nb", { name: 'x\n12:00 ERROR forged="1"', esc: "\x1b[2J" });
  t.is(env.err().split("\n").length, 2);
  t.false(env.err().includes("\x1b"));
});
