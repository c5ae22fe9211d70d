/** The server behind the host: it says what reached it, or answers as the request's `x-answer` tells. @module */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { MitsuError } from "@mitsu/cli";
import type { KitPorts } from "./kit-configuration.ts";

/** What a request was when it arrived. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  /** Name and value by turns, as sent. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** Between two chunks of an answer, so that they arrive as two, ms. */
const chunkGapMs = 60;
/** In every answer, for checks of an answer's head. */
const fields = ["x-one", "1", "x-two", "a", "x-two", "b", "x-empty", "", "content-type", "text/plain"];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [how, value = ""] = String(request.headers["x-answer"] ?? "echo").split("=");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("latin1");
  const whole = (text: string, more: readonly string[] = []): void => {
    response.writeHead(200, [...fields, ...more, "content-length", String(Buffer.byteLength(text, "latin1"))]).end(text, "latin1");
  };
  switch (how) {
    case "body":
      return whole(value === "" ? body : value);
    case "size":
      return whole("x".repeat(Number(value)));
    case "call":
      return whole("answer", ["x-called", "1"]);
    case "status":
      return void response.writeHead(Number(value), [...fields, "content-length", "5"]).end("error");
    case "none":
      return void response.writeHead(204, fields).end();
    case "never":
      return;
    case "reset":
      return void request.socket.resetAndDestroy();
    case "chunks":
      response.writeHead(200, fields).flushHeaders();
      for (const chunk of value.split(",")) {
        response.write(chunk);
        await wait(chunkGapMs);
      }
      return void response.end();
    case "trailers":
      response.writeHead(200, [...fields, "trailer", "x-trailer"]);
      response.write("body");
      response.addTrailers([["x-trailer", "t"]]);
      return void response.end();
    default: {
      const { method = "", url: path = "", rawHeaders: headers, rawTrailers: trailers } = request;
      return whole(JSON.stringify({ method, path, headers, body, trailers } satisfies Arrived));
    }
  }
}

/** gRPC: `Echo` gives every message back, `Fail` ends with status 7, `Never` is silent. Messages are text. */
function grpc(stream: ServerHttp2Stream, path: string): void {
  // A cancelled call resets it.
  stream.on("error", () => {});
  if (path.endsWith("/Never")) return void stream.resume();
  if (path.endsWith("/Fail")) {
    stream.resume();
    return void stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "7", "grpc-message": "denied" },
      { endStream: true },
    );
  }
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.pipe(stream);
}

/** Listens until `close`. */
export interface Upstream {
  readonly close: () => Promise<void>;
}

/**
 * Starts the HTTP/1.1 and the gRPC server.
 *
 * @throws {MitsuError} `ERR_CONFORMANCE_UPSTREAM` when a port is taken.
 */
export async function startUpstream(ports: Pick<KitPorts, "upstream" | "grpc">): Promise<Upstream> {
  // An answer that fails is one whose host went away.
  const http = createServer(
    { keepAliveTimeout: 60_000 },
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  );
  const http2: Http2Server = createHttp2Server();
  const sessions = new Set<{ destroy: () => void }>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session)).on("error", () => {});
  });
  http2.on("stream", (stream, headers) => grpc(stream, String(headers[":path"])));
  const listen = (server: typeof http | Http2Server, port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new MitsuError(`cannot listen on 127.0.0.1:${port} as the kit's upstream: ${(cause as NodeJS.ErrnoException).code}`, {
            code: "ERR_CONFORMANCE_UPSTREAM",
            hint: "end what listens there, or write a kit with other ports",
            cause,
          }),
        ),
      );
      server.listen(port, "127.0.0.1", resolve);
    });
  const close = async (): Promise<void> => {
    http.closeAllConnections();
    for (const session of sessions) session.destroy();
    await Promise.all([http, http2].map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  };
  try {
    await listen(http, ports.upstream);
    await listen(http2, ports.grpc);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
