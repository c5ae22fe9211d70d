import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { Attachment, BpfObject, requireFeatures, TypedMap, u32, u64 } from "../../src/mod.ts";
import { testObject } from "../compile-bpf.ts";
import { kernelTest } from "../kernel-test.ts";
import { listenIn } from "../listener.ts";

/** A connection to an echo server, and its descriptor. */
async function echoClient(t: ExecutionContext): Promise<{ socket: Socket; fd: number }> {
  const port = listenIn(t, undefined, (socket) => socket.pipe(socket));
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  await once(socket, "connect");
  return { socket, fd: (socket as unknown as { _handle: { fd: number } })._handle.fd };
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [data] = await once(socket, "data");
  return `${data}`;
}

kernelTest("attachSockmap() makes links, through which messages and segments of the map's sockets pass", async (t) => {
  requireFeatures(["sockmapLink"]);
  using object = BpfObject.open(testObject("everything")).load();
  const map = object.map("sockets");
  using messages = object.program("message").attachSockmap(map, "sk_msg_verdict");
  using segments = object.program("stream").attachSockmap(map, "sk_skb_verdict");
  if (messages.kind !== "link" || segments.kind !== "link") return t.fail("attached without links");
  t.like(messages.info(), { type: "sockmap", mapId: map.id, programId: object.program("message").id, attachType: "sk_msg_verdict" });
  t.like(segments.info(), { type: "sockmap", mapId: map.id, attachType: "sk_skb_verdict" });

  const sockets = new TypedMap(map, u64, u64);
  const counters = new TypedMap(object.map("counters"), u32, u64);
  const { socket, fd } = await echoClient(t);
  sockets.set(7n, BigInt(fd), "noexist");
  t.is(sockets.entries().length, 1);
  t.is(sockets.entries()[0]?.[0], 7n);
  t.is(await echo(socket, "hello"), "hello");
  t.is(counters.sumPerCpu(2), 1n);
  t.is(counters.sumPerCpu(3), 1n);

  messages.update(object.program("message_counted_twice"));
  t.true(sockets.delete(7n));
  sockets.set(7n, BigInt(fd), "noexist");
  t.is(await echo(socket, "again"), "again");
  t.is(counters.sumPerCpu(2), 3n);
});

kernelTest("attachSockmap() to a map that already has such a program is refused", (t) => {
  requireFeatures(["sockmapLink"]);
  using object = BpfObject.open(testObject("everything")).load();
  using _first = object.program("message").attachSockmap(object.map("sockets"), "sk_msg_verdict");
  const again = () => object.program("message").attachSockmap(object.map("sockets"), "sk_msg_verdict");
  t.throws(again, { code: "ERR_BPF_BUSY", message: /cannot attach message to map sockets as sk_msg_verdict/ });
  t.throws(() => object.program("message").attachSockmap(object.map("table"), "sk_msg_verdict"), { code: "ERR_BPF_UNSUPPORTED" });
});

kernelTest("Attachment attaches, replaces and detaches without links, as before Linux 6.10", async (t) => {
  using object = BpfObject.open(testObject("everything")).load();
  const map = object.map("sockets");
  const attachment = new Attachment(object.program("message"), map, "sk_msg_verdict");
  t.is(attachment.kind, "attachment");
  attachment.update(object.program("message_counted_twice"));
  const { socket, fd } = await echoClient(t);
  new TypedMap(map, u64, u64).set(1n, BigInt(fd));
  t.is(await echo(socket, "hello"), "hello");
  t.is(new TypedMap(object.map("counters"), u32, u64).sumPerCpu(2), 2n);
  attachment.detach();
  t.throws(() => attachment.detach(), { code: "ERR_BPF_MISSING" });
});
