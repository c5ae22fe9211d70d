import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import type { CheckResult } from "../src/selftest/check.ts";
import type { Report } from "../src/selftest/run-checks.ts";
import { type JudgeOptions, judgeKernel, verdictOf } from "../src/selftest/verdict.ts";
import { cacheKey, readVerdict, saveVerdict } from "../src/selftest/verdict-cache.ts";

const result = (rest: Partial<CheckResult> = {}): CheckResult => ({
  name: "order",
  outcome: "holds",
  proves: "order",
  seen: "seen",
  refused: "",
  consequence: "redirect",
  tookMs: 1,
  ...rest,
});
const report = (...results: readonly CheckResult[]): Report => ({ kernel: "6.18.0", results, tookMs: 1 });
const folder = (t: ExecutionContext): string => {
  const path = mkdtempSync(join(tmpdir(), "mitsu-selftest-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
const broken = result({ outcome: "broken", seen: "byte 7 is wrong", refused: "redirect" });

test("verdictOf() refuses redirect when a check that it needs is broken, and names it", (t) => {
  t.deepEqual(verdictOf([result(), broken]), {
    usable: false,
    promote: true,
    unread: true,
    broken: ["self-test order: byte 7 is wrong; refused: redirect"],
  });
});

test("verdictOf() refuses only promotion when only promotion is broken", (t) => {
  const promotion = result({ name: "promotion", consequence: "promotion", outcome: "broken", seen: "never drained", refused: "promotion" });
  t.deepEqual(verdictOf([result(), promotion]), {
    usable: true,
    promote: false,
    unread: true,
    broken: ["self-test promotion: never drained; refused: promotion"],
  });
});

test("verdictOf() refuses only taking unread bytes along when only that is broken", (t) => {
  const unread = result({ name: "unread", consequence: "unread", outcome: "broken", seen: "came twice", refused: "taking them" });
  t.deepEqual(verdictOf([result(), unread]), {
    usable: true,
    promote: true,
    unread: false,
    broken: ["self-test unread: came twice; refused: taking them"],
  });
});

test("verdictOf() counts neither what is known nor what could not be checked", (t) => {
  const results = [result({ outcome: "known", consequence: "known" }), result({ outcome: "unchecked" })];
  t.deepEqual(verdictOf(results), { usable: true, promote: true, unread: true, broken: [] });
});

/** Judges with results of its own, counting how often the checks ran. */
function judge(t: ExecutionContext, state: string, options: Partial<JudgeOptions> = {}) {
  const env = testEnv();
  let runs = 0;
  const run = async (): Promise<Report> => {
    runs++;
    return report(result());
  };
  const verdict = judgeKernel(createLog(env, { format: "text" }), { state, run, ...options });
  t.timeout(10_000);
  return { verdict, runs: () => runs, log: () => env.err() };
}

test("judgeKernel() keeps its verdict, and the next start runs no check", async (t) => {
  const state = join(folder(t), "not-there-yet");
  const first = judge(t, state);
  t.deepEqual(await first.verdict, { usable: true, promote: true, unread: true, broken: [] });
  t.is(first.runs(), 1);
  t.deepEqual(readdirSync(state), ["selftest.json"]);
  const second = judge(t, state);
  t.deepEqual(await second.verdict, { usable: true, promote: true, unread: true, broken: [] });
  t.is(second.runs(), 0);
});

test("judgeKernel() keeps a refusal too, with its reasons, and says how to try again", async (t) => {
  const state = folder(t);
  const first = judge(t, state, { run: async () => report(broken) });
  t.false((await first.verdict).usable);
  t.regex(first.log(), /byte 7 is wrong.*sockhijack selftest/);
  const second = judge(t, state);
  t.deepEqual(await second.verdict, {
    usable: false,
    promote: true,
    unread: true,
    broken: ["self-test order: byte 7 is wrong; refused: redirect"],
  });
  t.is(second.runs(), 0);
});

for (const [what, text] of [
  ["another kernel's", JSON.stringify({ key: "5.4.0 v1 00", verdict: { usable: true, promote: true, unread: true, broken: [] } })],
  ["half a file", '{"key": "6.1'],
  ["an empty file", ""],
  ["a verdict without its fields", JSON.stringify({ key: "KEY", verdict: { usable: true } })],
  ["a verdict of wrong types", JSON.stringify({ key: "KEY", verdict: { usable: "yes", promote: 1, broken: null } })],
] as const) {
  test(`judgeKernel() runs again over ${what}, and replaces it`, async (t) => {
    const state = folder(t);
    const { asset } = await import("../src/assets.ts");
    const key = cacheKey(asset("sockhijack.bpf.o"));
    writeFileSync(join(state, "selftest.json"), text.replace("KEY", JSON.stringify(key).slice(1, -1)));
    const judged = judge(t, state);
    t.true((await judged.verdict).usable);
    t.is(judged.runs(), 1);
    t.is(JSON.parse(readFileSync(join(state, "selftest.json"), "utf8")).key, key);
  });
}

test("judgeKernel() refuses redirect when the self-test cannot run, and keeps nothing", async (t) => {
  const state = folder(t);
  const judged = judge(t, state, {
    run: async () => {
      throw new Error("cannot make a network namespace: operation not permitted");
    },
  });
  const { broken: named, ...may } = await judged.verdict;
  t.deepEqual(may, { usable: false, promote: false, unread: false });
  t.deepEqual(named, ["self-test could not run: cannot make a network namespace: operation not permitted; refused: redirect"]);
  t.regex(judged.log(), /nothing is redirected/);
  t.false(existsSync(join(state, "selftest.json")));
});

test("judgeKernel() trusts the kernel unseen when it is off, and says so", async (t) => {
  const state = folder(t);
  saveVerdict(state, cacheKey(new Uint8Array(1)), { usable: false, promote: false, unread: false, broken: ["x"] }, createLog(testEnv()));
  const judged = judge(t, state, { mode: "off" });
  t.deepEqual(await judged.verdict, { usable: true, promote: true, unread: true, broken: [] });
  t.is(judged.runs(), 0);
  t.regex(judged.log(), /self-test is off/);
});

test("judgeKernel() goes on when the verdict cannot be kept", async (t) => {
  const state = join(folder(t), "file");
  writeFileSync(state, "a file where the folder should be");
  chmodSync(state, 0o400);
  const judged = judge(t, state);
  t.true((await judged.verdict).usable);
  t.regex(judged.log(), /cannot keep the self-test's verdict/);
});

test("cacheKey() changes with the object", (t) => {
  t.not(cacheKey(Uint8Array.of(1)), cacheKey(Uint8Array.of(2)));
  t.is(cacheKey(Uint8Array.of(1)), cacheKey(Uint8Array.of(1)));
});

test("readVerdict() gives back what saveVerdict() kept, for that key only", (t) => {
  const state = folder(t);
  const verdict = { usable: true, promote: false, unread: false, broken: ["a", "b"] };
  saveVerdict(state, "key", verdict, createLog(testEnv()));
  t.deepEqual(readVerdict(state, "key"), verdict);
  t.is(readVerdict(state, "other"), undefined);
});
