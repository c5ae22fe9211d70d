/** Node's own parser (llhttp), asked what it makes of a message: an oracle for ours. @module */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createRawServer } from "node:net";

/** What a parser took a message for; null when it refused it. */
export interface Parsed {
  readonly first: string;
  /** Names in lower case, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

function fieldsOf({ rawHeaders }: IncomingMessage): Parsed["fields"] {
  const fields: (readonly [string, string])[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) fields.push([rawHeaders[at]!.toLowerCase(), rawHeaders[at + 1]!]);
  return fields;
}

/** Parses requests as node:http's server does. */
export class RequestOracle {
  readonly #server: Server;
  readonly #seen: Parsed[] = [];

  private constructor(server: Server) {
    this.#server = server;
    for (const event of ["request", "checkContinue", "checkExpectation"])
      server.on(event, (message: IncomingMessage, answer: ServerResponse) => {
        this.#seen.push({ first: `${message.method} ${message.url} ${message.httpVersion}`, fields: fieldsOf(message) });
        message.resume();
        answer.end();
      });
    // What asks for more than an answer is still one whole head.
    server.on("connect", (message, socket) => {
      this.#seen.push({ first: `${message.method} ${message.url} ${message.httpVersion}`, fields: fieldsOf(message) });
      socket.end("HTTP/1.1 200 OK\r\n\r\n");
    });
    server.on("clientError", (_, socket) => socket.destroy());
  }

  static async open(): Promise<RequestOracle> {
    const server = createServer({ requireHostHeader: true, maxHeaderSize: 64 * 1024, keepAliveTimeout: 0 });
    server.maxHeadersCount = 0;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RequestOracle(server);
  }

  /** The requests that the bytes hold, as long as they are in order. */
  async parse(bytes: Buffer): Promise<readonly Parsed[]> {
    this.#seen.length = 0;
    const socket = connect((this.#server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    socket.end(bytes);
    await once(socket, "close");
    return [...this.#seen];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** What node:http's client makes of an answer's bytes. */
export async function parseAnswer(bytes: Buffer): Promise<Parsed | null> {
  const server = createRawServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(bytes));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await new Promise<Parsed | null>((resolve) => {
      const asking = request({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
      asking.on("error", () => resolve(null));
      asking.on("response", (message) => {
        message.on("error", () => {});
        message.resume();
        resolve({ first: `${message.httpVersion} ${message.statusCode}`, fields: fieldsOf(message) });
      });
      asking.end();
    });
  } finally {
    server.close();
  }
}
