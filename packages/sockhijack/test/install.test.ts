import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseCatalog } from "@mitsu/catalog";
import test, { type ExecutionContext } from "ava";

const root = resolve(import.meta.dirname, "../../..");
const daemons = ["mqttnic", "nicd", "placer", "replicad", "sockhijack"] as const;
const unitFolder = (daemon: string): string => join(root, "packages", daemon, "systemd");
const unit = (name: string): string => readFileSync(join(unitFolder(name.split(/[.-]/)[0]!), name), "utf8");

/** A folder with stand-ins for the binaries, which know how to print completions, and an empty destination. */
function stage(t: ExecutionContext): { from: string; destdir: string; install: (...args: string[]) => SpawnSyncReturns<string> } {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-install-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [from, destdir] = [join(folder, "bin"), join(folder, "root")];
  mkdirSync(from);
  mkdirSync(destdir);
  for (const daemon of daemons) writeFileSync(join(from, daemon), '#!/bin/sh\necho "# $*"\n', { mode: 0o755 });
  const install = (...args: string[]) => spawnSync(join(root, "install"), ["--destdir", destdir, ...args], { encoding: "utf8" });
  return { from, destdir, install };
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .sort();

test("install puts binaries, units, completions, man pages, the dashboards, the group and examples in place, and nothing else", (t) => {
  const { from, destdir, install } = stage(t);
  const run = install("--from", from);
  t.is(run.status, 0, run.stderr);
  t.deepEqual(filesBelow(destdir), [
    "/etc/logrotate.d/nicd",
    "/etc/mitsu/mesh.yaml",
    "/etc/mitsu/mqttnic.env",
    "/etc/mitsu/nicd.env",
    "/etc/mitsu/placer.env",
    "/etc/mitsu/replicad.env",
    "/usr/local/bin/mqttnic",
    "/usr/local/bin/nicd",
    "/usr/local/bin/placer",
    "/usr/local/bin/replicad",
    "/usr/local/bin/sockhijack",
    "/usr/local/lib/systemd/system/mitsu.target",
    "/usr/local/lib/systemd/system/mqttnic.service",
    "/usr/local/lib/systemd/system/mqttnic.socket",
    "/usr/local/lib/systemd/system/nicd-rotate.service",
    "/usr/local/lib/systemd/system/nicd-rotate.timer",
    "/usr/local/lib/systemd/system/nicd.service",
    "/usr/local/lib/systemd/system/nicd.socket",
    "/usr/local/lib/systemd/system/placer.service",
    "/usr/local/lib/systemd/system/placer.socket",
    "/usr/local/lib/systemd/system/replicad.service",
    "/usr/local/lib/systemd/system/replicad.socket",
    "/usr/local/lib/systemd/system/sockhijack.service",
    "/usr/local/lib/systemd/system/sockhijack.socket",
    "/usr/local/lib/sysusers.d/mitsu.conf",
    "/usr/local/share/bash-completion/completions/mqttnic",
    "/usr/local/share/bash-completion/completions/nicd",
    "/usr/local/share/bash-completion/completions/placer",
    "/usr/local/share/bash-completion/completions/replicad",
    "/usr/local/share/bash-completion/completions/sockhijack",
    "/usr/local/share/man/man1/hdl-bindings.1",
    "/usr/local/share/man/man1/meshfilters.1",
    "/usr/local/share/man/man5/mesh.yaml.5",
    "/usr/local/share/man/man8/mqttnic.8",
    "/usr/local/share/man/man8/nicd.8",
    "/usr/local/share/man/man8/placer.8",
    "/usr/local/share/man/man8/replicad.8",
    "/usr/local/share/man/man8/sockhijack.8",
    "/usr/local/share/mitsu/grafana/mitsu.json",
    "/usr/local/share/mitsu/grafana/mqttnic.json",
    "/usr/local/share/mitsu/grafana/placer.json",
    "/usr/local/share/mitsu/grafana/replicad.json",
    "/usr/local/share/mitsu/manifest",
    "/usr/local/share/zsh/site-functions/_mqttnic",
    "/usr/local/share/zsh/site-functions/_nicd",
    "/usr/local/share/zsh/site-functions/_placer",
    "/usr/local/share/zsh/site-functions/_replicad",
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

test("install never overwrites what the operator edits, and --uninstall keeps it when it was changed", (t) => {
  for (const file of [
    "etc/mitsu/mesh.yaml",
    "etc/mitsu/mqttnic.env",
    "etc/mitsu/nicd.env",
    "etc/mitsu/placer.env",
    "etc/mitsu/replicad.env",
    "etc/logrotate.d/nicd",
  ]) {
    const { from, destdir, install } = stage(t);
    const path = join(destdir, file);
    install("--from", from);
    writeFileSync(path, "# mine\n");
    install("--from", from);
    t.is(readFileSync(path, "utf8"), "# mine\n");
    const run = install("--uninstall");
    t.is(run.stdout, `kept, it was changed: ${path}\n`);
    t.deepEqual(filesBelow(destdir), [`/${file}`]);
  }
});

test("install --prefix is where the units start the daemons from", (t) => {
  const { from, destdir, install } = stage(t);
  install("--from", from, "--prefix", "/opt/mitsu", "--systemd-dir", "/etc/systemd/system");
  const put = (name: string): string => readFileSync(join(destdir, "etc/systemd/system", name), "utf8");
  t.regex(put("sockhijack.service"), /^ExecStart=\/opt\/mitsu\/bin\/sockhijack daemon$/m);
  t.regex(put("nicd.service"), /^ExecStart=\/opt\/mitsu\/bin\/nicd daemon \$NICD_OPTIONS$/m);
  t.regex(put("mqttnic.service"), /^ExecStart=\/opt\/mitsu\/bin\/mqttnic daemon \$MQTTNIC_OPTIONS$/m);
  t.regex(put("placer.service"), /^ExecStart=\/opt\/mitsu\/bin\/placer daemon \$PLACER_OPTIONS$/m);
  t.regex(put("replicad.service"), /^ExecStart=\/opt\/mitsu\/bin\/replicad daemon \$REPLICAD_OPTIONS$/m);
  t.regex(put("nicd-rotate.service"), /^ExecStart=\/opt\/mitsu\/bin\/nicd cert rotate$/m);
});

test("install --enable names every unit that can be enabled", (t) => {
  const installable = daemons.flatMap((daemon) =>
    readdirSync(unitFolder(daemon)).filter((name) => /^\[Install\]$/m.test(readFileSync(join(unitFolder(daemon), name), "utf8"))),
  );
  const named = /^units='(.*)'$/m.exec(readFileSync(join(root, "install"), "utf8"))![1]!.split(" ");
  t.deepEqual(named.toSorted(), installable.toSorted());
});

for (const [what, listens] of [
  ["starts every daemon", false],
  ["leaves mqttnic alone where something listens at 1883, and says so", true],
] as const) {
  test(`install --enable ${what}`, (t) => {
    if (process.getuid?.() !== 0) {
      t.log("skipped: a network namespace needs root");
      t.pass();
      return;
    }
    const { from } = stage(t);
    // A network and a /run of its own: nothing listens there, and systemd seems to run.
    const install = `mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "$0" --from "$1" --dry-run --enable`;
    const server = `require("net").createServer().listen(1883, "0.0.0.0", () => {
      const { status } = require("child_process").spawnSync("sh", ["-c", ...process.argv.slice(1)], { stdio: "inherit" });
      process.exit(status ?? 1);
    })`;
    const inner = [install, join(root, "install"), from];
    const command = listens ? [process.execPath, "-e", server, ...inner] : ["sh", "-c", ...inner];
    const run = spawnSync("unshare", ["--mount", "--net", "--propagation", "private", ...command], { encoding: "utf8" });
    t.is(run.status, 0, run.stderr);
    const started = /^systemctl enable --now (.*)$/m.exec(run.stdout)?.[1]?.split(" ");
    t.is(started?.includes("mqttnic.service"), !listens, run.stdout);
    t.true(started?.includes("nicd.service"));
    t.is(/^mqttnic is left out: another program listens at port 1883 .*systemctl enable --now mqttnic/m.test(run.stdout), listens);
  });
}

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
  for (const daemon of daemons) cpSync(unitFolder(daemon), folder, { recursive: true });
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".service"))) {
    const service = join(folder, name);
    writeFileSync(service, readFileSync(service, "utf8").replace("/usr/local/bin/", `${root}/bin/`));
  }
  const run = spawnSync(program, args(folder), { encoding: "utf8" });
  if (run.error && "code" in run.error && run.error.code === "ENOENT") {
    t.log(`skipped: ${program} is not installed`);
    t.pass();
    return undefined;
  }
  return run;
}

test("systemd finds nothing to say about the units", (t) => {
  const run = systemdCheck(t, "systemd-analyze", (folder) => {
    const all = readdirSync(folder).filter((name) => /\.(service|socket|target|timer)$/.test(name));
    return ["verify", "--man=no", ...all.map((name) => join(folder, name))];
  });
  if (!run) return;
  t.is(run.stderr, ""); // unknown keys are only warnings: the status alone would be 0
  t.is(run.status, 0);
});

for (const [service, most] of [
  ["sockhijack.service", 40],
  ["nicd.service", 25],
  ["mqttnic.service", 25],
  ["placer.service", 20],
  ["replicad.service", 25],
  ["nicd-rotate.service", 15],
] as const) {
  test(`${service} is exposed no more than ${most / 10} of 10 by systemd's measure`, (t) => {
    const run = systemdCheck(t, "systemd-analyze", (folder) => [
      ...["security", "--offline=true", `--threshold=${most}`, "--no-pager"],
      join(folder, service),
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
}

for (const service of ["sockhijack.service", "nicd.service", "mqttnic.service", "placer.service", "replicad.service"]) {
  test(`${service} keeps V8 able to compile, and says what each capability is for`, (t) => {
    const text = unit(service);
    t.notRegex(text, /^MemoryDenyWriteExecute=(yes|true|on|1)/m);
    const granted =
      /^CapabilityBoundingSet=(.*)$/m
        .exec(text)?.[1]
        ?.split(" ")
        .filter((one) => one !== "") ?? [];
    t.deepEqual(
      granted,
      [...text.matchAll(/^# (CAP_\w+) /gm)].map(([, name]) => name),
    );
  });
}

test("sockhijack.service keeps the kernel's files in reach", (t) => {
  t.notRegex(unit("sockhijack.service"), /^(ProtectControlGroups|ProtectKernelTunables)=(yes|true|on|1)/m);
});

test("the units and scripts/run-daemon give each daemon the same young generation", (t) => {
  const script = readFileSync(join(root, "scripts/run-daemon"), "utf8");
  const [, ofMqttnic, ofNicd, ofOthers] = /mqttnic\) young=(\d+) ;; nicd \| placer\) young=(\d+) ;; \*\) young=(\d+)/.exec(script)!;
  t.regex(unit("mqttnic.service"), new RegExp(`^Environment=NODE_OPTIONS=--max-semi-space-size=${ofMqttnic}$`, "m"));
  t.regex(unit("nicd.service"), new RegExp(`^Environment=NODE_OPTIONS=--max-semi-space-size=${ofNicd}$`, "m"));
  t.regex(unit("placer.service"), new RegExp(`^Environment=NODE_OPTIONS=--max-semi-space-size=${ofNicd}$`, "m"));
  t.regex(unit("replicad.service"), new RegExp(`^Environment=NODE_OPTIONS=--max-semi-space-size=${ofOthers}$`, "m"));
  t.regex(unit("sockhijack.service"), new RegExp(`^Environment=NODE_OPTIONS=--max-semi-space-size=${ofOthers}$`, "m"));
});

for (const [daemon, count] of [
  ["nicd", 2],
  ["mqttnic", 3],
  ["placer", 2],
  ["replicad", 2],
] as const) {
  const variable = `${daemon.toUpperCase()}_OPTIONS`;
  test(`${daemon}.env sets ${variable} to nothing, and each line that it proposes is one that ${daemon} takes`, async (t) => {
    const text = readFileSync(join(unitFolder(daemon), `${daemon}.env`), "utf8");
    t.regex(text, new RegExp(`^${variable}=$`, "m"));
    const proposed = [...text.matchAll(new RegExp(`^# +${variable}=(.+)$`, "gm"))].map(([, flags]) => flags!.split(" "));
    t.is(proposed.length, count);
    for (const flags of proposed) {
      // A flag that does not exist is named before anything else is looked at.
      const run = spawnSync(join(root, "bin", daemon), ["daemon", ...flags, "--frobnicate"], { encoding: "utf8" });
      t.is(run.status, 2);
      t.regex(run.stderr, /unknown option '--frobnicate'/);
    }
  });
}

test("logrotate finds nothing wrong with nicd.logrotate", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mitsu-logrotate-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "nicd");
  // The group need not be there on this machine.
  writeFileSync(file, readFileSync(join(unitFolder("nicd"), "nicd.logrotate"), "utf8").replace("root mitsu", "root root"), { mode: 0o644 });
  const run = spawnSync("logrotate", ["--debug", file], { encoding: "utf8" });
  if (run.error && "code" in run.error && run.error.code === "ENOENT") {
    t.log("skipped: logrotate is not installed");
    t.pass();
    return;
  }
  t.is(run.status, 0, run.stderr);
  t.notRegex(run.stderr, /^error:/m);
});

test("mitsu.sysusers makes the group mitsu", (t) => {
  const run = systemdCheck(t, "systemd-sysusers", (folder) => ["--dry-run", `--root=${folder}`, join(folder, "mitsu.sysusers")]);
  if (!run) return;
  t.is(run.status, 0, run.stderr);
  t.regex(`${run.stdout}${run.stderr}`, /group '?mitsu'?/i);
});

test("the example mesh.yaml is a valid mesh, with and without what it comments out", (t) => {
  const text = readFileSync(join(unitFolder("sockhijack"), "mesh.yaml"), "utf8");
  t.deepEqual(parseCatalog(text).services, []);
  const [head, example] = text.split(/^(?=# services:)/m);
  const whole = parseCatalog(`${head}${example!.replaceAll(/^# ?/gm, "")}`);
  t.deepEqual(whole.services.map(({ name }) => name).sort(), ["client", "nicd", "web"]);
  t.is(whole.policies.length, 2);
});
