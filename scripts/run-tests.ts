/** Runs the gate and prints `N passed, N failed, N skipped` last; ./test does the set-up and calls it. @module */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join, matchesGlob, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { gateSteps } from "./gate-steps.ts";
import { readTap, type TestResult } from "./tap.ts";

const root = resolve(import.meta.dirname, "..");
/** The whole run is to stay under this: beyond it, it says so. */
const promisedMs = 15 * 60_000;
/** What does not come to an end is ended, and counted as failed. */
const limitMs = { normal: 40 * 60_000, all: 80 * 60_000 };
/** A file without any result for so long is ended, and counted as failed; the others run on. ava has this too, but its TAP reporter dies of it. */
const idleMs = { normal: 3 * 60_000, all: 15 * 60_000 };
/** `exitStatus.unavailable` of packages/cli. */
const unavailable = 69;
const kernelTest = /(^|› )kernel ›/;
/** ava.config.js has their files. Each lane runs one file at a time, so that one that hangs is noticed although the other lanes go on; kernel tests mostly wait, so three share two cores. */
const lanes = ["first", "second", "rest"] as const;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  const split = argv.indexOf("--");
  const own = split < 0 ? argv : argv.slice(0, split);
  const avaOptions = split < 0 ? [] : argv.slice(split + 1);
  let options: { all?: boolean | undefined; "no-setup"?: boolean | undefined };
  let files: string[];
  try {
    const parsed = parseArgs({ args: own, allowPositionals: true, options: { all: { type: "boolean" }, "no-setup": { type: "boolean" } } });
    options = parsed.values;
    files = parsed.positionals.map((file) => (existsSync(file) ? relative(root, file) : file));
  } catch (error) {
    console.error(`test: ${(error as Error).message}\nSee ./test --help.`);
    return 2;
  }
  process.chdir(root);
  if (options.all) process.env.MITSU_TEST_ALL = "1";

  const results: TestResult[] = [];
  const whole = files.length === 0 && avaOptions.length === 0;
  if (whole) for (const step of gateSteps()) results.push(runStep(step.name, step.command));
  const lacks = spawnSync(join(root, "scripts/kernel-needs"), { encoding: "utf8" }).stdout.trim().replaceAll("\n", "; ");
  if (lacks !== "") results.push(...leaveOutKernelTests(files, lacks));
  const limits = process.env.MITSU_TEST_ALL === "1" ? "all" : "normal";
  const began = performance.now();
  const tests = whole
    ? (await Promise.all(lanes.map((lane) => runLane(lane, limits)))).flat()
    : await runAva([...avaOptions, ...files], limits);
  results.push(...tests);
  const tookMs = performance.now() - began;
  if (whole && !options.all && tookMs > promisedMs)
    console.log(`\nThe tests took ${(tookMs / 60_000).toFixed(1)} minutes, over the ${promisedMs / 60_000} that are promised.`);
  if (
    whole &&
    process.env.MITSU_REQUIRE_KERNEL === "1" &&
    !tests.some((test) => kernelTest.test(test.title) && test.outcome === "passed")
  ) {
    results.push(failed("kernel tests", ["MITSU_REQUIRE_KERNEL=1, but no kernel test passed"]));
  }
  if (whole && process.env.MITSU_REQUIRE_RTL === "1") {
    const missing = globSync("packages/hdl-bindings/rtl/*.sv").filter(
      (file) => !existsSync(file.replace("/rtl/", "/models/").replace(/sv$/, "wasm")),
    );
    if (missing.length > 0)
      results.push(show(failed("models of RTL", [`MITSU_REQUIRE_RTL=1, but there is none of ${missing.join(", ")}`])));
  }
  return report(results);
}

/** Tells ava to pass the kernel tests over; each of their files that was asked for counts as one skipped test. */
function leaveOutKernelTests(asked: readonly string[], lacks: string): TestResult[] {
  process.env.MITSU_WITHOUT_KERNEL = "1";
  const wanted = (file: string): boolean =>
    asked.length === 0 || asked.some((pattern) => file.startsWith(pattern) || matchesGlob(file, pattern));
  return globSync("packages/*/test/kernel/**/*.test.ts")
    .filter(wanted)
    .map((title) => show({ title, outcome: "skipped", reason: `missing: ${lacks}`, logs: [], failure: [] }));
}

/** A failure that no test reported itself. */
function failed(title: string, failure: string[]): TestResult {
  return { title, outcome: "failed", reason: undefined, logs: [], failure };
}

function runStep(name: string, command: readonly [string, ...string[]]): TestResult {
  const began = performance.now();
  const [program, ...args] = command;
  const run = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 << 20 });
  if (run.error && "code" in run.error && run.error.code === "ENOENT") {
    return show({ title: name, outcome: "skipped", reason: `${program} is not installed`, logs: [], failure: [] });
  }
  if (run.status === unavailable) return show({ title: name, outcome: "skipped", reason: run.stderr.trim(), logs: [], failure: [] });
  const outcome = run.status === 0 ? "passed" : "failed";
  const failure = outcome === "failed" ? `${run.stdout ?? ""}${run.stderr ?? ""}${run.error ?? ""}`.trimEnd().split("\n") : [];
  return show({ title: name, outcome, reason: undefined, logs: [], failure }, performance.now() - began);
}

/** Runs the files of a lane, and says how long it took: they are to end together. */
async function runLane(lane: (typeof lanes)[number], limits: keyof typeof limitMs): Promise<TestResult[]> {
  const began = performance.now();
  const results = await runAva([], limits, lane);
  console.log(`the lane "${lane}" took ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
  return results;
}

/** Runs ava; its workers' own output goes to stderr as it comes. */
async function runAva(args: string[], limits: keyof typeof limitMs, lane?: (typeof lanes)[number]): Promise<TestResult[]> {
  const env = { ...process.env, ...(lane && { MITSU_TEST_LANE: lane }) };
  const ava = spawn("node_modules/.bin/ava", ["--tap", ...args], { stdio: ["ignore", "pipe", "inherit"], env });
  const exited = new Promise<string>((resolve) => {
    ava.on("error", (error) => resolve(String(error)));
    ava.on("close", (status, signal) => resolve(signal ?? String(status)));
  });
  let late = false;
  const limit = limitMs[limits];
  const timer = setTimeout(() => {
    late = true;
    ava.kill("SIGTERM");
  }, limit);
  // The file that hangs is a child of ava; its own children are left to it.
  const idle = setTimeout(() => spawnSync("pkill", ["-KILL", "-P", String(ava.pid)]), idleMs[limits]);
  const results: TestResult[] = [];
  let began = performance.now();
  for await (const result of readTap(createInterface({ input: ava.stdout }))) {
    const title = result.title.replace(/^packages › /, "").replace(" › test › ", " › ");
    results.push(show({ ...result, title }, performance.now() - began));
    began = performance.now();
    idle.refresh();
  }
  const status = await exited;
  clearTimeout(timer);
  clearTimeout(idle);
  if (late)
    results.push(
      show(
        failed("ava", [
          `ended after ${(limit / 60_000).toFixed(1)} minutes, the limit of a run; the test after the last one above hangs or is slow`,
        ]),
      ),
    );
  else if (results.length === 0)
    results.push(show(failed("ava", [`no test ran (ava ended with ${status}); does the pattern match a *.test.ts file?`])));
  else if (status !== "0" && results.every((result) => result.outcome !== "failed"))
    results.push(show(failed("ava", [`ended with ${status}`])));
  return results;
}

/** Prints one result as it comes, a failure in full. */
function show(result: TestResult, tookMs = 0): TestResult {
  const mark = { passed: "ok  ", failed: "FAIL", skipped: "skip" }[result.outcome];
  console.log(`${mark} ${result.title}${tookMs >= 1000 ? ` (${(tookMs / 1000).toFixed(1)} s)` : ""}`);
  if (result.outcome === "failed")
    for (const line of [...result.logs.map((log) => `log: ${log}`), ...result.failure]) console.log(`     ${line}`);
  return result;
}

/** What was skipped and why, what failed, the totals; returns the exit status. */
function report(results: readonly TestResult[]): number {
  const of = (outcome: TestResult["outcome"]): TestResult[] => results.filter((result) => result.outcome === outcome);
  const [passed, failures, skipped] = [of("passed"), of("failed"), of("skipped")];
  const why = new Map<string, string[]>();
  for (const { title, reason } of skipped) {
    const key = reason ?? "declared so in the test's file";
    why.set(key, [...(why.get(key) ?? []), title]);
  }
  if (why.size > 0) console.log("\nSkipped:");
  for (const [reason, titles] of why) console.log(`- ${reason}\n${titles.map((title) => `    ${title}`).join("\n")}`);
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map(({ title }) => `    ${title}`).join("\n")}`);
  console.log(`\n${passed.length} passed, ${failures.length} failed, ${skipped.length} skipped`);
  return failures.length > 0 || passed.length === 0 ? 1 : 0;
}
