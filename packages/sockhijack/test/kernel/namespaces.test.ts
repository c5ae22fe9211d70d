/** Services in network namespaces of their own: redirected across them, and never mixed up. @module */
import type { Flow } from "@mitsu/ipc";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { Namespace } from "./support/namespace.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, nginx, python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";
import { flawless, Load } from "./support/wrk.ts";

kernelTest("nginx in one namespace, wrk in another: by name, redirected across, no failed request, no segment per request", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  a.connect(b, { own: "10.93.0.1/30", others: "10.93.0.2/30", device: "eth0" });
  sandbox.run("web:80", nginx(sandbox, { name: "web", port: 80 }), { within: a });
  await sandbox.serving("web");
  const load = new Load(sandbox, { url: "http://web.mesh/", body: bodyOf("web"), connections: 8, within: b });
  const coupled = () => sandbox.awaitFlows({ from: "client", to: "web", state: "redirected" }, 8);
  const messages = (flows: readonly Flow[]): number => sum(flows.map((flow) => flow.messages));
  // The last bytes by TCP may still be unread when both ends have entered the map.
  const before = await until("every flow has sent by redirect", async () => {
    const flows = await coupled();
    return messages(flows) > 8000 && flows;
  });
  const after = await until("as much again", async () => {
    const flows = await coupled();
    return messages(flows) > 2 * messages(before) && flows;
  });
  t.is(sum(after.map(({ segments }) => segments)), sum(before.map(({ segments }) => segments)), "TCP carries nothing any more");
  t.true(after.every(({ server }) => server.address === "10.93.0.1"));
  const report = await load.report();
  t.like(report, flawless, report.text);
  t.true(report.requests > 500);
});

kernelTest("IPv6 between namespaces: redirected", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  a.connect(b, { own: "fd93::1/64", others: "fd93::2/64", device: "eth0" });
  await startWho(sandbox, "web:80:8080", who("far", 8080), { within: a });
  const client = sandbox.run("client", echoing("web.mesh", 80), { within: b, input: "open" });
  await client.says(/far/);
  const flow = await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });
  t.is(flow.server.address, "fd93::1");
  client.child.stdin!.end();
  t.regex((await client.ended).stdout, /right\n$/);
});

kernelTest("the same service in two namespaces at the same loopback port: each client reaches its own, nobody the other's", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  await startWho(sandbox, "east:80:8080", who("east", 8080, { address: "127.0.0.1" }), { within: a });
  await startWho(sandbox, "west:80:8080", who("west", 8080, { address: "127.0.0.1" }), { within: b });
  const clients = [a, b].map((within) => sandbox.run("client", echoing("127.0.0.1", 8080), { within, input: "open" }));
  t.truthy(await clients[0]!.says(/east/));
  t.truthy(await clients[1]!.says(/west/));
  await sandbox.awaitFlow({ from: "client", to: "east", state: "redirected" });
  await sandbox.awaitFlow({ from: "client", to: "west", state: "redirected" });
  for (const client of clients) {
    client.child.stdin!.end();
    t.regex((await client.ended).stdout, /[1-9]\d* right\n$/);
  }
});

kernelTest("a namespace that ends leaves the others alone, and the daemon lets it go", async (t) => {
  const sandbox = new Sandbox(t);
  const daemon = await sandbox.daemon();
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  const gone = await startWho(sandbox, "east:80:8080", who("east", 8080), { within: a });
  await startWho(sandbox, "west:80:8080", who("west", 8080), { within: b });
  await gone.stop("SIGKILL");
  await a.end();
  const client = sandbox.run("client", echoing("west.mesh", 80), { within: b, input: "open" });
  await client.says(/west/);
  await sandbox.awaitFlow({ from: "client", to: "west", state: "redirected" });
  client.child.stdin!.end();
  t.regex((await client.ended).stdout, /right\n$/);
  t.notRegex(daemon.stderr + daemon.stdout, /ERROR/);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** A non-blocking client of `who.py` that prints the greeting, then compares echoes until its stdin ends. */
function echoing(host: string, port: number): string[] {
  const text = `import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection("${host}", ${port})
    print((await reader.readline()).decode().split()[0], flush=True)
    ending = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
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
