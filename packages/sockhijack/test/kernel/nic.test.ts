/** Connections that pass nicd, here a stand-in: who is told to have opened them, what happens while it is not there, and that nothing is lost. @module */
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { Callers } from "../../../nicd/src/host-channel/mod.ts";
import { freePort } from "./support/free-port.ts";
import { Namespace } from "./support/namespace.ts";
import type { Program } from "./support/program.ts";
import { relayed, startRelay } from "./support/relay.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, nginx, python, startNginx } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";
import { flawless, Load } from "./support/wrk.ts";

/** `web` on port 80 by way of nicd, which has a port of its own. */
async function mesh(
  t: ExecutionContext,
  { web = "", rest = "" }: { readonly web?: string; readonly rest?: string } = {},
): Promise<{ readonly sandbox: Sandbox; readonly daemon: Program; readonly port: number; readonly nicPort: number }> {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const daemon = await sandbox.daemon({
    mesh: `version: 1\nservices:\n  web: { ports: ["80:${port}"], nic: on${web} }\n${rest}`,
  });
  return { sandbox, daemon, port, nicPort: await freePort() };
}

/** curl as a service. */
const curl = (sandbox: Sandbox, service: string, ...args: readonly string[]): Promise<string> =>
  sandbox.run(service, ["curl", "-sS", "--max-time", "10", ...args]).succeeded();

const counters = async (sandbox: Sandbox) => (await sandbox.status()).counters;

/** Tells a connect's errno, or what the server greets with. */
const greeting = `import socket as S, sys, errno
s = S.socket(S.AF_INET6 if ":" in sys.argv[1] else S.AF_INET); s.settimeout(10)
code = s.connect_ex((sys.argv[1], int(sys.argv[2])))
print(errno.errorcode[code] if code else s.makefile().readline().split()[0])`;

async function greet(sandbox: Sandbox, address: string, port: number | string): Promise<string> {
  return (await sandbox.run("client", [python, "-c", greeting, address, String(port)]).succeeded()).trim();
}

kernelTest("curl by name passes nicd, which is told the service of each caller and what it asked for, once", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  const relay = await startRelay(sandbox, nicPort);
  const { ipv4, ipv6 } = await sandbox.serving("web");
  t.is(await curl(sandbox, "shop", "-4", "http://web.mesh/"), bodyOf("web"));
  t.is(await curl(sandbox, "admin", "-6", "http://web.mesh/"), bodyOf("web"));
  t.is(await curl(sandbox, "shop", `http://[::ffff:${ipv4}]/`), bodyOf("web"));
  t.is((await sandbox.spawn(["curl", "-sS", "--http0.9", `http://127.0.0.1:${nicPort}/`]).ended).stdout, "nowhere\n");
  t.deepEqual(
    relayed(relay).map(({ caller, again }) => ({ caller, again })),
    [
      { caller: { service: "shop", asked: { service: "web", address: ipv4, port: 80 } }, again: null },
      { caller: { service: "admin", asked: { service: "web", address: ipv6, port: 80 } }, again: null },
      { caller: { service: "shop", asked: { service: "web", address: ipv4, port: 80 } }, again: null },
      { caller: null, again: null },
    ],
  );
  t.like(await counters(sandbox), { nic: 3, nic_direct: 0, nic_refused: 0, nic_stale: 0 });
});

kernelTest("the caller of a program that was attached while nicd ran, and of one in a cgroup below it", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  const relay = await startRelay(sandbox, nicPort);
  const folder = sandbox.cgroup();
  const attached = await sandbox.cli("attach", folder, "--service", "late");
  t.is(attached.status, 0, attached.stderr);
  await sandbox
    .inCgroup(folder, ["sh", "-c", `mkdir "$0/below" && echo $$ >"$0/below/cgroup.procs" && curl -sS http://web.mesh/`, folder])
    .succeeded();
  t.is(relayed(relay).at(-1)?.caller?.service, "late");
  await until("the cgroup below is empty", async () => (await sandbox.spawn(["rmdir", `${folder}/below`]).ended).status === 0);
});

kernelTest("getpeername() shows what was asked for, and flows and services what goes by nicd", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startWho(sandbox, "web", who("replica", port));
  await startRelay(sandbox, nicPort);
  const { ipv4, nic } = await sandbox.serving("web");
  t.is(nic, "via");
  const text = `import socket, sys
s = socket.create_connection(("web.mesh", 80), timeout=10)
print(s.makefile().readline().split()[0], *s.getpeername()[:2], flush=True); sys.stdin.read()`;
  const client = sandbox.run("client", [python, "-c", text], { input: "open" });
  await client.says(new RegExp(`replica (${ipv4}|fd\\S+) 80`));
  const [flow] = await sandbox.awaitFlows({ from: "client", to: "nicd" });
  t.like(flow, { askedService: "web" });
  t.regex(flow!.asked ?? "", /:80$/);
  t.like((await sandbox.awaitFlows({ from: "nicd", to: "web" }))[0], { askedService: null });
  const explained = (await sandbox.cli("explain", String(flow!.client.port))).stdout;
  t.regex(explained, /of web, whose connections pass nicd/);
  t.like((await sandbox.status()).nic, { service: "nicd", port: nicPort, active: 1, total: 1 });
  t.regex((await sandbox.cli("status")).stdout, new RegExp(`nicd pid \\d+, service nicd, port ${nicPort}, 1 connections open of 1`));
  t.regex((await sandbox.cli("services")).stdout, /web\.mesh .* via /);
  t.regex((await sandbox.cli("metrics")).stdout, /^mitsu_sockhijack_nic_registered\S* 1$/m);
  client.child.stdin!.end();
  await client.ended;
  const cells = async () =>
    JSON.parse((await sandbox.cli("matrix", "--json")).stdout).cells as {
      from: string;
      to: string;
      connections: number;
      bytesIn: number;
    }[];
  const closed = await until("both hops are over", async () => (await sandbox.flows()).length === 0 && (await cells()));
  t.like(
    closed.find(({ from }) => from === "client"),
    { to: "web", connections: 1 },
    "the matrix shows who asked whom",
  );
  t.true(closed.find(({ from }) => from === "client")!.bytesIn > 0);
  t.like(
    closed.find(({ from }) => from === "nicd"),
    { to: "web", connections: 1 },
  );
});

for (const [intercept, reached] of [
  ["keep", 0],
  ["balance", 1],
] as const) {
  kernelTest(`a connect to a replica's real address with intercept: ${intercept}; nicd's own are never sent to it`, async (t) => {
    const { sandbox, port, nicPort } = await mesh(t, { web: `, intercept: ${intercept}` });
    await startWho(sandbox, "web", who("replica", port));
    const relay = await startRelay(sandbox, nicPort);
    t.is(await greet(sandbox, "127.0.0.1", port), "replica");
    t.is(relayed(relay).length, reached);
    t.is(await greet(sandbox, (await sandbox.serving("web")).ipv4, 80), "replica");
    t.is(relayed(relay).length, reached + 1);
    const inside = sandbox.run("nicd", [python, "-c", greeting, (await sandbox.serving("web")).ipv4, "80"]);
    t.is((await inside.succeeded()).trim(), "replica", "its connect to a virtual address goes to a replica");
    t.is(relayed(relay).length, reached + 1);
    t.is((await counters(sandbox)).nic, reached + 1);
  });
}

kernelTest("policies judge the client's connect by the service it asked for, and nicd's own not at all", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t, {
    rest: `  shop: {}\n  client: {}\ndefaults: { policy: deny }\npolicies:\n  - { name: shop-web, from: [shop], to: [web], action: allow }\n`,
  });
  await startNginx(sandbox, { port });
  const relay = await startRelay(sandbox, nicPort);
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  const denied = await sandbox.run("client", ["curl", "-sS", "http://web.mesh/"]).ended;
  t.is(denied.status, 7, denied.stderr);
  t.is(relayed(relay).length, 1);
  const cell = JSON.parse((await sandbox.cli("matrix", "--json")).stdout).cells.find(({ from }: { from: string }) => from === "client");
  t.like(cell, { to: "web", connections: 0 });
  t.true(cell.denied > 0);
});

kernelTest("nicd in one namespace, clients in another: by veth, IPv4 and IPv6; loopback alone is not within their reach", async (t) => {
  const { sandbox, nicPort } = await mesh(t);
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  a.connect(b, { own: "10.94.0.1/30", others: "10.94.0.2/30", device: "eth0" });
  const port = Number((await sandbox.serving("web", 0)).ports[0]!.split(":")[1]);
  sandbox.run("web", nginx(sandbox, { name: "web", port }), { within: a });
  await sandbox.serving("web");
  const far = (...args: readonly string[]) => sandbox.run("far", ["curl", "-sS", "--max-time", "10", ...args], { within: b }).succeeded();
  const near = (...args: readonly string[]) => sandbox.run("near", ["curl", "-sS", "--max-time", "10", ...args], { within: a }).succeeded();
  const relay = await startRelay(sandbox, nicPort, { within: a });
  t.is(await far("http://web.mesh/"), bodyOf("web"));
  t.is(await near("-6", "http://web.mesh/"), bodyOf("web"));
  const seen = relayed(relay).map(({ caller, from }) => [caller?.service, from.replace("::ffff:", "")]);
  t.deepEqual(seen, [
    ["far", "10.94.0.2"],
    ["near", "127.0.0.1"],
  ]);
  await relay.stop("SIGKILL");
  const shy = await startRelay(sandbox, await freePort(), { within: a, addresses: ["127.0.0.1"] });
  t.is(await far("http://web.mesh/"), bodyOf("web"), "straight to the replica");
  t.is(await near("http://web.mesh/"), bodyOf("web"));
  t.deepEqual(
    relayed(shy).map(({ caller }) => caller?.service),
    ["near"],
  );
  t.like(await counters(sandbox), { nic: 3, nic_direct: 1 });
});

kernelTest("clients in a namespace that has IPv6 alone", async (t) => {
  const { sandbox, nicPort } = await mesh(t);
  const [a, b] = [await Namespace.make(sandbox), await Namespace.make(sandbox)];
  a.connect(b, { own: "fd94::1/64", others: "fd94::2/64", device: "eth0" });
  const port = Number((await sandbox.serving("web", 0)).ports[0]!.split(":")[1]);
  sandbox.run("web", nginx(sandbox, { name: "web", port }), { within: a });
  await sandbox.serving("web");
  const relay = await startRelay(sandbox, nicPort, { within: a });
  t.is(await sandbox.run("far", ["curl", "-sS", "--max-time", "10", "http://web.mesh/"], { within: b }).succeeded(), bodyOf("web"));
  const { ipv6 } = await sandbox.serving("web");
  t.like(relayed(relay)[0], { caller: { service: "far", asked: { address: ipv6, port: 80 } }, from: "fd94::2" });
});

kernelTest(
  "nicd killed: what comes next goes straight to a replica, and what was open goes on; back again, it takes what comes then",
  async (t) => {
    const { sandbox, port, nicPort } = await mesh(t);
    await startNginx(sandbox, { port });
    t.deepEqual((await sandbox.status()).degraded, ["no nicd is registered: connections to web go straight to replicas"]);
    t.is((await sandbox.cli("status")).status, 69);
    const load = new Load(sandbox, { url: "http://web.mesh/", body: bodyOf("web"), connections: 8 });
    await sandbox.awaitFlows({ from: "client", to: "web", state: "redirected" }, 8);
    const relay = await startRelay(sandbox, nicPort);
    t.deepEqual((await sandbox.status()).degraded, []);
    t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
    t.is(relayed(relay).length, 1);
    await relay.stop("SIGKILL");
    await until("it is seen to be gone", async () => (await sandbox.status()).nic === null);
    t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
    const back = await startRelay(sandbox, nicPort);
    t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
    t.is(relayed(back).length, 1);
    t.is((await sandbox.matching({ from: "client", to: "web" })).length, 8, "the load's connections are those it began with");
    t.like(await load.report(), flawless);
  },
);

kernelTest("nicd killed with without-nic: refuse: the next connect is refused at once, and counted", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t, { web: `, without-nic: refuse, intercept: balance` });
  await startWho(sandbox, "web", who("replica", port));
  const { ipv4, ipv6, nic } = await sandbox.serving("web");
  t.is(nic, "refused");
  t.deepEqual((await sandbox.status()).degraded, ["no nicd is registered: connections to web are refused"]);
  t.is(await greet(sandbox, ipv4, 80), "ECONNREFUSED");
  const relay = await startRelay(sandbox, nicPort);
  t.is(await greet(sandbox, ipv4, 80), "replica");
  await relay.stop("SIGKILL");
  await until("it is seen to be gone", async () => (await sandbox.status()).nic === null);
  for (const [address, at] of [[ipv4, 80] as const, [ipv6, 80] as const, ["127.0.0.1", port] as const])
    t.is(await greet(sandbox, address, at), "ECONNREFUSED");
  t.like(await counters(sandbox), { nic: 1, nic_refused: 4, nic_direct: 0 });
});

kernelTest("of two nicd the one registered last takes the connections, and when it goes, the former", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  const first = await startRelay(sandbox, nicPort);
  const second = await startRelay(sandbox, await freePort());
  await first.says(/another nicd was registered later/);
  await curl(sandbox, "shop", "http://web.mesh/");
  t.deepEqual([relayed(first).length, relayed(second).length], [0, 1]);
  await second.stop("SIGKILL");
  await until("the former is back", async () => (await sandbox.status()).nic?.port === nicPort);
  await curl(sandbox, "shop", "http://web.mesh/");
  t.is(relayed(first).length, 1);
});

kernelTest("both hops are redirected: once they are coupled, TCP carries nothing", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  await startRelay(sandbox, nicPort);
  const load = new Load(sandbox, { url: "http://web.mesh/", body: bodyOf("web"), connections: 4 });
  const hops = async () => [
    ...(await sandbox.awaitFlows({ from: "client", to: "nicd", state: "redirected" }, 4)),
    ...(await sandbox.awaitFlows({ from: "nicd", to: "web", state: "redirected" }, 4)),
  ];
  const total = (flows: Awaited<ReturnType<typeof hops>>, of: (flow: (typeof flows)[number]) => number) =>
    flows.reduce((sum, flow) => sum + of(flow), 0);
  // The last bytes by TCP may still be unread when both ends have entered the map.
  const before = await until("both hops have sent by redirect", async () => {
    const flows = await hops();
    return flows.every(({ messages }) => messages > 500) && flows;
  });
  const after = await until("as much again", async () => {
    const flows = await hops();
    return total(flows, (f) => f.messages) > 2 * total(before, (f) => f.messages) && flows;
  });
  t.is(after.length, 8);
  t.is(
    total(after, ({ segments }) => segments),
    total(before, ({ segments }) => segments),
  );
  const report = await load.report();
  t.like(report, flawless, report.text);
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  kernelTest(
    `sockhijack ended by ${signal} and started anew: connections go to nicd all the while, and their callers are known`,
    async (t) => {
      const { sandbox, daemon, port, nicPort } = await mesh(t, { web: ", without-nic: refuse" });
      await startNginx(sandbox, { port });
      const relay = await startRelay(sandbox, nicPort);
      const load = new Load(sandbox, { url: "http://web.mesh/", body: bodyOf("web"), connections: 4 });
      await sandbox.awaitFlows({ from: "client", to: "nicd", state: "redirected" }, 4);
      const { ipv4 } = await sandbox.serving("web");
      // Names are not resolved while no daemon runs, and `run` would start one: a client that is there already asks again and again.
      const asking = `import socket, sys, time
for line in sys.stdin:
    s = socket.create_connection(("${ipv4}", 80), timeout=10)
    s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(s.makefile().readline().split()[1], flush=True)`;
      const shop = sandbox.run("shop", [python, "-u", "-c", asking], { input: "open" });
      const ask = async (times: number) => {
        shop.child.stdin!.write("\n");
        await shop.says(new RegExp(`^(200\\n){${times}}$`));
      };
      await ask(1);
      await daemon.stop(signal);
      await ask(2);
      await sandbox.daemon({ mesh: `version: 1\nservices:\n  web: { ports: ["80:${port}"], nic: on, without-nic: refuse }\n` });
      await ask(3);
      await until("nicd has registered again", () => /^\{"degraded":".*^\{"degraded":null\}$/ms.test(relay.stdout));
      await ask(4);
      t.deepEqual(
        relayed(relay).flatMap(({ caller }) => (caller?.service === "shop" ? [caller.asked.address] : [])),
        new Array(4).fill(ipv4),
      );
      t.is((await counters(sandbox)).nic_refused, 0);
      t.deepEqual((await sandbox.status()).degraded, []);
      t.like(await load.report(), flawless);
    },
  );
}

kernelTest("nicd that has ended while no sockhijack ran is let go of by the next one", async (t) => {
  const { sandbox, daemon, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  const relay = await startRelay(sandbox, nicPort);
  await daemon.stop("SIGKILL");
  await relay.stop("SIGKILL");
  await sandbox.daemon({ mesh: `version: 1\nservices:\n  web: { ports: ["80:${port}"], nic: on }\n` });
  t.is((await sandbox.status()).nic, null);
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
});

kernelTest("what an earlier connection left behind is never taken for the caller of one from the same port", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  await startRelay(sandbox, nicPort, { keep: true });
  const { ipv4 } = await sandbox.serving("web");
  // Closed with a reset, so that the port is free at once.
  const from = `import socket as S, struct, sys
s = S.socket(); s.setsockopt(S.SOL_SOCKET, S.SO_REUSEADDR, 1); s.setsockopt(S.SOL_SOCKET, S.SO_LINGER, struct.pack("ii", 1, 0))
s.bind(("127.0.0.1", int(sys.argv[1]))); s.settimeout(10); s.connect((sys.argv[2], int(sys.argv[3])))
s.close(); print("connected")`;
  const own = await freePort();
  using callers = Callers.open(sandbox.places.pins);
  const look = () => callers.of("127.0.0.1", nicPort, "127.0.0.1", own);
  const trusted = () => sandbox.run("trusted", [python, "-c", from, String(own), ipv4, "80"]).succeeded();
  await trusted();
  t.deepEqual(look(), { service: "trusted", asked: { service: "web", address: ipv4, port: 80 } }, "nobody has taken it");
  await trusted();
  await sandbox.spawn([python, "-c", from, String(own), "127.0.0.1", String(nicPort)]).succeeded();
  t.is(look(), null);
  t.is((await counters(sandbox)).nic_stale, 1);
});

kernelTest(
  "clients that are told apart by more than a plain connect(): Multipath TCP, Fast Open, a bound port, a second connect",
  async (t) => {
    const { sandbox, port, nicPort } = await mesh(t);
    await startWho(sandbox, "web", who("replica", port));
    const relay = await startRelay(sandbox, nicPort);
    const { ipv4 } = await sandbox.serving("web");
    const text = `import socket as S, sys
def ask(s):
    s.settimeout(10); s.connect((sys.argv[1], 80)); s.sendall(b"x"); print(s.makefile().readline().split()[0])
ask(S.socket(S.AF_INET, S.SOCK_STREAM, 262))
s = S.socket(); s.setsockopt(S.IPPROTO_TCP, 30, 1); ask(s)
s = S.socket(); s.bind(("127.0.0.1", 0)); ask(s)
s = S.socket()
try: s.connect(("127.0.0.1", 1))
except OSError: ask(s)`;
    t.is(await sandbox.run("shop", [python, "-c", text, ipv4]).succeeded(), "replica\n".repeat(4));
    t.deepEqual(
      relayed(relay).map(({ caller }) => caller?.service),
      new Array(4).fill("shop"),
    );
  },
);

kernelTest("mesh.yaml turns nicd on and off for a running service; cgroups carry its program only meanwhile", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t);
  await startNginx(sandbox, { port });
  const relay = await startRelay(sandbox, nicPort);
  const program = async () => (await sandbox.spawn(["sh", "-c", `ls ${sandbox.places.pins} | grep -c via_nic`]).ended).stdout.trim();
  t.not(await program(), "0");
  sandbox.file("mesh.yaml", `version: 1\nservices:\n  web: { ports: ["80:${port}"], nic: off }\n`);
  await until("web is direct", async () => (await sandbox.serving("web")).nic === "off" && (await program()) === "0");
  await curl(sandbox, "shop", "http://web.mesh/");
  sandbox.file("mesh.yaml", `version: 1\nservices:\n  web: { ports: ["80:${port}"], nic: on }\n`);
  await until("web passes nicd", async () => (await sandbox.serving("web")).nic === "via");
  await curl(sandbox, "shop", "http://web.mesh/");
  t.deepEqual(
    relayed(relay).map(({ caller }) => caller?.service),
    ["shop"],
  );
});

kernelTest("traced services: client to nicd is one exchange, nicd to replica the next, in one trace", async (t) => {
  const { sandbox, port, nicPort } = await mesh(t, { web: ", tracing: header", rest: "  shop: { tracing: header }\n" });
  await startNginx(sandbox, { port });
  await startRelay(sandbox, nicPort);
  const load = new Load(sandbox, { service: "shop", url: "http://web.mesh/", body: bodyOf("web"), connections: 2 });
  const found = await sandbox.exchanges("web", 20);
  t.like(await load.report(), flawless);
  const second = found.find(({ server }) => server.service === "web")!;
  const first = found.find(({ clientSpanId, traceId }) => traceId === second.traceId && clientSpanId === second.parentSpanId);
  t.like(first, { client: { service: "shop" }, server: { service: "nicd" }, status: 200, injected: true });
  t.like(second, { client: { service: "nicd" }, server: { service: "web" }, status: 200, continued: true });
});

kernelTest("the nic stream refuses what is no address, and leaves nothing behind", async (t) => {
  const { sandbox, nicPort } = await mesh(t);
  const relay = sandbox.run("nicd", [
    process.execPath,
    new URL("support/nic-relay.ts", import.meta.url).pathname,
    sandbox.socket,
    String(nicPort),
    "localhost",
  ]);
  await relay.says(/is not an IP address/);
  t.is((await sandbox.status()).nic, null);
});
