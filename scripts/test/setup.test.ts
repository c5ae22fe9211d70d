import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test from "ava";

const root = resolve(import.meta.dirname, "../..");
const run = (program: string, ...args: string[]): SpawnSyncReturns<string> => spawnSync(join(root, program), args, { encoding: "utf8" });

test("setup finds everything in place on its second run, within 5 s", (t) => {
  t.is(run("scripts/setup", "test").status, 0);
  const began = performance.now();
  const again = run("scripts/setup", "test");
  t.is(again.status, 0, again.stderr);
  t.notRegex(again.stderr, /apt-get install|pnpm|built/);
  t.true(performance.now() - began < 5000, `${performance.now() - began} ms`);
});

test("setup, test, build and install explain themselves with examples", (t) => {
  for (const program of ["scripts/setup", "test", "build", "install"]) {
    const help = run(program, "--help");
    t.deepEqual([help.status, help.stderr], [0, ""], program);
    t.regex(help.stdout, /^Usage: /, program);
    t.regex(help.stdout, new RegExp(`^  (sudo )?(\\./)?${program}( |$)`, "m"), `${program} shows an example`);
  }
});

test("setup and test refuse what they do not know with status 2", (t) => {
  t.is(run("scripts/setup", "everything").status, 2);
  const unknown = run("test", "--no-setup", "--frobnicate");
  t.is(unknown.status, 2);
  t.regex(unknown.stderr, /--frobnicate[\s\S]*See \.\/test --help/);
});

test("test fails when nothing ran, and its last line still has the totals", (t) => {
  const nothing = run("test", "--no-setup", "packages/nosuch/**/*.test.ts");
  t.is(nothing.status, 1);
  t.regex(nothing.stdout, /no test ran/);
  t.is(nothing.stdout.trimEnd().split("\n").at(-1), "0 passed, 1 failed, 0 skipped");
});

test("run-daemon follows links to the checkout, and says what to do in one that is not set up", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-run-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "checkout"));
  for (const name of ["bin", "scripts"]) cpSync(join(root, name), join(folder, "checkout", name), { recursive: true });
  symlinkSync("checkout/bin/sockhijack", join(folder, "shj"));
  const bare = spawnSync(join(folder, "shj"), ["status"], { encoding: "utf8" });
  t.is(bare.status, 69);
  t.regex(bare.stderr, /^sockhijack: this checkout is not set up, .*; run \S+\/checkout\/scripts\/setup demo\n$/);
});

test("kernel-needs names each capability that root lacks", (t) => {
  if (process.getuid?.() !== 0) {
    t.regex(run("scripts/kernel-needs").stdout, /^root \(/);
    return;
  }
  const bare = spawnSync("setpriv", ["--bounding-set=-bpf,-net_admin", "--inh-caps=-bpf,-net_admin", join(root, "scripts/kernel-needs")], {
    encoding: "utf8",
  });
  t.is(bare.status, 1);
  t.deepEqual(
    [...bare.stdout.matchAll(/^(CAP_\w+) /gm)].map(([, name]) => name),
    ["CAP_NET_ADMIN", "CAP_BPF"],
  );
});

test("rtl-needs names the Debian package of each tool of RTL that is missing, all of which apt-packages installs", (t) => {
  const bare = spawnSync("/bin/bash", [join(root, "scripts/rtl-needs")], { encoding: "utf8", env: { PATH: "/nowhere" } });
  t.is(bare.status, 1);
  const named = bare.stdout.trim().split("\n");
  t.deepEqual(named.slice(0, 3), ["verilator", "clang-14", "lld-14"]);
  for (const job of ["build", "demo", "test"]) {
    const installs = run("scripts/apt-packages", job).stdout.split("\n");
    for (const name of named) t.true(installs.includes(name), `${job}: ${name}`);
  }
});
