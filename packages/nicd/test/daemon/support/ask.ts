/** Requests of tests: whole, or byte by byte. */
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How to ask. */
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
}

/** Sends one request and reads its answer to the end. @throws when the connection breaks before. */
export function ask(port: number, path = "/", { method = "GET", headers = {}, body, agent }: AskOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ host: "127.0.0.1", port, path, method, headers: { host: "test.example", ...headers }, agent: agent ?? false });
  sent.on("response", (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("error", reject);
    response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts).toString() }));
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

/** Asks so many times over some kept connections. */
export async function askMany(port: number, times: number, path = "/", options: AskOptions = {}): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  try {
    return await Promise.all(Array.from({ length: times }, () => ask(port, path, { ...options, agent })));
  } finally {
    agent.destroy();
  }
}

/** A connection whose bytes are kept. */
export class Wire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  text = "";
  /** It was reset. */
  broken = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (part) => {
      this.text += part.toString("latin1");
    });
    this.socket.on("error", () => {
      this.broken = true;
    });
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  end(): void {
    this.socket.end();
  }
}
