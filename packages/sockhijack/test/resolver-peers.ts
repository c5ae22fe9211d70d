/** Both neighbours of a resolver, for its tests: programs that ask, and a name server that is asked; in any network namespace. @module */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, Socket } from "node:net";
import { inNetns } from "@mitsu/ebpf-ts";
import type { ExecutionContext } from "ava";
import { encode, type Packet } from "dns-packet";
import { Resolver, type ResolverCounters, type ResolverOptions, resolverCounters, slotAddress } from "../src/resolver/mod.ts";
import { type Netns, netnsSocket } from "../src/resolver/netns-socket.ts";
import { framed, MessageSplitter } from "../src/resolver/tcp-framing.ts";

/** Where a test's resolver listens. */
export interface Target {
  readonly port: number;
  readonly slot?: number;
  readonly netns?: Netns;
}

/** A query for one name; `type` as dns-packet spells it. */
export function query(name: string, type: string, extra: Packet = {}): Buffer {
  return encode({ type: "query", id: 0x1234, flags: 0x0100, questions: [{ name, type: type as "A" }], ...extra });
}

/** Sends one datagram from a fresh port and gives the first one back; `signal` ends the wait. */
export async function askUdp({ port, slot = 1, netns }: Target, message: Buffer, signal?: AbortSignal): Promise<Buffer> {
  const socket = createSocket({ type: "udp4", ...(signal && { signal }) });
  // With a descriptor the socket listens before bind() returns.
  socket.bind({ fd: netnsSocket({ netns, protocol: "udp", family: 4 }) });
  const answer = once(socket, "message", { ...(signal && { signal }) });
  socket.send(message, port, slotAddress(slot));
  const [bytes] = await answer;
  socket.close();
  return bytes as Buffer;
}

/** Opens a TCP connection to a slot. */
export async function connectTcp({ port, slot = 1, netns }: Target): Promise<Socket> {
  const options = { fd: netnsSocket({ netns, protocol: "tcp", family: 4 }), manualStart: true, allowHalfOpen: true };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  socket.connect(port, slotAddress(slot));
  await once(socket, "connect");
  return socket;
}

/** Writes messages on one connection, half-closes it, and gives all answers back that come before the resolver closes. */
export async function askTcp(target: Target, ...messages: Buffer[]): Promise<Buffer[]> {
  const socket = await connectTcp(target);
  const answers: Buffer[] = [];
  const splitter = new MessageSplitter((answer) => answers.push(answer));
  socket.on("data", (chunk: Buffer) => splitter.push(chunk));
  socket.end(Buffer.concat(messages.map(framed)));
  await once(socket, "end");
  socket.destroy();
  return answers;
}

/** A name server under a test's control. */
export interface FakeUpstream {
  readonly address: string;
  readonly port: number;
  /** Every query that came, by either transport, in order. */
  readonly queries: Buffer[];
}

/** Starts a name server on UDP and TCP; `reply` gives the messages to send back, none for silence. */
export async function fakeUpstream(
  t: ExecutionContext,
  reply: (query: Buffer) => Buffer[],
  netns: string | number = "/proc/self/ns/net",
  address = "127.0.0.1",
): Promise<FakeUpstream> {
  const family = isIPv6(address) ? 6 : 4;
  const queries: Buffer[] = [];
  const tcp = createServer((socket) => {
    const splitter = new MessageSplitter((message) => {
      queries.push(message);
      for (const answer of reply(message)) socket.write(framed(answer));
    });
    socket.on("data", (chunk: Buffer) => splitter.push(chunk));
    socket.on("error", () => {});
    t.teardown(() => void socket.destroy());
  });
  // Without a host, and with a look-up that calls back at once, Node makes both sockets before listen() and bind() return: in the namespace.
  inNetns(netns, () => tcp.listen(0));
  await once(tcp, "listening");
  const { port } = tcp.address() as { port: number };
  const udp = createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: (host, _, found) => found(null, host, family) });
  udp.on("message", (message, client) => {
    queries.push(message);
    for (const answer of reply(message)) udp.send(answer, client.port, client.address);
  });
  const listening = once(udp, "listening");
  inNetns(netns, () => udp.bind(port, address));
  await listening;
  t.teardown(() => {
    udp.close();
    tcp.close();
  });
  return { address, port, queries };
}

let nextPort = 10_000 + (process.pid % 20_000);

/** A port no other test of this process uses, below those the kernel gives out (32 768 and up). */
export function freePort(): number {
  return nextPort++;
}

/** Starts a resolver that knows `web` (both families), `old` (v4 only), `new` (v6 only) and `big` (30 addresses); closed by the test's end. */
export async function startResolver(
  t: ExecutionContext,
  options: Partial<ResolverOptions> = {},
): Promise<{ resolver: Resolver; port: number; counters: ResolverCounters }> {
  const services = new Map([
    ["web", { a: ["198.18.0.1"], aaaa: ["fd6d::1"] }],
    ["old", { a: ["198.18.0.2"], aaaa: [] }],
    ["new", { a: [], aaaa: ["fd6d::3"] }],
    ["big", { a: Array.from({ length: 30 }, (_, index) => `198.18.1.${index}`), aaaa: [] }],
  ]);
  const port = options.port ?? freePort();
  const counters = resolverCounters();
  const resolver = await Resolver.start({
    port,
    lookup: (name) => services.get(name),
    reverse: (address) => ({ "198.18.0.1": "web", "fd6d::1": "web" })[address],
    upstream: () => undefined,
    // ava prints this beside a failure: why a query was not relayed, say.
    log: { debug: (message, fields) => t.log(message, fields), warn: (message, fields) => t.log(message, fields) },
    counters,
    ...options,
  });
  t.teardown(() => resolver.close());
  return { resolver, port, counters: options.counters ?? counters };
}
