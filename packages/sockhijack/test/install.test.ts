import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseCatalog } from "@mitsu/catalog";
import test, { type ExecutionContext } from "ava";

const root = resolve(import.meta.dirname, "../../..");
const units = join(root, "packages/sockhijack/systemd");

/** A folder with a stand-in for the binary, which knows how to print completions, and an empty destination. */
function stage(t: ExecutionContext): { from: string; destdir: string; install: (...args: string[]) => SpawnSyncReturns<string> } {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-install-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [from, destdir] = [join(folder, "bin"), join(folder, "root")];
  mkdirSync(from);
  mkdirSync(destdir);
  writeFileSync(join(from, "sockhijack"), '#!/bin/sh\necho "# $*"\n', { mode: 0o755 });
  const install = (...args: string[]) => spawnSync(join(root, "install"), ["--destdir", destdir, ...args], { encoding: "utf8" });
  return { from, destdir, install };
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .sort();

test("install puts binaries, units, completions, man pages, the group and an example in place, and nothing else", (t) => {
  const { from, destdir, install } = stage(t);
  const run = install("--from", from);
  t.is(run.status, 0, run.stderr);
  t.deepEqual(filesBelow(destdir), [
    "/etc/mitsu/mesh.yaml",
    "/usr/local/bin/sockhijack",
    "/usr/local/lib/systemd/system/mitsu.target",
    "/usr/local/lib/systemd/system/sockhijack.service",
    "/usr/local/lib/systemd/system/sockhijack.socket",
    "/usr/local/lib/sysusers.d/mitsu.conf",
    "/usr/local/share/bash-completion/completions/sockhijack",
    "/usr/local/share/man/man5/mesh.yaml.5",
    "/usr/local/share/man/man8/sockhijack.8",
    "/usr/local/share/mitsu/manifest",
    "/usr/local/share/zsh/site-functions/_sockhijack",
  ]);
  t.is(statSync(join(destdir, "usr/local/bin/sockhijack")).mode & 0o777, 0o755);
  t.is(readFileSync(join(destdir, "usr/local/share/zsh/site-functions/_sockhijack"), "utf8"), "# completion zsh\n");
});

test("install --dry-run prints each file it would put, and changes nothing", (t) => {
  const { from, destdir, install } = stage(t);
  const dry = install("--from", from, "--dry-run");
  t.is(dry.status, 0, dry.stderr);
  t.deepEqual(readdirSync(destdir), []);
  install("--from", from);
  const printed = [...dry.stdout.matchAll(/^install -m \d+ \S+ (\S+)$/gm)].map(([, path]) => path!.slice(destdir.length)).sort();
  t.deepEqual(
    printed,
    filesBelow(destdir).filter((path) => !path.endsWith("/manifest")),
  );
});

test("install --uninstall removes exactly what was installed", (t) => {
  const { from, destdir, install } = stage(t);
  mkdirSync(join(destdir, "usr/local/bin"), { recursive: true });
  writeFileSync(join(destdir, "usr/local/bin/neighbour"), "");
  install("--from", from);
  install("--from", from); // an upgrade must not forget what the first one made
  const run = install("--uninstall");
  t.is(run.status, 0, run.stderr);
  t.deepEqual(readdirSync(destdir, { recursive: true }).sort(), ["usr", "usr/local", "usr/local/bin", "usr/local/bin/neighbour"]);
});

test("install --uninstall --dry-run removes nothing", (t) => {
  const { from, destdir, install } = stage(t);
  install("--from", from);
  const before = filesBelow(destdir);
  const run = install("--uninstall", "--dry-run");
  t.is(run.status, 0, run.stderr);
  t.true(run.stdout.includes(`rm -f ${destdir}/usr/local/bin/sockhijack`));
  t.deepEqual(filesBelow(destdir), before);
});

test("install never overwrites /etc/mitsu/mesh.yaml, and --uninstall keeps one that was changed", (t) => {
  const { from, destdir, install } = stage(t);
  const mesh = join(destdir, "etc/mitsu/mesh.yaml");
  install("--from", from);
  writeFileSync(mesh, "version: 1\n");
  install("--from", from);
  t.is(readFileSync(mesh, "utf8"), "version: 1\n");
  const run = install("--uninstall");
  t.is(run.stdout, `kept, it was changed: ${mesh}\n`);
  t.deepEqual(filesBelow(destdir), ["/etc/mitsu/mesh.yaml"]);
});

test("install --prefix is where the unit starts the daemon from", (t) => {
  const { from, destdir, install } = stage(t);
  install("--from", from, "--prefix", "/opt/mitsu", "--systemd-dir", "/etc/systemd/system");
  t.regex(
    readFileSync(join(destdir, "etc/systemd/system/sockhijack.service"), "utf8"),
    /^ExecStart=\/opt\/mitsu\/bin\/sockhijack daemon$/m,
  );
});

test("install refuses bad arguments and missing binaries with a message that says what to do", (t) => {
  const { from, install } = stage(t);
  for (const [args, status, message] of [
    [["--prefix"], 2, /--prefix wants a folder/],
    [["--prefix", "usr"], 2, /absolute path, not 'usr'/],
    [["--frobnicate"], 2, /unknown argument '--frobnicate'/],
    [["--from", `${from}/none`], 1, /no binaries in/],
    [["--uninstall", "--prefix", "/opt"], 1, /no .*\/opt\/share\/mitsu\/manifest; was another --prefix/],
  ] as const) {
    const run = install(...args);
    t.is(run.status, status, args.join(" "));
    t.regex(run.stderr, message);
  }
});

/** Runs one of systemd's offline checkers on copies of the units; undefined where it is not installed. */
function systemdCheck(t: ExecutionContext, program: string, args: (folder: string) => string[]): SpawnSyncReturns<string> | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-units-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(units, folder, { recursive: true });
  const service = join(folder, "sockhijack.service");
  writeFileSync(service, readFileSync(service, "utf8").replace("/usr/local/bin/sockhijack", join(root, "bin/sockhijack")));
  const run = spawnSync(program, args(folder), { encoding: "utf8" });
  if (run.error && "code" in run.error && run.error.code === "ENOENT") {
    t.log(`skipped: ${program} is not installed`);
    t.pass();
    return undefined;
  }
  return run;
}

test("systemd finds nothing to say about the units", (t) => {
  const all = ["sockhijack.service", "sockhijack.socket", "mitsu.target"];
  const run = systemdCheck(t, "systemd-analyze", (folder) => ["verify", "--man=no", ...all.map((unit) => join(folder, unit))]);
  if (!run) return;
  t.is(run.stderr, ""); // unknown keys are only warnings: the status alone would be 0
  t.is(run.status, 0);
});

test("sockhijack.service is exposed no more than 4.0 of 10 by systemd's measure", (t) => {
  const run = systemdCheck(t, "systemd-analyze", (folder) => [
    ...["security", "--offline=true", "--threshold=40", "--no-pager"],
    join(folder, "sockhijack.service"),
  ]);
  if (!run) return;
  t.is(
    run.status,
    0,
    `${run.stderr}${run.stdout
      .split("\n")
      .filter((line) => /^[✗→]/.test(line))
      .join("\n")}`,
  );
});

test("sockhijack.service keeps V8 able to compile and the kernel's files in reach", (t) => {
  const unit = readFileSync(join(units, "sockhijack.service"), "utf8");
  t.notRegex(unit, /^(MemoryDenyWriteExecute|ProtectControlGroups|ProtectKernelTunables)=(yes|true|on|1)/m);
  const granted = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  t.deepEqual(
    granted,
    [...unit.matchAll(/^# (CAP_\w+) /gm)].map(([, name]) => name),
    "each capability says what it is for",
  );
});

test("mitsu.sysusers makes the group mitsu", (t) => {
  const run = systemdCheck(t, "systemd-sysusers", (folder) => ["--dry-run", `--root=${folder}`, join(folder, "mitsu.sysusers")]);
  if (!run) return;
  t.is(run.status, 0, run.stderr);
  t.regex(`${run.stdout}${run.stderr}`, /group '?mitsu'?/i);
});

test("the example mesh.yaml is a valid mesh, with and without what it comments out", (t) => {
  const text = readFileSync(join(units, "mesh.yaml"), "utf8");
  t.deepEqual(parseCatalog(text).services, []);
  const [head, example] = text.split(/^(?=# services:)/m);
  const whole = parseCatalog(`${head}${example!.replaceAll(/^# ?/gm, "")}`);
  t.deepEqual(whole.services.map(({ name }) => name).sort(), ["client", "web"]);
  t.is(whole.policies.length, 2);
});
