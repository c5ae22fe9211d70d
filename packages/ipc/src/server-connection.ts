/** One client of a daemon, from its credentials to its last answer. @module */
import type { Socket } from "node:net";
import { type Log, type PeerCredentials, peerCredentials } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { encodeFrame, frameReader } from "./frame.ts";
import { checkPeer } from "./peer-rule.ts";
import { type ClientMessage, clientMessage, type Protocol, protocolVersion, type ServerMessage, toWire, validate } from "./protocol.ts";
import type { CallContext } from "./server.ts";
import { type ServerStream, sendStream } from "./server-stream.ts";

/** What a connection needs from its server. */
export interface ConnectionOptions {
  readonly daemon: string;
  readonly version: string;
  readonly protocol: Protocol;
  /** By method name, their types checked and forgotten by `serve`. */
  readonly handlers: Readonly<Record<string, (request: unknown, context: CallContext) => unknown>>;
  readonly log: Log;
  readonly rule: { readonly uid: number; readonly gid: number | undefined; readonly group: string };
  /** This one is over the limit: say so and close. */
  readonly full: boolean;
  readonly maxFrameBytes: number;
  readonly count: (what: "accepted" | "refused" | "badFrames" | "droppedEvents") => void;
}

/** Subscriptions at a time on one connection. */
const maxStreams = 64;
/** Unread answers beyond this many bytes stop us from reading more requests. */
const maxUnreadBytes = 4 * 1024 * 1024;

const tooMany = (message: string) =>
  new MitsuError(message, {
    code: "ERR_IPC_BUSY",
    hint: "try again, or end a --watch",
    exit: exitStatus.temporary,
  });

function otherVersion(theirs: number): MitsuError {
  return new MitsuError(`the client speaks protocol ${theirs}, this daemon ${protocolVersion}`, {
    code: "ERR_IPC_VERSION",
    hint: "update the older one",
    exit: exitStatus.unavailable,
  });
}

function unknownMethod(daemon: string, name: string): MitsuError {
  return new MitsuError(`${daemon} has no method '${name}'`, {
    code: "ERR_IPC_METHOD",
    hint: "update the daemon",
    exit: exitStatus.unavailable,
  });
}

/** Serves one connection until it closes. */
export function serveConnection(socket: Socket, options: ConnectionOptions): void {
  const { daemon, protocol, handlers, log, count } = options;
  const streams = new Map<number, ServerStream>();
  const gone = new AbortController();
  const reader = frameReader(options.maxFrameBytes);
  let greeted = false;

  const send = (message: ServerMessage): void => {
    if (!socket.writable) return;
    socket.write(encodeFrame(message, options.maxFrameBytes));
    if (socket.writableLength > maxUnreadBytes && !socket.isPaused()) {
      socket.pause();
      socket.once("drain", () => socket.resume());
    }
  };
  const fail = (id: number, error: unknown) => send({ t: "error", id, error: toWire(error) });
  /** Says why, then closes: the client prints the reason in place of "connection closed". */
  const end = (error: unknown): void => {
    if (socket.writable) socket.end(encodeFrame({ t: "error", error: toWire(error) }));
    socket.setTimeout(1000, () => socket.destroy()); // a client that never closes its side must not keep the place
    gone.abort();
  };

  const answer = async (id: number, name: string, params: unknown, peer: PeerCredentials): Promise<void> => {
    const entry = Object.hasOwn(protocol, name) ? protocol[name]! : undefined;
    const work = handlers[name];
    if (!entry || !work) throw unknownMethod(daemon, name);
    const request: unknown = validate(entry.request, params ?? {}, `${name}: bad request`);
    const controller = new AbortController();
    const signal = AbortSignal.any([gone.signal, controller.signal]);
    const context: CallContext = { peer, signal };
    if (entry.kind === "method") {
      const result = await work(request, context);
      send({ t: "result", id, result: validate(entry.response, result, `${name}: bad response`) });
    } else {
      if (streams.has(id) || streams.size >= maxStreams) throw tooMany("too many streams on one connection");
      const source = work(request, context) as AsyncIterable<unknown>;
      const running = sendStream({ id, name, schema: entry, source, controller, send, onDrop: () => count("droppedEvents") });
      streams.set(id, running);
      gone.signal.addEventListener("abort", running.cancel, { once: true });
      controller.signal.addEventListener("abort", () => {
        streams.delete(id);
        gone.signal.removeEventListener("abort", running.cancel);
      });
    }
  };

  const take = (message: ClientMessage, peer: PeerCredentials): void => {
    if (message.t === "hello") {
      greeted = message.protocol === protocolVersion;
      if (!greeted) end(otherVersion(message.protocol));
    } else if (!greeted) end(new MitsuError("the client did not greet", { code: "ERR_IPC_FRAME", exit: exitStatus.data }));
    else if (message.t === "credit") streams.get(message.id)?.credit(message.events);
    else if (message.t === "cancel") streams.get(message.id)?.cancel();
    else answer(message.id, message.method, message.params, peer).catch((error: unknown) => fail(message.id, error));
  };

  const onData = (peer: PeerCredentials) => (chunk: Buffer) => {
    if (gone.signal.aborted) return;
    try {
      for (const value of reader.push(chunk)) take(validate(clientMessage, value, "bad message"), peer);
    } catch (error) {
      count("badFrames");
      log.warn("closing a connection that sent nonsense", { pid: peer.pid, error });
      end(error);
    }
  };

  socket.on("error", (error) => log.debug("control connection failed", { error })); // `close` follows and tidies up
  socket.once("close", () => gone.abort());
  const start = async () => {
    if (options.full) throw tooMany("too many clients are connected");
    const peer = await peerCredentials(socket);
    checkPeer(peer, options.rule);
    count("accepted");
    send({ t: "hello", protocol: protocolVersion, daemon, version: options.version, pid: process.pid });
    socket.on("data", onData(peer));
  };
  start().catch((error: unknown) => {
    count("refused");
    log.warn("refused a control connection", { error });
    end(error);
  });
}
