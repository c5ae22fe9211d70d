/** Services by name, in programs as they are: getaddrinfo(), other names untouched, TCP, and what happens without a daemon. @module */
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { Namespace } from "./support/namespace.ts";
import type { Program } from "./support/program.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";

const nameServer = new URL("support/dns-server.py", import.meta.url).pathname;
/** What the fake name server says of every name. */
const theirs = ["192.0.2.77", "2001:db8::77"];

const lookUp = `import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)
    print("\\n".join(sorted(address[0] for *_, address in found)))
except socket.gaierror as error:
    print(error.args[0] == socket.EAI_NONAME and "no such name" or error)`;

interface Place {
  readonly sandbox: Sandbox;
  readonly namespace: Namespace;
  readonly upstream: Program;
  /** Addresses that getaddrinfo() gives a program; attached as `client` unless told. */
  readonly resolve: (name: string, attached?: boolean) => Promise<string[]>;
}

/** A namespace whose name server is ours, and an idle service `web` in it, so that a daemon runs. */
async function place(t: ExecutionContext, { server = "127.0.0.9", options = "" } = {}): Promise<Place> {
  const sandbox = new Sandbox(t);
  const namespace = await Namespace.make(sandbox, { resolvConf: `nameserver ${server}\noptions timeout:2 attempts:2 ${options}\n` });
  const upstream = sandbox.spawn(namespace.command([python, "-u", nameServer, server]));
  await upstream.says(/listening/);
  const holder = sandbox.run("web:80:8080", namespace.command(["sh", "-c", "echo up; exec cat"]), { input: "open" });
  await holder.says(/up/);
  const resolve = async (name: string, attached = true): Promise<string[]> => {
    const command = namespace.command([python, "-c", lookUp, name]);
    const program = attached ? sandbox.run("client", command) : sandbox.spawn(command);
    return (await program.succeeded()).trim().split("\n");
  };
  return { sandbox, namespace, upstream, resolve };
}

async function virtual(sandbox: Sandbox): Promise<string[]> {
  const web = (await sandbox.services()).find(({ name }) => name === "web")!;
  return [web.ipv4, web.ipv6].toSorted();
}

kernelTest(
  "getaddrinfo() gives an attached program a service's virtual addresses, v4 and v6, and its name server hears nothing of it",
  async (t) => {
    const { sandbox, resolve, upstream } = await place(t);
    t.deepEqual(await resolve("web.mesh"), await virtual(sandbox));
    t.deepEqual(await resolve("WEB.Mesh."), await virtual(sandbox));
    t.notRegex(upstream.stdout, /mesh/i);
  },
);

kernelTest("other names go to the program's own name server and come back unchanged", async (t) => {
  const { resolve, upstream } = await place(t);
  t.deepEqual(await resolve("www.example.org"), theirs);
  t.regex(upstream.stdout, /^udp www\.example\.org 1 /m);
  t.regex(upstream.stdout, /^udp www\.example\.org 28 /m);
  t.deepEqual(await resolve("web.mesh.example.org"), theirs);
});

kernelTest("a name server of the IPv6 kind: services and other names resolve", async (t) => {
  const { sandbox, resolve, upstream } = await place(t, { server: "::1" });
  t.deepEqual(await resolve("web.mesh"), await virtual(sandbox));
  t.deepEqual(await resolve("www.example.org"), theirs);
  t.regex(upstream.stdout, /^udp www\.example\.org 1 /m);
});

kernelTest("an unknown name of the domain is NXDOMAIN, and is not asked elsewhere", async (t) => {
  const { resolve, upstream } = await place(t);
  t.deepEqual(await resolve("nobody.mesh"), ["no such name"]);
  t.notRegex(upstream.stdout, /mesh/);
});

kernelTest("queries over TCP: services, other names, and the retry after a truncated answer", async (t) => {
  const { sandbox, resolve, upstream } = await place(t, { options: "use-vc" });
  t.deepEqual(await resolve("web.mesh"), await virtual(sandbox));
  t.deepEqual(await resolve("www.example.org"), theirs);
  t.regex(upstream.stdout, /^tcp www\.example\.org 1 /m);
  t.notRegex(upstream.stdout, /^udp/m);
});

kernelTest("an answer that is truncated is asked for again over TCP, through the resolver", async (t) => {
  const { resolve, upstream } = await place(t);
  t.deepEqual(await resolve("large.example.org"), theirs);
  t.regex(upstream.stdout, /^udp large\.example\.org 1 /m);
  t.regex(upstream.stdout, /^tcp large\.example\.org 1 /m);
});

kernelTest("a program that is not attached asks its own name server for everything", async (t) => {
  const { resolve, upstream } = await place(t);
  t.deepEqual(await resolve("web.mesh", false), theirs);
  t.regex(upstream.stdout, /^udp web\.mesh 1 /m);
});

kernelTest("the daemon is killed: queries of attached programs pass to their own name server, at once", async (t) => {
  const { sandbox, namespace, upstream } = await place(t);
  const asking = `import socket, sys
for line in sys.stdin:
    print(sorted(a[0] for *_, a in socket.getaddrinfo(line.strip(), None, type=socket.SOCK_STREAM)), flush=True)`;
  const client = sandbox.run("client", namespace.command([python, "-c", asking]), { input: "open" });
  client.child.stdin!.write("web.mesh\n");
  await client.says(/198\.18\./);
  process.kill(await sandbox.daemonPid(), "SIGKILL");
  await until("the daemon is gone", async () => (await sandbox.cli("status")).status === 69);
  client.child.stdin!.write("after.example.org\n");
  await client.says(/192\.0\.2\.77.*2001:db8::77/);
  t.regex(upstream.stdout, /^udp after\.example\.org 1 /m);
});

kernelTest("dig's way: an unconnected UDP socket gets its answer from the address it asked", async (t) => {
  const { sandbox, namespace } = await place(t);
  const asking = `import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
name = b"".join(bytes([len(l)]) + l for l in (b"web", b"mesh")) + b"\\0"
s.sendto(struct.pack("!HHHHHH", 77, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1), ("127.0.0.9", 53))
reply, sender = s.recvfrom(512)
print(sender, socket.inet_ntoa(reply[-4:]))`;
  const text = await sandbox.run("client", namespace.command([python, "-c", asking])).succeeded();
  t.is(text.trim(), `('127.0.0.9', 53) ${(await virtual(sandbox))[0]}`);
});
