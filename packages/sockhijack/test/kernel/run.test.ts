/** `sockhijack run`: the program is itself, only in a service; the daemon comes when it is needed and goes with the last program. @module */
import { existsSync } from "node:fs";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { cgroupLinks, gone, objectsOf, tracesOf } from "./support/kernel-state.ts";
import { Namespace } from "./support/namespace.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python, startNginx } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";

kernelTest("run: the exit status is the program's own, and 126 and 127 as shells say", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  t.like(await sandbox.run("client", ["sh", "-c", "exit 37"]).ended, { status: 37, signal: null });
  t.like(await sandbox.run("client", ["true"]).ended, { status: 0 });
  const missing = await sandbox.run("client", ["no-such-program"]).ended;
  t.is(missing.status, 127);
  t.regex(missing.stderr, /no-such-program: command not found/);
  const denied = await sandbox.run("client", [sandbox.file("not-executable", "text")]).ended;
  t.is(denied.status, 126);
  t.regex(denied.stderr, /permission denied/);
});

kernelTest("run: signals reach the program, and one that ends it shows as that signal", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const trapping = sandbox.run("client", ["sh", "-c", `trap 'echo got USR1; exit 5' USR1; echo up; while :; do read line; done`], {
    input: "open",
  });
  await trapping.says(/up/);
  trapping.child.kill("SIGUSR1");
  trapping.child.stdin!.end("\n");
  t.like(await trapping.ended, { status: 5, stdout: "up\ngot USR1\n" });
  const plain = sandbox.run("client", ["sh", "-c", "echo up; exec cat"], { input: "open" });
  await plain.says(/up/);
  plain.child.kill("SIGTERM");
  t.like(await plain.ended, { status: null, signal: "SIGTERM" });
  t.like(await sandbox.run("client", ["sh", "-c", "kill -SEGV $$"]).ended, { signal: "SIGSEGV" });
});

kernelTest("run: stdin, stdout, stderr and further descriptors are the program's own", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const bytes = "line\n".repeat(100_000);
  t.is((await sandbox.run("client", ["cat"], { input: bytes }).ended).stdout, bytes);
  t.like(await sandbox.run("client", ["sh", "-c", "echo out; echo err >&2"]).ended, { stdout: "out\n", stderr: "err\n" });
  const third = sandbox.file("third", "by descriptor 3\n");
  const through = `exec 3<"$1"; shift; exec "$@"`;
  const shown = ["sh", "-c", "cat <&3; ls /proc/self/fd | tr '\\n' ' '"];
  const plain = await sandbox.spawn(["sh", "-c", through, "sh", third, ...shown]).succeeded();
  const run = [...sandbox.bin, "run", "--socket", sandbox.socket, "--service", "client", "--", ...shown];
  t.is(await sandbox.spawn(["sh", "-c", through, "sh", third, ...run]).succeeded(), plain);
  t.regex(plain, /^by descriptor 3\n0 1 2 /);
});

kernelTest("run: arguments, environment, folder, umask and hard limits are as they were", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const shown = `printf '<%s>' "$@"; echo; pwd; umask; ulimit -Hn; echo "$MITSU_X-\${UNSET-none}"; cat /proc/self/oom_score_adj; nice`;
  const inner = ["sh", "-c", shown, "sh", "", "a b", "--service", "$x", "ü\n"];
  const outer = `cd /usr; umask 027; ulimit -Sn 321; ulimit -Hn 5000; MITSU_X=1; export MITSU_X; unset UNSET; trap '' USR2; exec "$@"`;
  const plain = await sandbox.spawn(["sh", "-c", outer, "sh", ...inner]).ended;
  const under = await sandbox.spawn([
    "sh",
    "-c",
    outer,
    "sh",
    ...sandbox.bin,
    "run",
    "--socket",
    sandbox.socket,
    "--service",
    "client",
    "--",
    ...inner,
  ]).ended;
  t.is(plain.status, 0);
  t.is(under.stdout, plain.stdout, under.stderr);
});

kernelTest("run: the soft limit of open files and ignored signals are the caller's", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const inner = ["sh", "-c", "ulimit -Sn; grep -E 'Sig(Blk|Ign)' /proc/self/status"];
  const outer = `ulimit -Sn 321; trap '' USR2 HUP; exec "$@"`;
  const run = [...sandbox.bin, "run", "--socket", sandbox.socket, "--service", "client", "--", ...inner];
  const plain = await sandbox.spawn(["sh", "-c", outer, "sh", ...inner]).succeeded();
  t.is(await sandbox.spawn(["sh", "-c", outer, "sh", ...run]).succeeded(), plain);
  t.regex(plain, /^321\n/);
});

kernelTest("run: pipes stay blocking, and a write to a closed one ends the program by SIGPIPE", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const run = `"$@" run --socket ${sandbox.socket} --service client --`;
  const slowReader = `${run} head -c 1000000 /dev/zero | { read -r -t 1 line; wc -c; }; echo "\${PIPESTATUS[0]}"`;
  t.regex(await sandbox.spawn(["bash", "-c", slowReader, "bash", ...sandbox.bin]).succeeded(), /^\d+\n0\n$/);
  const closed = `${run} yes | head -1; echo "\${PIPESTATUS[0]}"`;
  t.is(await sandbox.spawn(["bash", "-c", closed, "bash", ...sandbox.bin]).succeeded(), `y\n${128 + 13}\n`);
});

kernelTest("run: the program lives in a cgroup of its service", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const text = await sandbox.run("client", ["cat", "/proc/self/cgroup"]).succeeded();
  t.regex(text, new RegExp(`^0::/${sandbox.places.cgroup}/client$`, "m"));
});

kernelTest(
  "run without a daemon: one is started, and with the last program everything goes: daemon, pins, state, cgroups, programs",
  async (t) => {
    const sandbox = new Sandbox(t);
    const program = sandbox.run("web:80", ["sh", "-c", "echo up; exec cat"], { input: "open" });
    await program.says(/up/);
    t.is(tracesOf(sandbox.socket).paths.length, 3);
    const objects = objectsOf(sandbox.places.pins);
    t.true(objects.programs.length > 10);
    const daemon = await sandbox.daemonPid();
    program.child.stdin!.end();
    t.is((await program.ended).status, 0);
    await until("the daemon has ended", () => !existsSync(`/proc/${daemon}`));
    t.deepEqual(tracesOf(sandbox.socket).paths, []);
    await until("its programs are gone", () => gone(objects));
  },
);

kernelTest("run: the ephemeral daemon waits for the last of several programs", async (t) => {
  const sandbox = new Sandbox(t);
  const [first, second] = ["web:80", "client"].map((service) => sandbox.run(service, ["sh", "-c", "echo up; exec cat"], { input: "open" }));
  await first!.says(/up/);
  await second!.says(/up/);
  const daemon = await sandbox.daemonPid();
  first!.child.stdin!.end();
  await first!.ended;
  await until("web's cgroup is gone", async () => (await sandbox.status()).cgroups === 1);
  t.is(await sandbox.daemonPid(), daemon);
  second!.child.stdin!.end();
  await second!.ended;
  await until("the daemon has ended", () => !existsSync(`/proc/${daemon}`));
  t.deepEqual(tracesOf(sandbox.socket).paths, []);
});

kernelTest("run: a daemon that was there before stays", async (t) => {
  const sandbox = new Sandbox(t);
  const daemon = await sandbox.daemon();
  await sandbox.run("client", ["true"]).succeeded();
  await until("the cgroup of the program is gone", async () => (await sandbox.status()).cgroups === 0);
  t.true(daemon.running);
  t.deepEqual(
    (await sandbox.services()).map(({ name }) => name),
    [],
  );
});

kernelTest("run: ten at once without a daemon start one daemon, and each program runs", async (t) => {
  const sandbox = new Sandbox(t);
  const programs = Array.from({ length: 10 }, (_, index) =>
    sandbox.run(`s${index}`, ["sh", "-c", `echo up ${index}; exec cat`], { input: "open" }),
  );
  for (const program of programs) await program.says(/^up/m, 60_000);
  t.is((await sandbox.status()).cgroups, 10);
  for (const program of programs) program.child.stdin!.end();
  for (const [index, program] of programs.entries()) t.like(await program.ended, { status: 0, stdout: `up ${index}\n` });
  await until("everything is gone", () => tracesOf(sandbox.socket).paths.length === 0, { timeoutMs: 20_000 });
});

kernelTest("run: one short program after another, the daemon coming and going: each finds one", async (t) => {
  const sandbox = new Sandbox(t);
  // Pauses around the moment at which an unused daemon ends, so that some meet it while it does.
  const script = `for pause in 0 .3 .35 .4 .45 .5 .55 .6 .65 .7 .4 .5; do "$@" || exit; sleep $pause; done`;
  const run = [...sandbox.bin, "run", "--socket", sandbox.socket, "--service", "client", "--", "echo", "ran"];
  t.is(await sandbox.spawn(["sh", "-c", script, "sh", ...run]).succeeded(), "ran\n".repeat(12));
});

kernelTest("run: nginx and curl as they are, two services, by name, nothing configured", async (t) => {
  const sandbox = new Sandbox(t);
  await startNginx(sandbox, { service: "web", servicePort: 8080 });
  const answer = await sandbox.run("client", ["curl", "-sS", "--fail", "http://web.mesh:8080/"]).succeeded();
  t.true(answer.startsWith("web web web"));
});

kernelTest("run: the same service twice is one service with two programs", async (t) => {
  const sandbox = new Sandbox(t);
  const [one, two] = [await freePort(), await freePort()];
  await startWho(sandbox, `web:80:${one}`, who("one", one));
  await startWho(sandbox, `web:81:${two}`, who("two", two));
  const text = `import socket
for port in (80, 81): print(socket.create_connection(("web.mesh", port)).makefile().readline().split()[0])`;
  t.is(await sandbox.run("client", [python, "-c", text]).succeeded(), "one\ntwo\n");
  t.is((await sandbox.services()).filter(({ name }) => name === "web").length, 1);
});

kernelTest("run: hooks are on the service's own cgroup alone", async (t) => {
  const sandbox = new Sandbox(t);
  const root = "/sys/fs/cgroup/unified";
  const top = existsSync(root) ? root : "/sys/fs/cgroup";
  const before = cgroupLinks(top);
  const program = sandbox.run("web:80", ["sh", "-c", "echo up; exec cat"], { input: "open" });
  await program.says(/up/);
  t.deepEqual(cgroupLinks(top), before);
  t.deepEqual(cgroupLinks(`${top}/${sandbox.places.cgroup}`), []);
  t.true(cgroupLinks(`${top}/${sandbox.places.cgroup}/web`).length >= 11);
});

kernelTest("run: a program in a network namespace is reached from one in another", async (t) => {
  const sandbox = new Sandbox(t);
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  a.connect(b, { own: "10.91.0.1/30", others: "10.91.0.2/30", device: "eth0" });
  await startWho(sandbox, "web:80:8080", who("far", 8080), { within: a });
  const text = `import socket; print(socket.create_connection((socket.gethostbyname("web.mesh"), 80), timeout=5).makefile().readline().split())`;
  t.is(await sandbox.run("client", [python, "-c", text], { within: b }).succeeded(), "['far', '::ffff:10.91.0.2']\n");
});
