/** Replicas for tests: HTTP servers that say who they are and what they were asked. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";

/** What a replica was asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A replica that listens on loopback until the test ends. */
export class Origin {
  readonly name: string;
  readonly asked: Asked[] = [];
  port = 0;
  readonly #server: Server;

  private constructor(name: string, answer: RequestListener) {
    this.name = name;
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        this.asked.push({ method, url, headers, body: Buffer.concat(parts).toString() });
        answer(request, response);
      });
      request.on("error", () => {});
    });
    // nicd's connections are to outlive every test's pauses.
    this.#server.keepAliveTimeout = 60_000;
  }

  /**
   * @param answer Says `name` unless told; called when the request is whole.
   * @param port Any that is free unless told.
   */
  static async start(
    t: ExecutionContext,
    name: string,
    answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end(name),
    port = 0,
  ): Promise<Origin> {
    const origin = new Origin(name, answer);
    await new Promise<void>((resolve, reject) => origin.#server.once("error", reject).listen(port, "127.0.0.1", resolve));
    origin.port = (origin.#server.address() as AddressInfo).port;
    t.teardown(() => origin.stop());
    return origin;
  }

  /** `127.0.0.1:<port>`, for `--route`. */
  get at(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Closes its listener and connections. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A replica entry of a mesh file. */
export function replicas(...origins: readonly { readonly port: number }[]): string {
  return `[${origins.map(({ port }) => `{ address: 127.0.0.1, port: ${port} }`).join(", ")}]`;
}
