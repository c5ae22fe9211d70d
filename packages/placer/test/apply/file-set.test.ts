import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createLog, lockDaemon, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { applyFiles, type FileChange, kindOf, rollbackFiles } from "../../src/apply/file-set.ts";

const child = join(import.meta.dirname, "file-set-child.ts");
const about = { plan: "plan.json", to: "systemd" };

/** A folder with two files, and changes that edit one, remove one and make one in a new folder. */
function scene(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), "placer-files-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const files = join(root, "files");
  mkdirSync(files);
  writeFileSync(join(files, "a"), "old a\n", { mode: 0o640 });
  chmodSync(join(files, "a"), 0o640);
  writeFileSync(join(files, "b"), "old b\n");
  const changes: FileChange[] = [
    { path: join(files, "a"), contents: "new a\n" },
    { path: join(files, "b"), contents: null },
    { path: join(files, "x", "y", "c"), contents: "new c\n" },
  ];
  const env = testEnv({ now: () => Date.parse("2026-01-02T03:04:05.678Z") });
  return { root, files, changes, options: { state: join(root, "state"), env, log: createLog(env) } };
}

/** Every file below a folder with its mode and contents, and every folder. */
function tree(folder: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    const at = statSync(join(folder, name));
    all[name] = at.isDirectory() ? "directory" : `${(at.mode & 0o777).toString(8)} ${readFileSync(join(folder, name), "utf8")}`;
  }
  return all;
}

/** Runs the child; true when it was killed. */
function run(args: readonly string[]): Promise<{ killed: boolean; points: string[]; err: string }> {
  return new Promise((resolve) => {
    const process_ = spawn(process.execPath, [child, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    process_.stdout.on("data", (data) => (out += data));
    process_.stderr.on("data", (data) => (err += data));
    process_.on("close", (_code, signal) => resolve({ killed: signal === "SIGKILL", points: out.split("\n").filter(Boolean), err }));
  });
}

test("kindOf() tells new, changed, removed and unchanged", (t) => {
  const { files, changes } = scene(t);
  t.deepEqual(changes.map(kindOf), ["changed", "removed", "new"]);
  t.is(kindOf({ path: join(files, "a"), contents: "old a\n" }), "unchanged");
  t.is(kindOf({ path: join(files, "none"), contents: null }), "unchanged");
});

test("applyFiles() carries all changes out and keeps modes, rollbackFiles() puts everything back as it was", async (t) => {
  const { files, changes, options } = scene(t);
  const before = tree(files);
  await applyFiles(changes, about, options);
  t.deepEqual(tree(files), { a: "640 new a\n", x: "directory", "x/y": "directory", "x/y/c": "644 new c\n" });
  const back = await rollbackFiles({ ...options, dryRun: false, force: false });
  t.deepEqual(tree(files), before);
  t.like(back, {
    time: "2026-01-02T03-04-05.678Z",
    unfinished: false,
    kept: [],
    removedDirectories: [join(files, "x/y"), join(files, "x")],
  });
  t.deepEqual(readdirSync(join(options.state, "applied")), []);
});

test("applyFiles() writes nothing, and keeps nothing, when nothing changes", async (t) => {
  const { changes, options } = scene(t);
  t.not(await applyFiles(changes, about, options), null);
  t.is(await applyFiles(changes, about, options), null);
  t.is(readdirSync(join(options.state, "applied")).length, 1);
});

test("rollbackFiles() goes one apply back each time, also of two within a millisecond", async (t) => {
  const { files, changes, options } = scene(t);
  const before = tree(files);
  await applyFiles(changes, about, options);
  const first = tree(files);
  await applyFiles([{ path: join(files, "a"), contents: "newer\n" }], about, options);
  t.is(tree(files).a, "640 newer\n");
  await rollbackFiles({ ...options, dryRun: false, force: false });
  t.deepEqual(tree(files), first);
  await rollbackFiles({ ...options, dryRun: false, force: false });
  t.deepEqual(tree(files), before);
  t.is(await rollbackFiles({ ...options, dryRun: false, force: false }), null);
});

test("rollbackFiles() refuses when a file was edited since, and changes nothing; with force the edited copy is kept beside", async (t) => {
  const { files, changes, options } = scene(t);
  const before = tree(files);
  await applyFiles(changes, about, options);
  writeFileSync(join(files, "a"), "by hand\n");
  const edited = tree(files);
  const error = await t.throwsAsync(rollbackFiles({ ...options, dryRun: false, force: false }), { code: "ERR_PLACER_EDITED" });
  t.true(error?.message.includes(join(files, "a")));
  t.deepEqual(tree(files), edited);
  const back = await rollbackFiles({ ...options, dryRun: false, force: true });
  t.deepEqual(tree(files), { ...before, "a.edited-2026-01-02T03-04-05.678Z": "640 by hand\n" });
  t.is(back?.kept.length, 1);
});

test("rollbackFiles() with dryRun tells and changes nothing", async (t) => {
  const { files, changes, options } = scene(t);
  await applyFiles(changes, about, options);
  const after = tree(files);
  const back = await rollbackFiles({ ...options, dryRun: true, force: false });
  t.deepEqual(back?.restored, [join(files, "a"), join(files, "b")]);
  t.deepEqual(back?.removed, [join(files, "x/y/c")]);
  t.deepEqual(tree(files), after);
});

test("rollbackFiles() leaves a directory that others put files into", async (t) => {
  const { files, changes, options } = scene(t);
  await applyFiles(changes, about, options);
  writeFileSync(join(files, "x", "theirs"), "");
  await rollbackFiles({ ...options, dryRun: false, force: false });
  t.true(existsSync(join(files, "x", "theirs")));
  t.false(existsSync(join(files, "x", "y")));
});

test("applyFiles() leaves everything as it was when a file cannot be written", async (t) => {
  const { files, changes, options } = scene(t);
  const before = tree(files);
  // Root may write anywhere: a file where a folder must be stops root too.
  const error = await t.throwsAsync(applyFiles([...changes, { path: join(files, "a", "d"), contents: "d" }], about, options), {
    code: "ERR_PLACER_WRITE",
  });
  t.regex(error?.message ?? "", /everything is as it was/);
  t.deepEqual(tree(files), before);
});

test("applyFiles() undoes what it did when the disk fails in the middle", async (t) => {
  const { files, changes, options } = scene(t);
  const before = tree(files);
  const fault = (point: string): void => {
    if (point === "switched 1") throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  };
  await t.throwsAsync(applyFiles(changes, about, { ...options, fault }), { code: "ERR_PLACER_WRITE" });
  t.deepEqual(tree(files), before);
  t.deepEqual(readdirSync(join(options.state, "applied")), []);
});

test("applyFiles() does not replace a link, such as a masked unit", async (t) => {
  const { files, options } = scene(t);
  symlinkSync("/dev/null", join(files, "masked"));
  await t.throwsAsync(applyFiles([{ path: join(files, "masked"), contents: "x" }], about, options), { code: "ERR_PLACER_NOT_A_FILE" });
  t.true(statSync("/dev/null").isCharacterDevice());
});

test("applyFiles() refuses while another one is at work", async (t) => {
  const { changes, options } = scene(t);
  const letGo = await lockDaemon(options.env, join(options.state, "apply"), options.log);
  t.teardown(letGo);
  await t.throwsAsync(applyFiles(changes, about, options), { code: "ERR_PLACER_BUSY" });
  await t.throwsAsync(rollbackFiles({ ...options, dryRun: false, force: false }), { code: "ERR_PLACER_BUSY" });
});

test.serial("an apply that is killed at any point is undone by rollbackFiles(), or finished by the next apply", async (t) => {
  t.timeout(120_000);
  let points = 0;
  for (let dieAt = 0; ; dieAt++) {
    const { files, changes, options } = scene(t);
    const before = tree(files);
    const { killed, points: seen, err } = await run(["apply", options.state, JSON.stringify(changes), String(dieAt)]);
    if (!killed) {
      t.is(err, "");
      points = seen.length;
      break;
    }
    if (dieAt % 2 === 0) {
      await rollbackFiles({ ...options, dryRun: false, force: false });
      t.deepEqual(tree(files), before, `rollback after ${dieAt}`);
    } else {
      await applyFiles(changes, about, options);
      t.deepEqual(tree(files), { a: "640 new a\n", x: "directory", "x/y": "directory", "x/y/c": "644 new c\n" }, `apply after ${dieAt}`);
      // Finished before it was killed, it is an apply of its own, else one.
      while ((await rollbackFiles({ ...options, dryRun: false, force: false })) !== null);
      t.deepEqual(tree(files), before);
    }
    rmSync(dirname(files), { recursive: true });
  }
  t.is(points, 14);
});

test.serial("a rollback that is killed at any point is finished by the next one", async (t) => {
  t.timeout(120_000);
  for (let dieAt = 0; ; dieAt++) {
    const { files, changes, options } = scene(t);
    const before = tree(files);
    await applyFiles(changes, about, options);
    const { killed } = await run(["rollback", options.state, "[]", String(dieAt)]);
    if (!killed) {
      t.is(dieAt, 4);
      break;
    }
    await rollbackFiles({ ...options, dryRun: false, force: false });
    t.deepEqual(tree(files), before, `after ${dieAt}`);
  }
});
