/** Virtual addresses: what a program connects to, what it is shown, and what is refused. @module */
import type { ServiceStatus } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Namespace } from "./support/namespace.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { startWho, who } from "./support/who.ts";

/** Runs Python as service `client` and returns its stdout's lines. `S` in the text is the socket module. */
async function ask(sandbox: Sandbox, text: string, ...args: readonly (string | number)[]): Promise<string[]> {
  const program = sandbox.run("client", [python, "-c", `import socket as S, sys, errno, struct\n${text}`, ...args.map(String)]);
  return (await program.succeeded()).trim().split("\n");
}

async function web(t: ExecutionContext, { address = "::" } = {}): Promise<{ sandbox: Sandbox; service: ServiceStatus; port: number }> {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  await startWho(sandbox, `web:80:${port}`, who("replica", port, { address }));
  return { sandbox, port, service: (await sandbox.services())[0]! };
}

const connecting = `
s = S.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
print(s.makefile().readline().split()[0])
print(*s.getpeername()[:2])`;

kernelTest(
  "connect() to a virtual address, v4 and v6: port 80 is the replica's own port, and getpeername() shows what was asked for",
  async (t) => {
    const { sandbox, service } = await web(t);
    t.deepEqual(await ask(sandbox, connecting, service.ipv4, 80), ["replica", `${service.ipv4} 80`]);
    t.deepEqual(await ask(sandbox, connecting, service.ipv6, 80), ["replica", `${service.ipv6} 80`]);
  },
);

kernelTest("connect() to the v6 address of a service that listens on IPv4 alone", async (t) => {
  const { sandbox, service } = await web(t, { address: "0.0.0.0" });
  t.deepEqual(await ask(sandbox, connecting, service.ipv6, 80), ["replica", `${service.ipv6} 80`]);
});

kernelTest("connect() to the v4-mapped form of a virtual address", async (t) => {
  const { sandbox, service } = await web(t);
  t.deepEqual(await ask(sandbox, connecting, `::ffff:${service.ipv4}`, 80), ["replica", `::ffff:${service.ipv4} 80`]);
});

kernelTest("a non-blocking connect() to a virtual address", async (t) => {
  const { sandbox, service } = await web(t);
  const text = `import select
s = S.socket(); s.setblocking(False)
code = s.connect_ex((sys.argv[1], 80))
select.select([], [s], [], 5)
print(code in (0, errno.EINPROGRESS), s.getsockopt(S.SOL_SOCKET, S.SO_ERROR))
print(*s.getpeername())`;
  t.deepEqual(await ask(sandbox, text, service.ipv4), ["True 0", `${service.ipv4} 80`]);
});

kernelTest("SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST say what was asked for", async (t) => {
  const { sandbox, service } = await web(t);
  const v4 = `
s = S.create_connection((sys.argv[1], 80), timeout=5)
raw = s.getsockopt(S.SOL_IP, 80, 16)
print(struct.unpack("=H", raw[:2])[0] == S.AF_INET, struct.unpack("!H", raw[2:4])[0], S.inet_ntoa(raw[4:8]))`;
  t.deepEqual(await ask(sandbox, v4, service.ipv4), [`True 80 ${service.ipv4}`]);
  const v6 = `
s = S.create_connection((sys.argv[1], 80), timeout=5)
raw = s.getsockopt(S.IPPROTO_IPV6, 80, 28)
print(struct.unpack("=H", raw[:2])[0] == S.AF_INET6, struct.unpack("!H", raw[2:4])[0], S.inet_ntop(S.AF_INET6, raw[8:24]))`;
  t.deepEqual(await ask(sandbox, v6, service.ipv6), [`True 80 ${service.ipv6}`]);
});

kernelTest("SO_ORIGINAL_DST of a connection that was not rewritten is the kernel's own answer", async (t) => {
  const { sandbox } = await web(t);
  const text = `
listener = S.create_server(("127.0.0.1", 0))
s = S.create_connection(listener.getsockname(), timeout=5)
try: print(s.getsockopt(S.SOL_IP, 80, 16))
except OSError as error: print(errno.errorcode[error.errno])`;
  const plain = (await sandbox.spawn([python, "-c", `import socket as S, errno${text}`]).succeeded()).trim();
  t.deepEqual(await ask(sandbox, text), [plain]);
});

const refused = `
s = S.socket(S.AF_INET6 if ":" in sys.argv[1] else S.AF_INET); s.settimeout(5)
print(errno.errorcode.get(s.connect_ex((sys.argv[1], int(sys.argv[2]))), "connected"))`;

kernelTest("a port that the service does not offer is refused at once, and counted", async (t) => {
  const { sandbox, service, port } = await web(t);
  for (const address of [service.ipv4, service.ipv6]) {
    for (const other of [81, port]) t.deepEqual(await ask(sandbox, refused, address, other), ["ECONNREFUSED"], `${address} ${other}`);
  }
  t.is((await sandbox.status()).counters.no_port, 4);
});

kernelTest("a service whose replica has ended is refused at once", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const holder = sandbox.run(`web:80:${port}`, ["sh", "-c", "echo up; exec cat"], { input: "open" });
  await holder.says(/up/);
  const service = (await sandbox.services())[0]!;
  t.deepEqual(await ask(sandbox, refused, service.ipv4, 80), ["ECONNREFUSED"]);
});

kernelTest("a program that is not attached is left alone: a virtual address is nothing to it", async (t) => {
  const { sandbox, service } = await web(t);
  const namespace = await Namespace.make(sandbox);
  const text = `import socket as S, sys, errno${refused}`;
  const outside = sandbox.spawn(namespace.command([python, "-c", text, service.ipv4, "80"]));
  t.is((await outside.succeeded()).trim(), "ENETUNREACH");
});

kernelTest("connections to addresses of no service pass untouched", async (t) => {
  const { sandbox } = await web(t);
  const text = `
listener = S.create_server(("127.0.0.1", 0))
s = S.create_connection(listener.getsockname(), timeout=5)
print(s.getpeername() == listener.getsockname())`;
  t.deepEqual(await ask(sandbox, text), ["True"]);
});

kernelTest("flows show the program's service, the replica, and the address that was asked for", async (t) => {
  const { sandbox, service, port } = await web(t);
  const client = sandbox.run(
    "client",
    [python, "-u", "-c", `import socket, sys; s = socket.create_connection(("web.mesh", 80)); print("up"); sys.stdin.read()`],
    {
      input: "open",
    },
  );
  await client.says(/up/);
  const flow = await sandbox.awaitFlow({ from: "client", to: "web" });
  t.is(flow.server.port, port);
  t.true([`${service.ipv4}:80`, `[${service.ipv6}]:80`].includes(flow.asked!), flow.asked!);
});
