/** UDP services: connected and unconnected sockets, replies shown as from the virtual address. @module */
import type { ServiceStatus } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { who } from "./support/who.ts";

async function twoServices(t: ExecutionContext): Promise<{ sandbox: Sandbox; log: ServiceStatus; time: ServiceStatus }> {
  const sandbox = new Sandbox(t);
  for (const service of ["log", "time"]) {
    const port = await freePort();
    await sandbox.run(`${service}:500:${port}/udp`, who(service, port, { protocol: "udp" })).says(/^ready/m);
  }
  const [log, time] = await sandbox.services();
  return { sandbox, log: log!, time: time! };
}

async function ask(sandbox: Sandbox, text: string, ...args: readonly string[]): Promise<string[]> {
  const program = sandbox.run("client", [python, "-c", `import socket as S, sys, errno\n${text}`, ...args]);
  return (await program.succeeded()).trim().split("\n");
}

const connected = `
for address in sys.argv[1:]:
    s = S.socket(S.AF_INET6 if ":" in address else S.AF_INET, S.SOCK_DGRAM); s.settimeout(5)
    s.connect((address, 500))
    s.send(b"hello")
    data, sender = s.recvfrom(100)
    print(data.decode(), *sender[:2], *s.getpeername()[:2])`;

kernelTest("UDP connect() to a service: the answer comes, and recvfrom() and getpeername() show the virtual address", async (t) => {
  const { sandbox, log, time } = await twoServices(t);
  const addresses = [log.ipv4, time.ipv4, log.ipv6, time.ipv6];
  const names = ["log", "time", "log", "time"];
  t.deepEqual(
    await ask(sandbox, connected, ...addresses),
    addresses.map((address, index) => `${names[index]} hello ${address} 500 ${address} 500`),
  );
});

const unconnected = `
family = S.AF_INET6 if ":" in sys.argv[1] else S.AF_INET
s = S.socket(family, S.SOCK_DGRAM); s.settimeout(5)
for round in range(3):
    for address in sys.argv[1:]:
        s.sendto(b"%d" % round, (address, 500))
        data, sender = s.recvfrom(100)
        print(data.decode(), *sender[:2])`;

for (const family of ["ipv4", "ipv6"] as const) {
  kernelTest(`one unconnected UDP socket, ${family}, talks to two services, and each answer shows its own`, async (t) => {
    const { sandbox, log, time } = await twoServices(t);
    const expected = [0, 1, 2].flatMap((round) => [`log ${round} ${log[family]} 500`, `time ${round} ${time[family]} 500`]);
    t.deepEqual(await ask(sandbox, unconnected, log[family], time[family]), expected);
  });
}

kernelTest("UDP to a port that the service does not offer is refused at the send", async (t) => {
  const { sandbox, log } = await twoServices(t);
  const text = `
s = S.socket(S.AF_INET, S.SOCK_DGRAM)
try: s.sendto(b"x", (sys.argv[1], 501)); print("sent")
except OSError as error: print(errno.errorcode[error.errno])`;
  t.deepEqual(await ask(sandbox, text, log.ipv4), ["ECONNREFUSED"]);
});

kernelTest("UDP between other addresses passes untouched, senders shown as they are", async (t) => {
  const { sandbox } = await twoServices(t);
  const text = `
a = S.socket(S.AF_INET, S.SOCK_DGRAM); a.bind(("127.0.0.1", 0)); a.settimeout(5)
b = S.socket(S.AF_INET, S.SOCK_DGRAM); b.bind(("127.0.0.1", 0))
b.sendto(b"x", a.getsockname())
print(a.recvfrom(10)[1] == b.getsockname())`;
  t.deepEqual(await ask(sandbox, text), ["True"]);
});
