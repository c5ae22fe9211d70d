/** What happens to the daemon does not happen to the traffic: crash, restart, upgrade, under load. @module */
import { existsSync } from "node:fs";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { allRedirected, coupledLoad, stillRedirecting } from "./support/coupled-load.ts";
import { freePort } from "./support/free-port.ts";
import { otherVersion } from "./support/other-version.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, python, startNginx } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";
import { flawless } from "./support/wrk.ts";

kernelTest("kill -9 under wrk: no request fails, flows stay redirected with no daemon, and the next daemon knows them", async (t) => {
  const sandbox = new Sandbox(t);
  const first = await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  const ports = (await sandbox.matching({ to: "web" })).map(({ client }) => client.port).toSorted();
  await first.stop("SIGKILL");
  await sandbox.daemon();
  await allRedirected(sandbox);
  t.true(await stillRedirecting(sandbox));
  t.deepEqual((await sandbox.matching({ to: "web" })).map(({ client }) => client.port).toSorted(), ports, "no connection was made anew");
  const report = await load.report();
  t.like(report, flawless, report.text);
  t.true(report.requests > 1_000);
});

kernelTest("kill -9 of the ephemeral daemon: a new one serves the same programs, and takes all away at their end", async (t) => {
  const sandbox = new Sandbox(t);
  const load = await coupledLoad(sandbox);
  const pid = await sandbox.daemonPid();
  process.kill(pid, "SIGKILL");
  await until("the daemon is gone", () => !existsSync(`/proc/${pid}`));
  // The next `run` finds no daemon and starts one, which takes over.
  const answer = await sandbox.run("curl", ["curl", "-sS", "--fail", "http://web.mesh/"]).succeeded();
  t.is(answer, bodyOf("web"));
  await allRedirected(sandbox);
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest("graceful restart under wrk: no request fails, flows stay redirected", async (t) => {
  const sandbox = new Sandbox(t);
  const first = await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  t.is((await first.stop("SIGTERM")).status, 0);
  await sandbox.daemon();
  t.true(await stillRedirecting(sandbox));
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest("upgrade under wrk to another build of the programs: no request fails, and live sockets run the new ones", async (t) => {
  const sandbox = new Sandbox(t);
  const first = await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  const before = await sandbox.status();
  t.true(before.counters.redirected! > 0);
  await first.stop("SIGTERM");
  // The other build counts what it redirects under another name, so that its work can be told from the old one's.
  const other = otherVersion(sandbox, { "redirect.h": [["count(COUNT_REDIRECTED);", "count(COUNT_TAP_LOST);"]] });
  const second = sandbox.spawn([...other, "daemon", "--socket", sandbox.socket]);
  await second.says(/\bready\b/);
  const count = async (name: string): Promise<number> => (await sandbox.status()).counters[name]!;
  await until("the new programs redirect", async () => (await count("tap_lost")) > 1_000);
  await allRedirected(sandbox);
  const old = await count("redirected");
  const now = await count("tap_lost");
  await until("the new programs go on", async () => (await count("tap_lost")) > now + 1_000);
  t.is(await count("redirected"), old, "no socket runs the old programs any more");
  const report = await load.report();
  t.like(report, flawless, report.text);
  // And back, to this version.
  await second.stop("SIGTERM");
  await sandbox.daemon();
});

kernelTest("new connections under a crash and restart: none is refused, none goes astray", async (t) => {
  const sandbox = new Sandbox(t);
  let daemon = await sandbox.daemon();
  await startNginx(sandbox);
  const connecting = `import socket, select, sys
address = socket.gethostbyname("web.mesh")
done = failed = 0
print("up", flush=True)
while not select.select([sys.stdin], [], [], 0.0005)[0]:
    try:
        with socket.create_connection((address, 80), timeout=5) as s:
            s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            data = b""
            while part := s.recv(65536): data += part
        done += 1
        failed += not data.endswith(sys.argv[1].encode())
    except OSError as error:
        failed += 1
        print(error, file=sys.stderr)
print(done, failed)`;
  const client = sandbox.run("client", [python, "-c", connecting, bodyOf("web")], { input: "open" });
  await client.says(/up/);
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await daemon.stop(signal);
    daemon = await sandbox.daemon();
    await sandbox.serving("web");
  }
  client.child.stdin!.end();
  const { stdout, stderr } = await client.ended;
  const [done, failed] = stdout.trim().split("\n").at(-1)!.split(" ").map(Number);
  t.true(done! > 100, stdout);
  t.is(failed, 0, stderr);
});

kernelTest("with the daemon killed, new connections still reach the service, and policies still deny", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const daemon = await sandbox.daemon({
    mesh: `version: 1
services: { web: { ports: ["80:${port}"] }, denied: }
policies: [{ from: denied, to: web, action: deny }]
`,
  });
  await startWho(sandbox, "web", who("web", port));
  const connecting = `import socket, sys, errno
address = socket.gethostbyname("web.mesh")
for line in sys.stdin:
    s = socket.socket(); s.settimeout(5)
    code = s.connect_ex((address, 80))
    print(line.strip(), s.makefile().readline().split()[0] if code == 0 else errno.errorcode[code], flush=True)`;
  const [allowed, denied] = ["client", "denied"].map((service) => sandbox.run(service, [python, "-c", connecting], { input: "open" }));
  for (const [program, answer] of [
    [allowed!, /before web/],
    [denied!, /before ECONNREFUSED/],
  ] as const) {
    program.child.stdin!.write("before\n");
    t.truthy(await program.says(answer));
  }
  await daemon.stop("SIGKILL");
  allowed!.child.stdin!.write("after\n");
  t.truthy(await allowed!.says(/after web/));
  denied!.child.stdin!.write("after\n");
  t.truthy(await denied!.says(/after ECONNREFUSED/));
});

kernelTest("a restart: services of the old daemon keep their names and addresses", async (t) => {
  const sandbox = new Sandbox(t);
  const daemon = await sandbox.daemon();
  await startNginx(sandbox);
  const before = await sandbox.services();
  await daemon.stop("SIGTERM");
  await sandbox.daemon();
  const after = await sandbox.serving("web");
  t.like(after, { ipv4: before[0]!.ipv4, ipv6: before[0]!.ipv6, ports: [...before[0]!.ports], cgroups: [...before[0]!.cgroups] });
  t.is((await sandbox.status()).cgroups, 1);
});
