/** Serves a daemon's methods on a Unix socket. @module */
import { chmodSync, chownSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { Log, PeerCredentials } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { maxFrameBytes } from "./frame.ts";
import { groupId } from "./peer-rule.ts";
import type { Method, Protocol, Stream } from "./protocol.ts";
import { type ConnectionOptions, serveConnection } from "./server-connection.ts";

/** What a handler is given besides the request. */
export interface CallContext {
  /** Who asks. */
  readonly peer: PeerCredentials;
  /** Aborts when the client cancels or goes away. */
  readonly signal: AbortSignal;
}

/** One function per method; a stream's returns its events. */
export type Handlers<P> = {
  readonly [K in keyof P]: P[K] extends Method<infer Request, infer Response>
    ? (request: Request, context: CallContext) => Promise<Response> | Response
    : P[K] extends Stream<infer Request, infer Event>
      ? (request: Request, context: CallContext) => AsyncIterable<Event>
      : never;
};

/** Where and what to serve. */
export interface ServeOptions<P> {
  /** A path of our own, or a listening socket that systemd passed. */
  readonly listen: { readonly path: string } | { readonly fd: number };
  /** Name and version of the daemon, for the greeting. */
  readonly daemon: string;
  readonly version: string;
  readonly protocol: P;
  readonly handlers: Handlers<P>;
  readonly log: Log;
  /** Mode of the socket file; 0o660 unless told. */
  readonly mode?: number;
  /** Group of the socket file, whose members may connect; `mitsu` unless told. */
  readonly group?: string;
  /** Clients at a time; 64 unless told. */
  readonly maxConnections?: number;
  readonly maxFrameBytes?: number;
}

/** Counts since the start, for metrics. */
export interface ServerCounts {
  readonly connections: number;
  readonly accepted: number;
  /** Connections refused: too many, or no rights. */
  readonly refused: number;
  readonly badFrames: number;
  readonly droppedEvents: number;
}

/** A serving socket. */
export interface Server {
  readonly counts: () => ServerCounts;
  /** Stops listening, ends all connections, removes the socket file. */
  readonly close: () => Promise<void>;
}

function listenError(path: string, cause: NodeJS.ErrnoException): MitsuError {
  const hints: Record<string, string> = {
    EADDRINUSE: "another daemon may serve it; stop that one, remove the file, or pass another --socket",
    EACCES: "run as root, or pass a --socket you may create",
    ENOENT: "create its directory first",
  };
  return new MitsuError(`cannot listen on ${path}: ${cause.message}`, {
    code: "ERR_IPC_LISTEN",
    hint: hints[cause.code ?? ""] ?? "pass another --socket",
    exit: cause.code === "EACCES" ? exitStatus.rights : exitStatus.system,
    cause,
  });
}

/**
 * Starts serving.
 *
 * @throws {MitsuError} `ERR_IPC_LISTEN`.
 * @example
 * ```ts
 * const server = await serve({
 *   listen: { path: "/run/mitsu/sockhijack.sock" }, daemon: "sockhijack", version: "0.1.0", log,
 *   protocol: sockhijack,
 *   handlers: { status: () => status(), flows: ({ service }) => ({ flows: flowsOf(service) }), watch: ({ service }, { signal }) => changes(service, signal) },
 * });
 * ```
 */
export async function serve<P extends { readonly [K in keyof P]: Protocol[string] }>(options: ServeOptions<P>): Promise<Server> {
  const { listen, log, group = "mitsu", mode = 0o660 } = options;
  const gid = groupId(group);
  const open = new Set<Socket>();
  const counts = { accepted: 0, refused: 0, badFrames: 0, droppedEvents: 0 };
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    serveConnection(socket, {
      daemon: options.daemon,
      version: options.version,
      protocol: options.protocol as unknown as Protocol,
      handlers: options.handlers as ConnectionOptions["handlers"],
      log,
      rule: { uid: process.getuid?.() ?? 0, gid, group },
      full: open.size > (options.maxConnections ?? 64),
      maxFrameBytes: options.maxFrameBytes ?? maxFrameBytes,
      count: (what) => {
        counts[what]++;
      },
    });
  });
  const path = "path" in listen ? listen.path : `fd ${listen.fd}`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(path, cause)));
    // bind(2) happens within listen(): the umask closes the moment between bind and chmod.
    const before = process.umask(0o177);
    try {
      server.listen(listen, resolve);
    } finally {
      process.umask(before);
    }
  });
  server.on("error", (error) => log.error("control socket failed", { error }));
  if ("path" in listen) {
    if (gid === undefined) log.debug("no such group: only root and this user may connect", { group });
    else if (process.getuid?.() === 0) chownSync(listen.path, 0, gid);
    chmodSync(listen.path, mode);
  }
  return {
    counts: () => ({ ...counts, connections: open.size }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroySoon();
      }),
  };
}
