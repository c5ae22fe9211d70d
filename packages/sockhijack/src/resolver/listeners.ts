/** The UDP and TCP sockets that one slot of a resolver listens on. @module */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { type Netns, netnsSocket } from "./netns-socket.ts";
import { framed, MessageSplitter } from "./tcp-framing.ts";
import type { Cancel } from "./upstream.ts";

/** Takes a message and replies any number of times; `done` follows the last reply. Returns how to call it off. */
export type Handle = (message: Buffer, transport: "udp" | "tcp", reply: (answer: Buffer) => void, done: () => void) => Cancel;

/** Where to listen. */
export interface ListenAt {
  readonly netns: Netns;
  readonly address: string;
  readonly port: number;
  /** Told of what goes wrong later, such as no descriptors left to accept with; listening goes on. */
  readonly onError: (error: Error) => void;
}

/** Connections a TCP listener holds; more are closed at once. */
const maxConnections = 256;
/** A connection without a query or an answer for so long is closed (RFC 7766 §6.2.3 leaves the time to the server). */
const idleMs = 30_000;
/** A client that asks and never reads is not read from either, once so many answer bytes wait for it. */
const waitingBytes = 256 * 1024;

/** Listens by UDP: one message, one datagram. */
export async function listenUdp(at: ListenAt, handle: Handle): Promise<UdpSocket> {
  const fd = netnsSocket({ netns: at.netns, protocol: "udp", family: 4, local: at });
  const socket = createSocket("udp4");
  // With a descriptor the event comes before bind() returns.
  const listening = once(socket, "listening");
  try {
    socket.bind({ fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  await listening;
  socket.on("error", at.onError);
  socket.on("message", (message, client) => {
    handle(
      message,
      "udp",
      // A failed send means that the client is gone: nobody is left to tell.
      (answer) => socket.send(answer, client.port, client.address, () => {}),
      () => {},
    );
  });
  return socket;
}

/** Listens by TCP: many messages a connection, answered in any order (RFC 7766 §6.2.1.1). */
export async function listenTcp(at: ListenAt, handle: Handle): Promise<{ server: Server; connections: Set<Socket> }> {
  const fd = netnsSocket({ netns: at.netns, protocol: "tcp", family: 4, local: at });
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    serve(socket, handle);
  });
  server.maxConnections = maxConnections;
  server.listen({ fd });
  await once(server, "listening");
  server.on("error", at.onError);
  return { server, connections };
}

function serve(socket: Socket, handle: Handle): void {
  const pending = new Set<Cancel>();
  let clientDone = false;
  const endIfIdle = () => {
    if (clientDone && pending.size === 0) socket.end();
  };
  const splitter = new MessageSplitter((message) => {
    let finished = false;
    let stop: Cancel = () => {};
    const reply = (answer: Buffer) => {
      if (!socket.writable) return;
      socket.write(framed(answer));
      if (socket.writableLength > waitingBytes) socket.pause();
    };
    stop = handle(message, "tcp", reply, () => {
      finished = true;
      pending.delete(stop);
      endIfIdle();
    });
    if (!finished) pending.add(stop);
  });
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("data", (chunk) => splitter.push(chunk));
  socket.on("drain", () => socket.resume());
  socket.on("end", () => {
    clientDone = true;
    endIfIdle();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    for (const stop of pending) stop();
  });
}
