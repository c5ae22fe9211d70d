import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { BpfObject, checkLayout, Iter, requireFeatures, struct, TypedMap, u16, u32, u64 } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { listenIn } from "../listener.ts";
import { testNetns, testPinFolder } from "../sandbox.ts";

const TCP_LISTEN = 10;
const entry = struct({ cookie: u64, state: u32, localPort: u16, family: u16 });
type Entry = ReturnType<typeof entry.decode>;

function entries(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / entry.size }, (_, index) => entry.decode(view, index * entry.size));
}

kernelTest("read() lists the sockets of the network namespace it is given, and of no other", async (t) => {
  requireFeatures(["iterTcp"]);
  const netns = await testNetns(t);
  const port = listenIn(t, netns);
  using object = BpfObject.open(testObject("everything")).load();
  checkLayout(entry, object.btf, "socket_entry");
  using iter = object.program("list_tcp").attachIter();
  t.is(iter.link.info().type, "iter");
  const inside = entries(iter.read(netns));
  t.is(inside.length, 1);
  t.like(inside[0], { state: TCP_LISTEN, localPort: port, family: 10 });
  const ownPort = listenIn(t, undefined);
  const outside = entries(iter.read());
  t.true(outside.some((each) => each.localPort === ownPort));
  t.false(outside.some((each) => each.cookie === inside[0]?.cookie));
});

kernelTest("read() returns output of many times the kernel's read size, whole", (t) => {
  using object = BpfObject.open(testObject("everything"), { maxEntries: { table: 50_000 } }).load();
  new TypedMap(object.map("table"), u32, u64).setMany(Array.from({ length: 50_000 }, (_, key) => [key, BigInt(key)] as const));
  using iter = object.program("list_table").attachIter({ map: object.map("table") });
  const bytes = iter.read();
  t.is(bytes.length, 50_000 * 12);
  const view = new DataView(bytes.buffer, 0, bytes.length);
  const keys = new Set<number>();
  for (let at = 0; at < bytes.length; at += 12) {
    if (view.getBigUint64(at + 4, true) !== BigInt(view.getUint32(at, true))) t.fail(`entry at byte ${at} is torn`);
    keys.add(view.getUint32(at, true));
  }
  t.is(keys.size, 50_000);
});

kernelTest("attachIter() walks one process if asked", (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  t.teardown(() => child.stdin?.end());
  using iter = object.program("list_tasks").attachIter({ pid: child.pid! });
  t.deepEqual([...new Uint32Array(iter.read().slice().buffer)], [child.pid]);
});

kernelTest("a pinned iterator is read by path, reopened, and updated", async (t) => {
  requireFeatures(["iterTcp"]);
  const netns = await testNetns(t);
  listenIn(t, netns);
  const path = `${testPinFolder(t)}/sockets`;
  using object = BpfObject.open(testObject("everything")).load();
  object.program("list_tcp").attachIter().pin(path).close();
  t.true(readFileSync(path).length % entry.size === 0);
  using iter = Iter.open(path);
  t.is(entries(iter.read(netns)).length, 1);
  iter.update(object.program("list_listeners"));
  t.is(iter.link.info().programId, object.program("list_listeners").id);
  t.deepEqual(
    entries(iter.read(netns)).map((each) => each.state),
    [TCP_LISTEN],
  );
});
