/** Bad input and hostile surroundings: each gets the cause, what to do, a stable exit status, and the kernel is left as it was. @module */
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { tracesOf } from "./support/kernel-state.ts";
import { otherVersion } from "./support/other-version.ts";
import type { Ending } from "./support/program.ts";
import { Sandbox } from "./support/sandbox.ts";
import { python } from "./support/servers.ts";
import { until } from "./support/until.ts";
import { startWho, who } from "./support/who.ts";

/** What a failure must look like. */
interface Failure {
  readonly status: number;
  /** The cause. */
  readonly says: RegExp;
  /** What to do. */
  readonly hint: RegExp;
}

/** Compares a failure, and that nothing is left: no pins, which alone could keep programs and links alive beyond their process, and no cgroups. */
async function failsCleanly(
  t: ExecutionContext,
  sandbox: Sandbox,
  run: () => Promise<Ending>,
  { status, says, hint }: Failure,
): Promise<void> {
  const ending = await run();
  t.is(ending.status, status, ending.stderr);
  t.regex(ending.stderr, says);
  t.regex(ending.stderr, new RegExp(`hint: .*(?:${hint.source})`));
  t.notRegex(ending.stderr, /^\s+at .*\.ts:\d+/m, "no stack trace");
  t.false(existsSync(sandbox.places.pins));
  t.deepEqual(
    tracesOf(sandbox.socket).paths.filter((path) => path !== sandbox.places.state),
    [],
  );
}

const meshes: readonly (Failure & { readonly what: string; readonly mesh: string })[] = [
  { what: "is no YAML", mesh: "version: 1\nservices: {web: [", status: 78, says: /mesh\.yaml:\d+:\d+/, hint: /correct the line/ },
  {
    what: "names a service twice",
    mesh: "version: 1\nservices:\n  web: { ports: [80] }\n  web: { ports: [81] }\n",
    status: 78,
    says: /mesh\.yaml:4:3: services\.web: "web" is given twice/,
    hint: /correct the line/,
  },
  {
    what: "gives one address to two services",
    mesh: "version: 1\nservices:\n  a: { ports: [80], address: 198.18.0.9 }\n  b: { ports: [80], address: 198.18.0.9 }\n",
    status: 78,
    says: /mesh\.yaml:4:\d+: .*198\.18\.0\.9/,
    hint: /correct the line/,
  },
  {
    what: "has a port that is none, and an unknown field: both are named",
    mesh: "version: 1\nservices:\n  web: { ports: [70000], prots: [80] }\n",
    status: 78,
    says: /70000(?:.|\n)*prots/,
    hint: /correct the line/,
  },
  {
    what: "names an unknown service in a policy",
    mesh: "version: 1\nservices: { web: }\npolicies: [{ from: wbe, to: web, action: deny }]\n",
    status: 78,
    says: /no service "wbe"; did you mean "web"/,
    hint: /correct the line/,
  },
];

for (const { what, mesh, ...failure } of meshes) {
  kernelTest(`mesh.yaml ${what}`, (t) => {
    const sandbox = new Sandbox(t);
    const file = sandbox.file("mesh.yaml", mesh);
    return failsCleanly(t, sandbox, () => sandbox.cli("daemon", "--config", file), failure);
  });
}

kernelTest("--config names a file that is not there", (t) => {
  const sandbox = new Sandbox(t);
  const missing = `${sandbox.directory}/none.yaml`;
  return failsCleanly(t, sandbox, () => sandbox.cli("daemon", "--config", missing), {
    status: 78,
    says: /cannot read .*none\.yaml/,
    hint: /create it/,
  });
});

for (const service of ["Web:80", "web:80:", "web:99999", "web:80/sctp", ":80", ""]) {
  kernelTest(`--service ${JSON.stringify(service)}`, (t) => {
    const sandbox = new Sandbox(t);
    return failsCleanly(t, sandbox, () => sandbox.run(service, ["true"]).ended, { status: 2, says: /--service/, hint: /web:8080|service/ });
  });
}

kernelTest("attach to a cgroup that is not there, with no daemon: the daemon that was started for it goes again", async (t) => {
  const sandbox = new Sandbox(t);
  const ending = await sandbox.cli("attach", "/sys/fs/cgroup/unified/no-such-cgroup", "--service", "web:80");
  t.is(ending.status, 65);
  t.regex(ending.stderr, /no such cgroup, unit, process or container/);
  t.regex(ending.stderr, /hint: start the unit or container first/);
  await until("everything is gone", () => tracesOf(sandbox.socket).paths.length === 0, { timeoutMs: 30_000 });
});

kernelTest("no rights: daemon, run, and a client of root's daemon", async (t) => {
  const sandbox = new Sandbox(t);
  const nobody = { uid: 65534, gid: 65534 };
  chmodSync(sandbox.directory, 0o777);
  await failsCleanly(t, sandbox, () => sandbox.start(["daemon"], nobody).ended, {
    status: 77,
    says: /lacks CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN/,
    hint: /as root/,
  });
  await failsCleanly(t, sandbox, () => sandbox.run("web", ["true"], nobody).ended, {
    status: 77,
    says: /none can be started: cannot write/,
    hint: /as root/,
  });
  await sandbox.daemon();
  const denied = await sandbox.start(["status"], nobody).ended;
  t.is(denied.status, 77, denied.stderr);
  t.regex(denied.stderr, /no rights/);
});

kernelTest("no bpffs is mounted: the daemon mounts one", async (t) => {
  const sandbox = new Sandbox(t);
  const without = ["unshare", "--mount", "sh", "-c", 'umount --lazy --all-targets /sys/fs/bpf; exec "$@"', "sh"];
  const daemon = sandbox.spawn([...without, ...sandbox.bin, "daemon", "--socket", sandbox.socket]);
  await daemon.says(/\bready\b/);
  t.is((await sandbox.status()).degraded.length, 0);
  t.is((await sandbox.cli("cleanup")).status, 0);
});

kernelTest("a second daemon on the same socket is refused, the first goes on", async (t) => {
  const sandbox = new Sandbox(t);
  const first = await sandbox.daemon();
  const second = await sandbox.cli("daemon");
  t.is(second.status, 75, second.stderr);
  t.regex(second.stderr, new RegExp(`a daemon with pid ${first.pid} already serves`));
  t.regex(second.stderr, /hint: stop it first/);
  t.is(await sandbox.daemonPid(), first.pid);
});

kernelTest("a stale socket file: clients say that the daemon died, the next daemon takes it away", async (t) => {
  const sandbox = new Sandbox(t);
  await (await sandbox.daemon()).stop("SIGKILL");
  t.true(existsSync(sandbox.socket));
  const down = await sandbox.cli("status");
  t.is(down.status, 69);
  t.regex(down.stderr, /its socket file is there, but nobody listens/);
  const next = await sandbox.daemon();
  t.regex(next.stderr + next.stdout, /removing the socket file of a daemon that is gone/);
});

kernelTest("the socket's path is another kind of file", async (t) => {
  const sandbox = new Sandbox(t);
  sandbox.file("sockhijack.sock", "precious");
  await failsCleanly(t, sandbox, () => sandbox.cli("daemon"), { status: 78, says: /exists and is not a socket/, hint: /move it away/ });
  t.is(readFileSync(sandbox.socket, "utf8"), "precious");
  rmSync(sandbox.socket); // so that the sandbox can clean up
});

kernelTest("the verifier refuses a program: the message has its log, nothing stays loaded", (t) => {
  const sandbox = new Sandbox(t);
  const change = [
    'SEC("cgroup/connect4")',
    'SEC("cgroup/connect4") int bad(struct bpf_sock_addr *ctx) { struct service *s = bpf_map_lookup_elem(&services, &(__u32){0}); return s->redirect; }\nSEC("cgroup/connect4")',
  ] as const;
  const bin = otherVersion(sandbox, { "connect.h": [change] });
  return failsCleanly(t, sandbox, () => sandbox.spawn([...bin, "daemon", "--socket", sandbox.socket]).ended, {
    status: 71,
    says: /the verifier refuses program bad(?:.|\n)*R0 has smin=0 smax=4294967295 should have been in/,
    hint: /\w/,
  });
});

kernelTest("the object file is damaged", (t) => {
  const sandbox = new Sandbox(t);
  const bin = otherVersion(sandbox, new Uint8Array(4096).fill(0x41));
  return failsCleanly(t, sandbox, () => sandbox.spawn([...bin, "daemon", "--socket", sandbox.socket]).ended, {
    status: 65,
    says: /cannot open sockhijack: .*not a proper ELF object/,
    hint: /\w/,
  });
});

kernelTest("the socket map is full: what does not fit stays on TCP and says so, and every connection works", async (t) => {
  const sandbox = new Sandbox(t, {
    command: (one) => otherVersion(one, { "sockhijack.h": [["#define MAX_SOCKETS 262144", "#define MAX_SOCKETS 8"]] }),
  });
  await sandbox.daemon();
  const port = await freePort();
  await startWho(sandbox, `web:80:${port}`, who("web", port));
  const text = `import asyncio, sys
async def main():
    held = [await asyncio.open_connection("127.0.0.1", ${port}) for _ in range(16)]
    for reader, _ in held: await reader.readline()
    print("up", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        for reader, writer in held:
            writer.write(line.encode())
            assert await asyncio.wait_for(reader.readline(), 5) == line.encode()
        print("all", line.strip(), flush=True)
asyncio.run(main())`;
  const client = sandbox.run("client", [python, "-c", text], { input: "open" });
  await client.says(/up/);
  await sandbox.awaitFlows({ to: "web", state: "redirected" }, 1);
  await sandbox.awaitFlow({ to: "web", state: "tcp", reason: "full" });
  t.true((await sandbox.status()).counters.enrol_full! > 0);
  t.true((await sandbox.matching({ state: "redirected" })).length <= 4, "two sockets each, of 8");
  t.is((await sandbox.matching({ to: "web" })).length, 16);
  client.child.stdin!.write("right\n");
  t.truthy(await client.says(/all right/));
});

kernelTest("the table of addresses is full: the daemon says which and does not start half", (t) => {
  const sandbox = new Sandbox(t, {
    command: (one) => otherVersion(one, { "maps.h": [["MAP(addresses, BPF_MAP_TYPE_HASH, 65536", "MAP(addresses, BPF_MAP_TYPE_HASH, 8"]] }),
  });
  const services = Array.from({ length: 20 }, (_, index) => `  s${index}: { ports: [80] }`).join("\n");
  const file = sandbox.file("mesh.yaml", `version: 1\nservices:\n${services}\n`);
  return failsCleanly(t, sandbox, () => sandbox.cli("daemon", "--config", file), { status: 75, says: /addresses.*full/, hint: /\w/ });
});

kernelTest("ports given to `run` for a service that the file has: the file's word holds", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  await sandbox.daemon({ mesh: `version: 1\nservices: { web: { ports: ["80:${port}"] } }\n` });
  await startWho(sandbox, "web:81:9999", who("web", port));
  t.deepEqual((await sandbox.services())[0]!.ports, [`80:${port}`], "the file's word holds");
});
