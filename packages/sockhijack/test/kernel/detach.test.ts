/** `detach`: sockets return to plain TCP under load, no byte is lost, and nothing stays on the cgroup. @module */
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { allRedirected, coupledLoad } from "./support/coupled-load.ts";
import { freePort } from "./support/free-port.ts";
import { cgroupLinks } from "./support/kernel-state.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, listening, nginx, python } from "./support/servers.ts";
import { startWho, who } from "./support/who.ts";
import { flawless, Load } from "./support/wrk.ts";

kernelTest("detach of the server under wrk: every socket returns to TCP, no request fails; attach again redirects again", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const [servers, clients] = [sandbox.cgroup(), sandbox.cgroup()];
  await listening(port, "127.0.0.1", sandbox.inCgroup(servers, nginx(sandbox, { name: "web", port })));
  for (const [folder, service] of [
    [servers, `web:80:${port}`],
    [clients, "client"],
  ] as const)
    await sandbox.start(["attach", folder, "--service", service]).succeeded();
  const load = new Load(sandbox, { cgroup: clients, url: `http://127.0.0.1:${port}/`, body: bodyOf("web"), connections: 16 });
  for (let round = 0; round < 2; round++) {
    await allRedirected(sandbox);
    const { cgroups } = JSON.parse(await sandbox.start(["detach", "web", "--json"]).succeeded()) as { cgroups: string[] };
    t.deepEqual(cgroups, [servers]);
    t.deepEqual(cgroupLinks(servers), []);
    t.deepEqual(await sandbox.matching({ state: "redirected" }), []);
    await sandbox.start(["attach", servers, "--service", `web:80:${port}`]).succeeded();
  }
  await allRedirected(sandbox);
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest("detach of a service that `run` started: its program goes on, unhooked", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  await sandbox.start(["detach", "web"]).succeeded();
  t.deepEqual(await sandbox.matching({ state: "redirected" }), []);
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest("detach while a program does not read: it is told so, nothing is lost, and later it works", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  await startWho(sandbox, `web:80:${port}`, who("web", port));
  // Writes until redirected, reads nothing of the echo, then on a line of stdin reads all of it and compares.
  const text = `import socket, select, sys
s = socket.create_connection(("127.0.0.1", ${port})); s.setblocking(False)
greeting = s.recv(100) if select.select([s], [], [], 5)[0] else b""
def exact(count):
    data = b""
    while len(data) < count:
        select.select([s], [], [], 10)
        data += s.recv(count - len(data))
    return data
print("up", flush=True)
for line in sys.stdin:
    word = line.strip().encode()
    s.send(word)
    if word == b"unread": print("sent", flush=True); continue
    if word == b"end": data = exact(9); print(data.decode(), flush=True); break
    assert exact(len(word)) == word
    print("answered", word.decode(), flush=True)`;
  const client = sandbox.run("client", [python, "-c", text], { input: "open" });
  await client.says(/up/);
  await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });
  client.child.stdin!.write("warm\n");
  await client.says(/answered warm/);
  client.child.stdin!.write("unread\n");
  await client.says(/sent/);
  await sandbox.awaitUnread({ from: "client", to: "web" });
  const refused = await sandbox.cli("detach", "web");
  t.is(refused.status, 75, refused.stderr);
  t.regex(refused.stderr, /still hold redirected bytes that their programs have not read/);
  client.child.stdin!.end("end\n");
  await client.says(/unreadend/);
  await client.ended;
  t.is((await sandbox.cli("detach", "web")).status, 0);
});

kernelTest("detach of what is not attached says so", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const folder = sandbox.cgroup();
  const ending = await sandbox.cli("detach", folder);
  t.is(ending.status, 65);
  t.regex(ending.stderr, /is not attached/);
});
