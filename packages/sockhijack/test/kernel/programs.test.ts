/** Databases, caches and tools as they are shipped, under sockhijack: by their own benchmarks and by checksums. @module */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { needs } from "./support/needs.ts";
import { Sandbox } from "./support/sandbox.ts";
import { listening, python } from "./support/servers.ts";

const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

kernelTest("redis: redis-benchmark is redirected and completes, redis-cli reads a 3 MB value back whole", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const server = [
    needs("redis-server", "redis-server"),
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--dir",
    sandbox.directory,
  ];
  await listening(port, "127.0.0.1", sandbox.run(`redis:6379:${port}`, server));
  await sandbox.serving("redis");
  const bench = sandbox.run("client", [
    "redis-benchmark",
    "-h",
    "redis.mesh",
    "-c",
    "8",
    "-n",
    "10000000",
    "-t",
    "set,get",
    "-q",
    "-d",
    "1024",
  ]);
  await sandbox.awaitFlows({ from: "client", to: "redis", state: "redirected" }, 8);
  await bench.stop();
  const whole = await sandbox.run("client", [
    "redis-benchmark",
    "-h",
    "redis.mesh",
    "-c",
    "8",
    "-n",
    "20000",
    "-t",
    "set,get,lpush,lrange_100",
    "--csv",
  ]).ended;
  t.is(whole.status, 0, whole.stderr);
  t.is(
    whole.stdout
      .trim()
      .split("\n")
      .filter((line) => /^"(SET|GET|LPUSH|LRANGE)/.test(line)).length >= 4,
    true,
    whole.stdout,
  );
  const value = randomBytes(1_500_000).toString("hex");
  await sandbox.run("client", ["redis-cli", "-h", "redis.mesh", "-x", "set", "large"], { input: value }).succeeded();
  const back = await sandbox.run("client", ["redis-cli", "-h", "redis.mesh", "--raw", "get", "large"]).succeeded();
  t.is(digest(Buffer.from(back.trimEnd())), digest(Buffer.from(value)));
});

kernelTest("memcached: redirected, every value comes back as it was stored", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const server = [needs("memcached", "memcached"), "-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0"];
  await listening(port, "127.0.0.1", sandbox.run(`cache:11211:${port}`, server));
  await sandbox.serving("cache");
  const asking = `import asyncio, sys, random
random.seed(7)
async def main():
    reader, writer = await asyncio.open_connection("cache.mesh", 11211)
    ending = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    right = 0
    while not ending.done():
        value = random.randbytes(random.randrange(1, 8000))
        writer.write(b"set key%d 0 0 %d\\r\\n" % (right % 50, len(value)) + value + b"\\r\\nget key%d\\r\\n" % (right % 50))
        assert await reader.readline() == b"STORED\\r\\n"
        assert await reader.readline() == b"VALUE key%d 0 %d\\r\\n" % (right % 50, len(value))
        assert await reader.readexactly(len(value) + 7) == value + b"\\r\\nEND\\r\\n"
        right += 1
    print(right, "right")
asyncio.run(main())`;
  const client = sandbox.run("client", [python, "-c", asking], { input: "open" });
  await sandbox.awaitFlow({ from: "client", to: "cache", state: "redirected" });
  client.child.stdin!.end();
  t.regex(await client.succeeded(), /^[1-9]\d* right$/m);
});

kernelTest("PostgreSQL: pgbench completes without a failed transaction, and its sums agree", async (t) => {
  const folders = versionFolders("/usr/lib/postgresql");
  const initdb = needs("initdb", "postgresql", folders);
  const postgres = needs("postgres", "postgresql", folders);
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const data = join(sandbox.directory, "data");
  const as = { uid: Number(execFileSync("id", ["-u", "postgres"])), gid: Number(execFileSync("id", ["-g", "postgres"])), cwd: "/" };
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, as.uid, as.gid);
  chmodSync(sandbox.directory, 0o755);
  await sandbox.spawn([initdb, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C"], as).succeeded();
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=32MB"];
  const server = [
    "setpriv",
    `--reuid=${as.uid}`,
    `--regid=${as.gid}`,
    "--clear-groups",
    postgres,
    "-D",
    data,
    ...settings.flatMap((one) => ["-c", one]),
  ];
  await listening(port, "127.0.0.1", sandbox.run(`db:5432:${port}`, server));
  await sandbox.serving("db");
  const at = ["-h", "db.mesh", "-p", "5432", "-U", "postgres"];
  await sandbox.run("client", ["pgbench", "-i", "-q", ...at, "postgres"]).succeeded();
  const bench = sandbox.run("client", ["pgbench", "-c", "4", "-j", "1", "-T", "4", ...at, "postgres"]);
  await sandbox.awaitFlows({ from: "client", to: "db", state: "redirected" }, 4);
  const report = await bench.succeeded();
  t.regex(report, /number of failed transactions: 0 /);
  const sums =
    "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), count(*) > 100 from pgbench_history";
  t.is(await sandbox.run("client", ["psql", "-At", ...at, "-c", sums, "postgres"]).succeeded(), "t|t\n");
});

/** `bin` of every installed version, the newest first. */
function versionFolders(root: string): string[] {
  try {
    return readdirSync(root)
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => join(root, version, "bin"));
  } catch {
    return [];
  }
}

kernelTest("iperf3: bulk stays on TCP, and what was sent was received", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const iperf3 = needs("iperf3", "iperf3");
  await listening(port, "127.0.0.1", sandbox.run(`perf:5201:${port}`, [iperf3, "-s", "-p", String(port)]));
  await sandbox.serving("perf");
  const client = sandbox.run("client", [iperf3, "-c", "perf.mesh", "-t", "3", "-J"]);
  const flows = await sandbox.awaitFlows({ from: "client", to: "perf", state: "tcp" }, 2);
  t.true(flows.length >= 2);
  await sandbox.awaitBytes({ from: "client", to: "perf" }, 100_000_000);
  t.deepEqual(
    (await sandbox.matching({ to: "perf", state: "redirected" })).filter(({ bytesOut }) => bytesOut > 10_000_000),
    [],
  );
  const { end, error } = JSON.parse(await client.succeeded()) as { end: { sum_received: { bytes: number } }; error?: string };
  t.is(error, undefined);
  t.true(end.sum_received.bytes > 100_000_000);
});

kernelTest("ssh: a session through sshd carries 8 MB each way, whole", async (t) => {
  const sandbox = new Sandbox(t);
  const [sshd, ssh] = [needs("sshd", "openssh-server"), needs("ssh", "openssh-client")];
  const port = await freePort();
  const key = (name: string): string => {
    const path = join(sandbox.directory, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
    return path;
  };
  const [host, user] = [key("host"), key("user")];
  mkdirSync("/run/sshd", { recursive: true }); // sshd insists on it
  const config = sandbox.file(
    "sshd_config",
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${host}\nAuthorizedKeysFile ${user}.pub\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n`,
  );
  await listening(port, "127.0.0.1", sandbox.run(`shell:22:${port}`, [sshd, "-D", "-e", "-f", config]));
  await sandbox.serving("shell");
  const data = randomBytes(8_000_000);
  const file = sandbox.file("data", data);
  const options = [
    "-F",
    "none",
    "-i",
    user,
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "BatchMode=yes",
  ];
  const session = `"$@" cat <${file} >${file}.back`;
  await sandbox.run("client", ["sh", "-c", session, "sh", ssh, ...options, "root@shell.mesh"]).succeeded();
  t.is(digest(readFileSync(`${file}.back`)), digest(data));
});

kernelTest("socat: an echo carries 8 MB each way, whole", async (t) => {
  const sandbox = new Sandbox(t);
  const socat = needs("socat", "socat");
  const port = await freePort();
  await listening(
    port,
    "127.0.0.1",
    sandbox.run(`echo:7:${port}`, [socat, "-t", "10", `TCP-LISTEN:${port},fork,reuseaddr,bind=127.0.0.1`, "SYSTEM:cat"]),
  );
  await sandbox.serving("echo");
  const data = randomBytes(8_000_000);
  const file = sandbox.file("data", data);
  await sandbox.run("client", ["sh", "-c", `"$0" -t 10 - TCP:echo.mesh:7 <${file} >${file}.back`, socat]).succeeded();
  t.is(digest(readFileSync(`${file}.back`)), digest(data));
});
