import test from "ava";
import { onSignals, testEnv } from "../src/mod.ts";

test("onSignals() resolves stop at the first signal and exits at the second", async (t) => {
  const env = testEnv();
  const signals = onSignals(env);
  t.false(signals.signal.aborted);
  env.raise("SIGTERM");
  t.is(await signals.stop, "SIGTERM");
  t.true(signals.signal.aborted);
  t.deepEqual(env.exits, []);
  env.raise("SIGINT");
  env.raise("SIGTERM");
  t.deepEqual(env.exits, [130, 143]);
});

test("onSignals() calls the reload handler at every SIGHUP and leaves SIGHUP alone without one", (t) => {
  const env = testEnv();
  let reloads = 0;
  onSignals(env, () => reloads++);
  t.true(env.raise("SIGHUP"));
  t.true(env.raise("SIGHUP"));
  t.is(reloads, 2);
  const other = testEnv();
  onSignals(other);
  t.false(other.raise("SIGHUP"));
});

test("onSignals() lets go when disposed", (t) => {
  const env = testEnv();
  onSignals(env, () => {})[Symbol.dispose]();
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) t.false(env.raise(name));
});
