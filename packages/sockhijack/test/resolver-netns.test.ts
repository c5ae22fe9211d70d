import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { decode } from "dns-packet";
import { kernelTest } from "../../ebpf-ts/test/kernel-test.ts";
import { askTcp, askUdp, fakeUpstream, query, startResolver } from "./resolver-peers.ts";

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
