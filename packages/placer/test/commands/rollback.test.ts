import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, run, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { applyFiles } from "../../src/apply/file-set.ts";
import { placer } from "../../src/cli.ts";

/** A folder in which one file was applied, and a way to roll back. */
async function scene(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), "placer-rollback-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const file = join(root, "a");
  writeFileSync(file, "old\n");
  const first = testEnv();
  await applyFiles(
    [{ path: file, contents: "new\n" }],
    { plan: "plan.json", to: "k8s" },
    { state: join(root, "state"), env: first, log: createLog(first) },
  );
  const rollback = async (...args: readonly string[]) => {
    const env = testEnv({ cwd: root });
    const status = await run(placer, ["rollback", "--state", "state", ...args], env);
    return { status, out: env.out(), err: env.err() };
  };
  return { file, rollback };
}

test("rollback --dry-run tells what it would do", async (t) => {
  const { file, rollback } = await scene(t);
  const { status, out } = await rollback("--dry-run");
  t.is(status, 0);
  t.regex(out, /^would undo the apply of plan\.json to k8s of 1970-01-01T00-00-00\.000Z\nrestored .*\/a\n/);
  t.is(readFileSync(file, "utf8"), "new\n");
});

test("rollback refuses when a file was edited, and --force keeps the edited copy", async (t) => {
  const { file, rollback } = await scene(t);
  writeFileSync(file, "mine\n");
  const refused = await rollback();
  t.is(refused.status, 1);
  t.regex(refused.err, /edited since they were written: .*\/a\n {2}hint: nothing was changed; .placer rollback --force/);
  const { status, out } = await rollback("--force", "--json");
  t.is(status, 0);
  const { kept } = JSON.parse(out).rolledBack;
  t.is(readFileSync(kept[0], "utf8"), "mine\n");
  t.is(readFileSync(file, "utf8"), "old\n");
});

test("rollback says where the old files are when its journal cannot be read", async (t) => {
  const { rollback, file } = await scene(t);
  writeFileSync(join(file, "../state/applied/1970-01-01T00-00-00.000Z/manifest.json"), "{");
  const { status, err } = await rollback();
  t.is(status, 65);
  t.regex(err, /cannot read .*manifest\.json[\s\S]*put it back by hand/);
});
