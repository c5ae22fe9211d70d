/** Carries one query to an upstream name server and its answer back, byte for byte. @module */
import { createSocket } from "node:dgram";
import { closeSync } from "node:fs";
import { isIPv6, Socket } from "node:net";
import { type Netns, netnsSocket } from "./netns-socket.ts";
import { framed, MessageSplitter } from "./tcp-framing.ts";

/** A name server. */
export interface UpstreamServer {
  /** IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
}

/** A query on its way. */
export interface Exchange {
  readonly netns: Netns;
  readonly server: UpstreamServer;
  readonly query: Buffer;
  readonly timeoutMs: number;
  /** Called for each answer; a zone transfer (`many`) brings several. */
  readonly onAnswer: (answer: Buffer) => void;
  /** Called once, last, unless the exchange was cancelled. */
  readonly onEnd: (outcome: "done" | "timeout" | "unreachable", error?: Error) => void;
}

/** Stops an exchange without any further call. */
export type Cancel = () => void;

/**
 * Sends a query by UDP from a fresh port and waits for the answer with its id; others are ignored, as a stub resolver would.
 */
export function exchangeUdp({ netns, server, query, timeoutMs, onAnswer, onEnd }: Exchange): Cancel {
  const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
  const end = once(() => {
    clearTimeout(timer);
    socket.close();
  }, onEnd);
  const timer = setTimeout(() => end("timeout"), timeoutMs);
  socket.on("error", (error) => end("unreachable", error));
  socket.on("message", (answer) => {
    if (answer.length < 3 || answer.readUInt16BE(0) !== query.readUInt16BE(0) || !(answer[2]! & 0x80)) return;
    onAnswer(answer);
    end("done");
  });
  socket.once("listening", () => {
    // The types do not say so, but a refused connect (no route) calls back with its error.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error) return end("unreachable", error);
      socket.send(query, (failure) => failure && end("unreachable", failure));
    });
  });
  openSocket(netns, "udp", server, (fd) => socket.bind({ fd }), end);
  return () => end(undefined);
}

/**
 * Sends a query by TCP on a connection of its own and waits for the answer, or, with `many`, for all until the server closes.
 */
export function exchangeTcp({ netns, server, query, timeoutMs, onAnswer, onEnd, many }: Exchange & { readonly many: boolean }): Cancel {
  let socket: Socket | undefined;
  let answers = 0;
  const end = once(() => socket?.destroy(), onEnd);
  const splitter = new MessageSplitter((answer) => {
    answers++;
    onAnswer(answer);
    if (!many) end("done");
  });
  openSocket(
    netns,
    "tcp",
    server,
    (fd) => {
      // Reading must wait for the connect, hence the manual start, which the types do not list.
      socket = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
      socket.setTimeout(timeoutMs, () => end("timeout"));
      socket.on("error", (error) => end("unreachable", error));
      socket.on("data", (chunk) => splitter.push(chunk));
      socket.on("close", () => end(answers > 0 ? "done" : "unreachable"));
      socket.connect(server.port, server.address, () => socket?.write(framed(query)));
    },
    end,
  );
  return () => end(undefined);
}

type End = (outcome: "done" | "timeout" | "unreachable" | undefined, error?: Error) => void;

/** Runs `release` and then, unless cancelled, `onEnd`, for the first outcome only. */
function once(release: () => void, onEnd: Exchange["onEnd"]): End {
  let ended = false;
  return (outcome, error) => {
    if (ended) return;
    ended = true;
    release();
    if (outcome !== undefined) onEnd(outcome, error);
  };
}

/** Makes the socket and hands it over; a failure (out of descriptors, namespace gone) ends the exchange a turn later, after the caller has its cancel. */
function openSocket(netns: Netns, protocol: "udp" | "tcp", server: UpstreamServer, adopt: (fd: number) => void, end: End): void {
  let fd = -1;
  try {
    fd = netnsSocket({ netns, protocol, family: isIPv6(server.address) ? 6 : 4 });
    adopt(fd);
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    setImmediate(() => end("unreachable", error as Error));
  }
}
