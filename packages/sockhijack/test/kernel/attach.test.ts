/** `attach`: what runs already becomes a service, its connections too; by cgroup, by pid, by name. @module */
import { basename } from "node:path";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { cgroupLinks } from "./support/kernel-state.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, listening, nginx, python } from "./support/servers.ts";
import { who } from "./support/who.ts";
import { flawless, Load } from "./support/wrk.ts";

/** The v2 root itself, where everything is that nobody has sorted. */
const rootCgroup = cgroup2Path()!;
/** Issue 2: attach within 50 ms. Asserted with room for a busy machine, since the figure is the benchmark's to prove. */
const generousMs = 500;

async function attached(sandbox: Sandbox, ...args: readonly string[]): Promise<{ cgroup: string; tookMs: number }> {
  return JSON.parse(await sandbox.start(["attach", ...args, "--json"]).succeeded()) as { cgroup: string; tookMs: number };
}

kernelTest("attach by cgroup path: programs in it are the service's, now and later, and the hooks are on it alone", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const folder = sandbox.cgroup();
  await sandbox.inCgroup(folder, who("early", port)).says(/ready/);
  const { cgroup, tookMs } = await attached(sandbox, folder, "--service", `web:80:${port}`);
  t.is(cgroup, folder);
  t.log(`attach took ${tookMs.toFixed(1)} ms`);
  t.true(tookMs < generousMs, `${tookMs} ms`);
  await sandbox.serving("web");
  const text = `import socket; print(socket.create_connection(("web.mesh", 80), timeout=5).makefile().readline().split()[0])`;
  t.is(await sandbox.run("client", [python, "-c", text]).succeeded(), "early\n");
  // A program that enters the cgroup later, as client.
  t.is(await sandbox.inCgroup(folder, [python, "-c", text]).succeeded(), "early\n");
  t.true(cgroupLinks(folder).length >= 11);
});

kernelTest("attach by a cgroup's name, as of a unit or container; an unknown one and an ambiguous one are named", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const folder = sandbox.cgroup();
  t.is((await attached(sandbox, basename(folder), "--service", "web:80")).cgroup, folder);
  const missing = await sandbox.cli("attach", "no-such.service", "--service", "web:80");
  t.is(missing.status, 65);
  t.regex(missing.stderr, /cannot attach no-such\.service: no such cgroup, unit, process or container/);
});

kernelTest("attach twice is the same; another service for the same cgroup is refused", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const folder = sandbox.cgroup();
  await attached(sandbox, folder, "--service", "web:80");
  await attached(sandbox, folder, "--service", "web:80");
  t.is((await sandbox.status()).cgroups, 1);
  const other = await sandbox.cli("attach", folder, "--service", "db:5432");
  t.is(other.status, 65);
  t.regex(other.stderr, /belongs to the service web already/);
  t.regex(other.stderr, /hint: detach it first/);
  t.deepEqual(
    (await sandbox.services()).map(({ name }) => name),
    ["web"],
    "the service that was refused is not left behind",
  );
});

kernelTest("attach by pid in the root cgroup: the process is moved, and its listening and open sockets are adopted", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const server = sandbox.inCgroup(rootCgroup, who("old", port));
  await server.says(/ready/);
  const client = sandbox.run("client", asking(port), { input: "open" });
  await client.says(/up/);
  const { cgroup } = await attached(sandbox, `pid:${server.pid}`, "--service", `web:80:${port}`);
  t.regex(cgroup, new RegExp(`/${sandbox.places.cgroup}/web$`));
  await sandbox.serving("web");
  await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });
  client.child.stdin!.end();
  t.regex((await client.ended).stdout, /^up\n[1-9]\d* right\n$/);
});

kernelTest("connections that are older than the attachment are redirected, under wrk, without a failed request", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const [servers, clients] = [sandbox.cgroup(), sandbox.cgroup()];
  const server = sandbox.inCgroup(servers, nginx(sandbox, { name: "web", port }));
  await listening(port, "127.0.0.1", server);
  const load = new Load(sandbox, { cgroup: clients, url: `http://127.0.0.1:${port}/`, body: bodyOf("web"), connections: 16 });
  await load.connected(port, 16);
  const web = await attached(sandbox, servers, "--service", `web:80:${port}`);
  const client = await attached(sandbox, clients, "--service", "client");
  t.log(`attach under load took ${web.tookMs.toFixed(1)} and ${client.tookMs.toFixed(1)} ms`);
  t.true(web.tookMs < generousMs && client.tookMs < generousMs);
  await sandbox.awaitFlows({ from: "client", to: "web", state: "redirected" }, 16);
  const report = await load.report();
  t.like(report, flawless, report.text);
  t.true(report.requests > 1_000);
});

kernelTest("attach starts a daemon when none runs", async (t) => {
  const sandbox = new Sandbox(t);
  const folder = sandbox.cgroup();
  await sandbox.inCgroup(folder, ["sh", "-c", "echo up; exec cat"], { input: "open" }).says(/up/);
  t.is((await attached(sandbox, folder, "--service", "web:80")).cgroup, folder);
  t.is((await sandbox.status()).cgroups, 1);
});

/** A non-blocking client that asks again and again, compares each answer, and ends with its stdin. */
function asking(port: number): string[] {
  const text = `import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", ${port})
    await reader.readline()
    loop = asyncio.get_running_loop()
    ending = loop.run_in_executor(None, sys.stdin.read)
    print("up", flush=True)
    right = 0
    while not ending.done():
        data = b"%08d" % right * 10
        writer.write(data)
        assert await asyncio.wait_for(reader.readexactly(len(data)), 10) == data
        right += 1
    print(right, "right")
asyncio.run(main())`;
  return [python, "-c", text];
}
