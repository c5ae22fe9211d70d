import { execFile, execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { ExecutionContext } from "ava";
import { decode } from "dns-packet";
import { kernelTest } from "../../ebpf-ts/test/kernel-test.ts";
import { askTcp, askUdp, fakeUpstream, query, startResolver } from "./resolver-peers.ts";

const run = promisify(execFile);
let count = 0;

/** Makes a namespace with its loopback up; removed by the test's end. */
function namespace(t: ExecutionContext): string {
  const name = `mitsu-dns-${process.pid}-${++count}`;
  execFileSync("ip", ["netns", "add", name]);
  t.teardown(() => execFileSync("ip", ["netns", "del", name]));
  execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
  return `/run/netns/${name}`;
}

const echo = (message: Buffer): Buffer[] => [Buffer.concat([message.subarray(0, 2), Buffer.from([0x80, 0]), message])];

for (const address of ["127.0.0.1", "::1"]) {
  kernelTest(`Resolver answers and relays inside a namespace, upstream ${address} in there too`, async (t) => {
    const netns = namespace(t);
    const upstream = await fakeUpstream(t, echo, netns, address);
    const { port } = await startResolver(t, { netns, port: 53, upstream: () => upstream });
    const [own, foreign] = [query("web.mesh", "A"), query("example.com", "A")];
    t.like(decode(await askUdp({ port, netns }, own)).answers?.[0], { data: "198.18.0.1" });
    t.like(decode((await askTcp({ port, netns, slot: 2 }, own))[0]!).answers?.[0], { data: "198.18.0.1" });
    t.deepEqual(await askUdp({ port, netns, slot: 4 }, foreign), echo(foreign)[0]);
    t.deepEqual(await askTcp({ port, netns }, foreign), echo(foreign));
    t.is(upstream.queries.length, 2);
  });
}

kernelTest("Resolver takes the namespace as a descriptor, and two namespaces do not see each other", async (t) => {
  const [blue, green] = [namespace(t), namespace(t)];
  const fd = openSync(blue, "r");
  t.teardown(() => closeSync(fd));
  const only = (name: string) => (asked: string) => (asked === name ? { a: ["198.18.0.7"], aaaa: [] } : undefined);
  await startResolver(t, { netns: fd, port: 53, lookup: only("blue") });
  await startResolver(t, { netns: green, port: 53, lookup: only("green") });
  const found = async (netns: string, name: string) => decode(await askUdp({ port: 53, netns }, query(name, "A"))).answers?.length;
  t.deepEqual([await found(blue, "blue.mesh"), await found(blue, "green.mesh")], [1, 0]);
  t.deepEqual([await found(green, "blue.mesh"), await found(green, "green.mesh")], [0, 1]);
});

kernelTest("Resolver.start() names a namespace that is not there", async (t) => {
  const error = await t.throwsAsync(startResolver(t, { netns: "/run/netns/mitsu-none", port: 53 }));
  t.regex(error?.message ?? "", /cannot open the network namespace \/run\/netns\/mitsu-none/);
});

kernelTest("Resolver needs neither descriptor nor path after its start", async (t) => {
  const [blue, green] = [namespace(t), namespace(t)];
  const upstream = await fakeUpstream(t, echo, blue);
  const fd = openSync(blue, "r");
  const { port } = await startResolver(t, { netns: fd, port: 53, upstream: () => upstream });
  closeSync(fd);
  // The number now means another namespace, without the upstream.
  const other = openSync(green, "r");
  t.teardown(() => closeSync(other));
  t.is(other, fd);
  t.deepEqual(await askUdp({ port, netns: blue }, query("example.com", "A")), echo(query("example.com", "A"))[0]);
});

for (const address of ["10.9.9.9", "2001:db8::9"]) {
  kernelTest(`Resolver answers SERVFAIL at once when the namespace has no route to ${address}`, async (t) => {
    const netns = namespace(t);
    const { port, counters } = await startResolver(t, { netns, port: 53, upstream: () => ({ address, port: 53 }) });
    t.is((await askUdp({ port, netns }, query("example.com", "A")))[3]! & 0xf, 2);
    t.is((await askTcp({ port, netns }, query("example.com", "A")))[0]![3]! & 0xf, 2);
    t.like(counters, { relayed: 2, failed: 2, timeouts: 0 });
  });
}

kernelTest("Resolver may start before the namespace's loopback is up", async (t) => {
  const name = `mitsu-dns-${process.pid}-${++count}`;
  execFileSync("ip", ["netns", "add", name]);
  t.teardown(() => execFileSync("ip", ["netns", "del", name]));
  const netns = `/run/netns/${name}`;
  const { port } = await startResolver(t, { netns, port: 53 });
  execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
  t.is(decode(await askUdp({ port, netns }, query("web.mesh", "A"))).answers?.length, 1);
});

kernelTest("Resolver.start() names the namespace in which an address is taken", async (t) => {
  const netns = namespace(t);
  await startResolver(t, { netns, port: 53 });
  const error = await t.throwsAsync(startResolver(t, { netns, port: 53 }), { code: "ERR_RESOLVER_SOCKET" });
  t.is(error?.message, `cannot listen on 127.53.0.1:53/udp in network namespace ${netns}: address already in use`);
});

kernelTest("Resolver serves the C library's own resolver: names, reverse names, search domains, TCP", async (t) => {
  const netns = namespace(t);
  const upstream = await fakeUpstream(
    t,
    (message) => [Buffer.concat([message.subarray(0, 2), Buffer.from([0x81, 0x83]), message.subarray(4)])],
    netns,
  );
  const { port } = await startResolver(t, { netns, port: 53, upstream: () => upstream });
  t.is(port, 53);
  // getent asks for the families the machine has an address of, loopback aside (AI_ADDRCONFIG).
  for (const address of ["10.1.1.1/32", "fd00::1/128"]) execFileSync("ip", ["-n", basename(netns), "address", "add", address, "dev", "lo"]);
  const folder = await mkdtemp(join(tmpdir(), "mitsu-dns-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, "resolv.conf");
  const getent = async (options: string, ...args: string[]) => {
    await writeFile(file, `nameserver 127.53.0.1\noptions timeout:2 attempts:1 ${options}\nsearch svc.example mesh\n`);
    const inside = 'mount --bind "$0" /etc/resolv.conf && exec getent "$@"';
    const { stdout } = await run("nsenter", [`--net=${netns}`, "unshare", "--mount", "sh", "-c", inside, file, ...args]);
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " ").trim());
  };
  t.deepEqual(await getent("", "hosts", "198.18.0.1"), ["198.18.0.1 web.mesh"]);
  t.deepEqual(await getent("", "ahostsv4", "old.mesh"), ["198.18.0.2 STREAM old.mesh", "198.18.0.2 DGRAM", "198.18.0.2 RAW"]);
  t.is((await getent("", "ahostsv6", "new.mesh"))[0], "fd6d::3 STREAM new.mesh");
  // Asked as web.svc.example first, which the upstream denies.
  t.is((await getent("", "ahostsv4", "web"))[0], "198.18.0.1 STREAM web.mesh");
  t.true(upstream.queries.length > 0);
  t.is((await getent("use-vc", "ahostsv4", "big.mesh")).length, 90);
  t.is((await getent("", "ahostsv4", "big.mesh")).length, 90);
  const none = await t.throwsAsync(getent("", "ahosts", "nobody.mesh"));
  t.like(none, { code: 2 });
});
