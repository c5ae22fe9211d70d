import test from "ava";
import { progress, testEnv, watch } from "../src/mod.ts";

/** Draws three blocks, then aborts from within the third. */
const draw = async (isTTY: boolean) => {
  const env = testEnv({ isTTY, rows: 2 });
  const controller = new AbortController();
  let count = 0;
  await watch(
    env,
    () => {
      if (++count === 3) controller.abort();
      return `block ${count}\nsecond\nthird\n`;
    },
    { intervalMs: 1, signal: controller.signal },
  );
  return env.out();
};

test("watch() prints successive blocks where there is no terminal", async (t) => {
  t.is(await draw(false), [1, 2, 3].map((n) => `block ${n}\nsecond\nthird\n`).join("\n"));
});

test("watch() redraws a terminal in place, within its height, and leaves it as it was", async (t) => {
  const out = await draw(true);
  t.is(out.split("\x1b[H").length, 4);
  t.false(out.includes("third"));
  t.true(out.startsWith("\x1b[?1049h") && out.endsWith("\x1b[?1049l"));
});

test("watch() restores the terminal when drawing fails", async (t) => {
  const env = testEnv({ isTTY: true });
  const failing = () => Promise.reject(new Error("gone"));
  await t.throwsAsync(watch(env, failing, { signal: new AbortController().signal }), { message: "gone" });
  t.true(env.out().endsWith("\x1b[?25h\x1b[?1049l"));
});

test("progress() writes on a terminal's stderr only", (t) => {
  const [tty, pipe] = [testEnv({ isTTY: true, columns: 10 }), testEnv()];
  for (const env of [tty, pipe]) {
    const line = progress(env);
    line.update("0123456789abc");
    line.done();
    t.is(env.out(), "");
  }
  t.is(tty.err(), "\r012345678\x1b[K\r\x1b[K");
  t.is(pipe.err(), "");
});
