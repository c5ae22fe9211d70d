/** Talks to a daemon over its Unix socket. @module */
import { connect as connectSocket, type Socket } from "node:net";
import { closedError, connectError, timeoutError, versionError } from "./client-errors.ts";
import { type ClientStream, clientStream, type Subscription } from "./client-stream.ts";
import { encodeFrame, frameReader } from "./frame.ts";
import {
  type ClientMessage,
  fromWire,
  type Method,
  type Protocol,
  protocolVersion,
  type ServerMessage,
  type Stream,
  serverMessage,
  validate,
} from "./protocol.ts";

/** Names of a protocol's methods, streams left out. */
export type MethodNames<P> = { [K in keyof P]: P[K] extends Method<infer _Q, infer _R> ? K : never }[keyof P] & string;
/** Names of a protocol's streams. */
export type StreamNames<P> = { [K in keyof P]: P[K] extends Stream<infer _Q, infer _E> ? K : never }[keyof P] & string;
/** What a method or stream is asked with. */
export type RequestOf<M> = M extends Method<infer Q, infer _R> ? Q : M extends Stream<infer Q, infer _E> ? Q : never;
/** What a method answers. */
export type ResponseOf<M> = M extends Method<infer _Q, infer R> ? R : never;
/** What a stream yields. */
export type EventOf<M> = M extends Stream<infer _Q, infer E> ? E : never;

/** How long to wait. */
export interface CallOptions {
  /** 5000 unless told. */
  readonly timeoutMs?: number;
}

/** A connection to a daemon. */
export interface Client<P> {
  readonly daemon: { readonly name: string; readonly version: string; readonly pid: number };
  /** @throws {MitsuError} the daemon's own error; `ERR_IPC_TIMEOUT`; `ERR_IPC_CLOSED`; `ERR_IPC_SCHEMA`. */
  readonly call: <K extends MethodNames<P>>(name: K, request: RequestOf<P[K]>, options?: CallOptions) => Promise<ResponseOf<P[K]>>;
  /** Events until the daemon ends the stream, or the loop over it is left. */
  readonly subscribe: <K extends StreamNames<P>>(name: K, request: RequestOf<P[K]>) => Subscription<EventOf<P[K]>>;
  readonly close: () => void;
  /** `close`, so that `using client = await connect(…)` cannot forget it. */
  readonly [Symbol.dispose]: () => void;
}

/** How to connect. */
export interface ConnectOptions extends CallOptions {
  /** What the hint tells the reader to do when the daemon is down; `start it: <daemon> daemon` unless told. */
  readonly startHint?: string;
}

function opened(path: string, startHint: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.once("error", (error) => reject(connectError(path, error, startHint)));
    socket.once("connect", () => resolve(socket.removeAllListeners("error")));
  });
}

interface Pending {
  readonly resolve: (message: ServerMessage) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Id under which the greeting is awaited; calls count from 1. */
const helloId = 0;

/**
 * Connects and greets.
 *
 * @throws {MitsuError} `ERR_DAEMON_DOWN` when nobody listens; `ERR_IPC_DENIED`; `ERR_IPC_BUSY`; `ERR_IPC_VERSION`; `ERR_IPC_TIMEOUT`.
 * @example
 * ```ts
 * using client = await connect("/run/mitsu/sockhijack.sock", sockhijack);
 * const { flows } = await client.call("flows", { service: "web" });
 * for await (const flow of client.subscribe("watch", {})) console.log(flow);
 * ```
 */
export async function connect<P extends { readonly [K in keyof P]: Protocol[string] }>(
  path: string,
  protocol: P,
  { timeoutMs = 5000, startHint = `start it: ${path.replace(/^.*\/|\.sock$/g, "")} daemon --socket ${path}` }: ConnectOptions = {},
): Promise<Client<P>> {
  const socket = await opened(path, startHint);
  const reader = frameReader();
  const pending = new Map<number, Pending>();
  const streams = new Map<number, ClientStream>();
  let nextId = 1;
  let lost: Error | undefined;

  const send = (message: ClientMessage) => {
    if (socket.writable) socket.write(encodeFrame(message));
  };
  const lose = (error: Error): void => {
    lost ??= error;
    for (const { reject, timer } of pending.values()) {
      clearTimeout(timer);
      reject(lost);
    }
    for (const one of streams.values()) one.fail(lost);
    pending.clear();
    streams.clear();
    socket.destroy();
  };
  const wait = (id: number, what: string, limitMs: number): Promise<ServerMessage> => {
    if (lost) return Promise.reject(lost);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(timeoutError(what, limitMs));
      }, limitMs);
      pending.set(id, { resolve, reject, timer });
    });
  };
  const settle = (id: number, message: ServerMessage) => {
    const waiting = pending.get(id);
    if (!waiting) return; // an answer after its timeout: nobody waits for it any more
    pending.delete(id);
    clearTimeout(waiting.timer);
    if (message.t === "error") waiting.reject(fromWire(message.error));
    else waiting.resolve(message);
  };
  const take = (message: ServerMessage): void => {
    const id = message.t === "hello" ? helloId : message.id;
    const open = id === undefined ? undefined : streams.get(id);
    if (message.t === "error" && id === undefined) lose(fromWire(message.error));
    else if (message.t === "event") open?.event(message.event, message.dropped ?? 0);
    else if (open && message.t === "end") open.end(message.dropped ?? 0);
    else if (open && message.t === "error") open.fail(fromWire(message.error));
    else if (id !== undefined) settle(id, message);
  };
  socket.on("data", (chunk) => {
    try {
      for (const value of reader.push(chunk)) take(validate(serverMessage, value, "bad message from the daemon"));
    } catch (error) {
      lose(error as Error);
    }
  });
  socket.on("error", () => {}); // `close` follows
  socket.on("close", () => lose(closedError()));

  const greeting = wait(helloId, `connecting to ${path}`, timeoutMs);
  send({ t: "hello", protocol: protocolVersion });
  const hello = (await greeting.catch((error: unknown) => {
    lose(error as Error);
    throw error;
  })) as Extract<ServerMessage, { t: "hello" }>;
  if (hello.protocol !== protocolVersion) {
    socket.destroy();
    throw versionError(`${hello.daemon} ${hello.version}`, hello.protocol);
  }

  return {
    daemon: { name: hello.daemon, version: hello.version, pid: hello.pid },
    async call(name, request, options = {}) {
      const entry = protocol[name] as Method<unknown, never>;
      const params = validate(entry.request, request, `${name}: bad request`);
      const id = nextId++;
      const answer = wait(id, name, options.timeoutMs ?? timeoutMs);
      send({ t: "call", id, method: name, params });
      const { result } = (await answer) as { result?: unknown };
      return validate(entry.response, result, `${name}: bad response`);
    },
    subscribe(name, request) {
      const entry = protocol[name] as Stream<unknown, never>;
      const params = validate(entry.request, request, `${name}: bad request`);
      const id = nextId++;
      const own = clientStream(name, entry, {
        credit: (events) => send({ t: "credit", id, events }),
        cancel: () => streams.delete(id) && send({ t: "cancel", id }),
        ended: () => void streams.delete(id),
      });
      if (lost) own.fail(lost);
      else streams.set(id, own);
      send({ t: "subscribe", id, method: name, params });
      return own.subscription;
    },
    close: () => lose(closedError()),
    [Symbol.dispose]: () => lose(closedError()),
  };
}
