/** Beside other programs' BPF: theirs keeps working on the same cgroups, and sockets they hold are left alone. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BpfObject, TypedMap, u32, u64 } from "@mitsu/ebpf-ts";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { cgroupLinks } from "./support/kernel-state.ts";
import { compile } from "./support/other-version.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";

const source = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 3); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SOCKHASH); __uint(max_entries, 64); __type(key, __u64); __type(value, __u64); } held SEC(".maps");

static __always_inline void count(__u32 which) { __u64 *n = bpf_map_lookup_elem(&seen, &which); if (n) __sync_fetch_and_add(n, 1); }

SEC("cgroup/connect4") int their_connect4(struct bpf_sock_addr *ctx) { count(0); return 1; }
SEC("cgroup_skb/egress") int their_egress(struct __sk_buff *skb) { count(1); return 1; }
SEC("sk_msg") int their_msg(struct sk_msg_md *msg) { count(2); return SK_PASS; }
SEC("sockops") int their_sockops(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
		__u64 key = bpf_get_socket_cookie(ops);
		bpf_sock_hash_update(ops, &held, &key, BPF_ANY);
	}
	return 0;
}
`;

/** Somebody else's programs. */
interface Theirs {
  /** 0 connects, 1 packets, 2 messages of their socket map. */
  readonly counted: (which: number) => bigint;
  /** Puts every socket that connects from now on into a socket map of their own. */
  readonly hold: () => void;
}

/** Attaches connect4 and egress programs to a cgroup, by links; taken off with the test. */
function theirs(t: ExecutionContext, sandbox: Sandbox, folder: string): Theirs {
  const path = join(sandbox.directory, "theirs.bpf.o");
  compile(sandbox.file("theirs.bpf.c", source), path);
  const object = BpfObject.open(readFileSync(path), { name: "theirs" });
  object.load();
  const seen = new TypedMap(object.map("seen"), u32, u64);
  const links = ["their_connect4", "their_egress"].map((name): { close(): void } => object.program(name).attachCgroup(folder));
  t.teardown(() => {
    for (const link of links) link.close();
    object.close();
  });
  return {
    counted: (which) => seen.get(which) ?? 0n,
    hold: () => {
      links.push(
        object.program("their_msg").attachSockmap(object.map("held"), "sk_msg_verdict"),
        object.program("their_sockops").attachCgroup(folder),
      );
    },
  };
}

/** Connects, echoes until redirected or told to end, and says how often the echo was right. */
function echoing(port: number): string[] {
  const text = `import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", ${port})
    await reader.readline()
    print("up", flush=True)
    ending = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    right = 0
    while not ending.done():
        data = b"%08d" % right
        writer.write(data)
        assert await asyncio.wait_for(reader.readexactly(8), 10) == data
        right += 1
    print(right, "right")
asyncio.run(main())`;
  return [python, "-c", text];
}

async function coexisting(t: ExecutionContext): Promise<{ sandbox: Sandbox; folder: string; port: number; other: Theirs }> {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  await startWho(sandbox, `web:80:${port}`, who("web", port));
  const folder = sandbox.cgroup();
  return { sandbox, folder, port, other: theirs(t, sandbox, folder) };
}

kernelTest("another program's hooks on the same cgroup work beside ours, during attach and after detach", async (t) => {
  const { sandbox, folder, port, other } = await coexisting(t);
  const before = cgroupLinks(folder);
  t.is(before.length, 2);
  await sandbox.start(["attach", folder, "--service", "client"]).succeeded();
  t.true(before.every(({ id }) => cgroupLinks(folder).some((now) => now.id === id)));
  const client = sandbox.inCgroup(folder, echoing(port), { input: "open" });
  await client.says(/up/);
  t.is(other.counted(0), 1n);
  t.true(other.counted(1) > 0n);
  await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });
  client.child.stdin!.end();
  t.regex((await client.ended).stdout, /[1-9]\d* right\n$/);
  await sandbox.start(["detach", "client"]).succeeded();
  t.deepEqual(cgroupLinks(folder), before);
  const again = sandbox.inCgroup(folder, echoing(port), { input: "" });
  t.regex((await again.ended).stdout, /right\n$/);
  t.is(other.counted(0), 2n);
});

kernelTest(
  "a socket in somebody else's socket map is left there: the flow stays on TCP, reason foreign, and their program sees its messages",
  async (t) => {
    const { sandbox, folder, port, other } = await coexisting(t);
    other.hold();
    await sandbox.start(["attach", folder, "--service", "client"]).succeeded();
    const client = sandbox.inCgroup(folder, echoing(port), { input: "open" });
    await client.says(/up/);
    await sandbox.awaitFlow({ from: "client", to: "web", state: "tcp", reason: "foreign" });
    t.regex(await sandbox.start(["explain", "web"]).succeeded(), /another program's BPF holds the socket/);
    const before = other.counted(2);
    await until("their program sees messages", () => other.counted(2) > before + 10n);
    client.child.stdin!.end();
    t.regex((await client.ended).stdout, /[1-9]\d* right\n$/);
    t.is((await sandbox.status()).counters.enrolled, 0);
  },
);

kernelTest("two sockhijacks on one machine know nothing of each other", async (t) => {
  const [one, two] = [new Sandbox(t), new Sandbox(t)];
  const port = await freePort();
  await startWho(one, `web:80:${port}`, who("of-one", port));
  await two.run("client", ["true"]).succeeded();
  const text = `import socket
try: print(socket.gethostbyname("web.mesh"))
except OSError as error: print("unknown")`;
  t.is(await two.run("client", [python, "-c", text]).succeeded(), "unknown\n");
  t.regex(await one.run("client", [python, "-c", text]).succeeded(), /^198\.18\./);
});
