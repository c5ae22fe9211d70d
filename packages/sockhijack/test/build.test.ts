import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test from "ava";
import { bundle } from "../../../scripts/bundle.ts";
import { emptyRoot, leastEnv } from "../../../scripts/test/empty-root.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/sockhijack");

const build = (...args: string[]): SpawnSyncReturns<string> => spawnSync(join(root, "build"), args, { encoding: "utf8" });

test.serial.before("./build makes dist/bin/sockhijack", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = build("sockhijack");
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("./build does not build again what has not changed", (t) => {
  const before = statSync(binary).mtimeMs;
  const run = build("sockhijack");
  t.regex(run.stdout, /up to date/);
  t.is(statSync(binary).mtimeMs, before);
});

test.serial("./build refuses what it does not know", (t) => {
  for (const [argument, message] of [
    ["nosuchdaemon", /no daemon nosuchdaemon; there is .*sockhijack/],
    ["--nosuchflag", /See \.\/build --help/],
  ] as const) {
    const run = build(argument);
    t.is(run.status, 2);
    t.regex(run.stderr, message);
  }
});

test.serial("the binary prints its version and its help in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  for (const [argument, output] of [
    ["--version", /^sockhijack \d+\.\d+\.\d+\n$/],
    ["--help", /sockhijack/],
  ] as const) {
    const run = empty.run(argument);
    t.deepEqual([run.status, run.stderr], [0, ""], argument);
    t.regex(run.stdout, output);
  }
});

test.serial("the binary's status says that no daemon runs, with status 69, in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  const run = empty.run("status");
  t.is(run.status, 69, run.stderr);
  t.regex(run.stderr, /daemon/);
});

test.serial("the binary names libbpf where it is missing, and leaves nothing in /tmp", (t) => {
  const folder = emptyRoot(t, binary)?.folder;
  if (folder === undefined) return;
  for (const name of ["tmp", "proc", "sys"]) mkdirSync(join(folder, name));
  // In a mount namespace of its own, so that these mounts end with it.
  const script =
    'mount --rbind /proc "$0/proc" && mount --rbind /sys "$0/sys" && exec chroot "$0" /sockhijack daemon --socket /tmp/s --state /tmp/state';
  const run = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script, folder], {
    encoding: "utf8",
    env: leastEnv,
  });
  t.is(run.status, 95, run.stderr);
  t.regex(run.stderr, /cannot load libbpf\.so\.1: .*apt-get install libbpf1/s);
  t.deepEqual(
    readdirSync(join(folder, "tmp")).filter((name) => name.startsWith("mitsu-")),
    [],
  );
});

test("bundle() refuses an entry that does not end as the house style wants", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-bundle-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const entry = join(folder, "main.ts");
  writeFileSync(entry, "process.exitCode = 1;\n");
  await t.throwsAsync(bundle(entry), { message: /must end in: if \(import\.meta\.main\)/ });
});

test("bundle() makes one CommonJS text without top-level await, import() or a search for koffi", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-bundle-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const entry = join(folder, "main.ts");
  const native = join(root, "packages/ebpf-ts/src/native.ts");
  writeFileSync(
    entry,
    `const run = async (): Promise<number> => (await import(${JSON.stringify(native)})).libbpf().libbpf_num_possible_cpus();
if (import.meta.main) process.exitCode = await run();\n`,
  );
  const text = await bundle(entry);
  t.regex(text, /loadEmbedded\("koffi\.node"/);
  t.regex(text, /\.getAsset\)\(/);
  t.notRegex(text, /require\("koffi"\)|@koromix\/koffi-linux-x64"/);
  t.is(spawnSync(process.execPath, ["--input-type=commonjs", "--check"], { input: text }).status, 0);
});

test("bundle() leaves Graphviz outside the text, where it costs no other command anything", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-bundle-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const entry = join(folder, "main.ts");
  const svg = join(root, "packages/sockhijack/src/graph/svg.ts");
  writeFileSync(
    entry,
    `const run = async (): Promise<number> => (await (await import(${JSON.stringify(svg)})).graphSvg([])).length;
if (import.meta.main) process.exitCode = await run();\n`,
  );
  const text = await bundle(entry);
  t.true(text.includes('getAsset)("viz.cjs"'));
  t.true(text.length < 200_000, String(text.length));
});
