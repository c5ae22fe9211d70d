import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MitsuError, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { checkOutput, writeOutput } from "../../src/files/output-file.ts";

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "placer-output-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("writeOutput() of - is stdout", async (t) => {
  const env = testEnv();
  await writeOutput("-", "a", env);
  await writeOutput("-", Buffer.from("ä"), env);
  t.is(env.out(), "aä");
});

test("writeOutput() writes a whole file, from the folder we are in, and leaves nothing beside it", async (t) => {
  const cwd = folder(t);
  await writeOutput("p.yaml", "text", testEnv({ cwd }));
  t.is(readFileSync(join(cwd, "p.yaml"), "utf8"), "text");
  t.deepEqual(readdirSync(cwd), ["p.yaml"]);
});

test("writeOutput() keeps the mode of the file it replaces, and the link to it", async (t) => {
  const cwd = folder(t);
  writeFileSync(join(cwd, "real"), "old");
  chmodSync(join(cwd, "real"), 0o666);
  symlinkSync("real", join(cwd, "link"));
  await writeOutput("link", "new", testEnv({ cwd }));
  t.is(readFileSync(join(cwd, "real"), "utf8"), "new");
  t.is(statSync(join(cwd, "real")).mode & 0o777, 0o666);
  t.deepEqual(readdirSync(cwd).sort(), ["link", "real"]);
});

test("writeOutput() writes to a device and leaves it one", async (t) => {
  await writeOutput("/dev/null", "text", testEnv());
  t.true(statSync("/dev/null").isCharacterDevice());
});

for (const [path, why] of [
  ["missing/p.yaml", /cannot write missing\/p\.yaml: no such folder/],
  [".", /cannot write \.: it is a folder/],
] as const) {
  test(`writeOutput() to ${path} says why not, and leaves nothing`, async (t) => {
    const cwd = folder(t);
    const error = await t.throwsAsync(writeOutput(path, "text", testEnv({ cwd })), {
      instanceOf: MitsuError,
      code: "ERR_OUTPUT_UNWRITABLE",
    });
    t.regex(error!.message, why);
    const before = await t.throwsAsync(checkOutput(path, testEnv({ cwd })), { code: "ERR_OUTPUT_UNWRITABLE" });
    t.is(before!.message, error!.message);
    t.deepEqual(readdirSync(cwd), []);
  });
}

test("checkOutput() finds nothing wrong with stdout, a device, a new file and one that is there, and makes none", async (t) => {
  const cwd = folder(t);
  writeFileSync(join(cwd, "there"), "old");
  for (const path of [undefined, "-", "/dev/null", "new", "there"]) await t.notThrowsAsync(checkOutput(path, testEnv({ cwd })), path);
  t.deepEqual(readdirSync(cwd), ["there"]);
  await t.throwsAsync(checkOutput("there/below", testEnv({ cwd })), { message: /there\/below: a part of the path is no folder/ });
});
