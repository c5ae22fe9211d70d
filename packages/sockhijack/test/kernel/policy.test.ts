/** Who may connect to whom: `mesh.yaml`'s rules at connect(), what a denied program gets, what is counted and logged. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import type { Program } from "./support/program.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";

interface Mesh {
  readonly sandbox: Sandbox;
  readonly daemon: Program;
  /** What connect() to `web.mesh` gives a program of this service: a server's name or an errno's. */
  readonly connect: (service: string, port?: number, host?: string) => Promise<string>;
  /** Rewrites `mesh.yaml`. */
  readonly rewrite: (rest: string) => void;
}

/** Services `web` (ports 80 and 81), `a` and `b`, and the rest of `mesh.yaml` as told. */
async function mesh(t: ExecutionContext, rest: string): Promise<Mesh> {
  const sandbox = new Sandbox(t);
  const [one, two] = [await freePort(), await freePort()];
  const text = (tail: string): string =>
    `version: 1\nservices: { web: { ports: ["80:${one}", "81:${two}"] }, a: , b: }\n${tail.replaceAll("$ONE", String(one))}\n`;
  const daemon = await sandbox.daemon({ mesh: text(rest) });
  await startWho(sandbox, "web", who("web", [one, two]));
  const connecting = `import socket, sys, errno
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET); s.settimeout(5)
code = s.connect_ex((sys.argv[1], int(sys.argv[2])))
print(s.makefile().readline().split()[0] if code == 0 else errno.errorcode[code])`;
  const connect = async (service: string, port = 80, host = "web.mesh"): Promise<string> =>
    (await sandbox.run(service, [python, "-c", connecting, host, String(port === -1 ? one : port)]).succeeded()).trim();
  return { sandbox, daemon, connect, rewrite: (tail) => writeFileSync(join(sandbox.directory, "mesh.yaml"), text(tail)) };
}

kernelTest("deny: the program gets ECONNREFUSED, others connect; counter, matrix and a log line name the rule", async (t) => {
  const { sandbox, daemon, connect } = await mesh(t, "policies: [{ name: no-a, from: a, to: web, action: deny }]");
  t.is(await connect("a"), "ECONNREFUSED");
  t.is(await connect("b"), "web");
  t.is(await connect("someone"), "web");
  t.is((await sandbox.status()).counters.denied, 1);
  const line = await daemon.says(/^.*connect denied.*$/m);
  t.regex(line[0], /from=a to=web port=80 protocol=tcp rule=no-a pid=\d+ program=python3/);
  const { cells } = JSON.parse(await sandbox.start(["matrix", "--json"]).succeeded()) as {
    cells: { from: string; to: string; denied: number }[];
  };
  t.is(cells.find(({ from, to }) => from === "a" && to === "web")?.denied, 1);
  t.regex(await sandbox.start(["metrics"]).succeeded(), /denied\w*\{.*from="a".*to="web".*\} 1/);
});

kernelTest("defaults.deny: prohibit gives EPERM", async (t) => {
  const { connect } = await mesh(t, "defaults: { deny: prohibit }\npolicies: [{ from: a, to: web, action: deny }]");
  t.is(await connect("a"), "EPERM");
  t.is(await connect("b"), "web");
});

kernelTest("defaults.policy: deny lets only those connect that a rule allows; a program of no listed service is denied too", async (t) => {
  const { sandbox, connect, daemon } = await mesh(t, "defaults: { policy: deny }\npolicies: [{ from: a, to: web, action: allow }]");
  t.is(await connect("a"), "web");
  t.is(await connect("b"), "ECONNREFUSED");
  t.is(await connect("someone"), "ECONNREFUSED");
  await daemon.says(/connect denied.* from=b .*rule=default/);
  const text = `import socket
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()); print("connected")`;
  t.is(await sandbox.run("b", [python, "-c", text]).succeeded(), "connected\n", "what is no service is no business of the mesh");
});

kernelTest("a rule for one port leaves the others alone; the first rule that matches decides", async (t) => {
  const { connect } = await mesh(
    t,
    `policies: [{ from: a, to: web, ports: [81], action: deny }, { from: b, to: web, action: allow }, { from: "*", to: web, action: deny }]`,
  );
  t.is(await connect("a", 81), "ECONNREFUSED");
  t.is(await connect("a", 80), "ECONNREFUSED", "by the last rule");
  t.is(await connect("b", 81), "web");
  t.is(await connect("someone", 80), "ECONNREFUSED");
});

kernelTest("a rule holds for the replica's real address and for the IPv6 address too", async (t) => {
  const { sandbox, connect } = await mesh(t, "policies: [{ from: a, to: web, action: deny }]");
  const web = (await sandbox.services()).find(({ name }) => name === "web")!;
  for (const host of ["127.0.0.1", "::1"]) t.is(await connect("a", -1, host), "ECONNREFUSED", host);
  t.is(await connect("a", 80, web.ipv6), "ECONNREFUSED");
  t.is(await connect("b", -1, "127.0.0.1"), "web");
});

kernelTest("a rewritten mesh.yaml holds at once, without SIGHUP; a wrong one is named and the old one stays", async (t) => {
  const { connect, daemon, rewrite } = await mesh(t, "policies: [{ from: a, to: web, action: deny }]");
  t.is(await connect("a"), "ECONNREFUSED");
  rewrite("policies: [{ from: b, to: web, action: deny }]");
  await daemon.says(/catalog changed/);
  await until("a may connect", async () => (await connect("a")) === "web");
  t.is(await connect("b"), "ECONNREFUSED");
  rewrite("policies: [{ from: nobody-known, to: web, action: deny }]");
  t.regex((await daemon.says(/^.*the old one stays(?:.|\n)*?nobody-known.*$/m))[0], /mesh\.yaml:\d+:\d+/);
  t.is(await connect("b"), "ECONNREFUSED");
  t.is(await connect("a"), "web");
});

kernelTest("SIGHUP reloads", async (t) => {
  const { connect, daemon, rewrite } = await mesh(t, "");
  t.is(await connect("a"), "web");
  rewrite("policies: [{ from: a, to: web, action: deny }]");
  daemon.child.kill("SIGHUP");
  await daemon.says(/reloaded/);
  await until("a is denied", async () => (await connect("a")) === "ECONNREFUSED");
  t.pass();
});

kernelTest("policy check: prints decision and rule, exit status 1 for deny, 65 for a service there is not", async (t) => {
  const { sandbox } = await mesh(t, "policies: [{ name: no-a, from: a, to: web, ports: [80], action: deny }]");
  const check = (from: string, to: string, port: string) => sandbox.cli("policy", "check", "--from", from, "--to", to, "--port", port);
  t.like(await check("a", "web", "80"), { status: 1, stdout: "a → web:80 deny (no-a)\n" });
  t.like(await check("a", "web", "81"), { status: 0, stdout: "a → web:81 allow (default)\n" });
  t.like(await check("-", "web", "80"), { status: 0 });
  const missing = await check("a", "wbe", "80");
  t.is(missing.status, 65);
  t.regex(missing.stderr, /no service "wbe"/);
});

kernelTest("UDP is denied at the send", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  await sandbox.daemon({
    mesh: `version: 1\nservices: { log: { ports: ["500:${port}/udp"] }, a: }\npolicies: [{ from: a, to: log, action: deny }]\n`,
  });
  await sandbox.run("log", who("log", port, { protocol: "udp" })).says(/ready/);
  const text = `import socket, errno
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
try:
    s.sendto(b"x", ("log.mesh", 500)); print(s.recv(10).decode())
except OSError as error: print(errno.errorcode[error.errno])`;
  t.is(await sandbox.run("a", [python, "-c", text]).succeeded(), "ECONNREFUSED\n");
  t.is(await sandbox.run("b", [python, "-c", text]).succeeded(), "log x\n");
});
