/** Ends of TCP connections for tests, which send and see bytes as they are. @module */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { ExecutionContext } from "ava";

/** One end, and all that it has received. */
export class RawPeer {
  readonly socket: Socket;
  received = "";
  /** The other end sent its last: "end", or the code of an error. */
  over: string | undefined;
  #changed: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      this.#tell();
    });
    socket.on("end", () => this.#finish("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#finish(error.code ?? error.message));
    socket.on("close", () => this.#finish("close"));
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Waits until what was received matches, and takes that and all before it. */
  async take(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.received);
      if (match) {
        const taken = this.received.slice(0, match.index + match[0].length);
        this.received = this.received.slice(taken.length);
        return taken;
      }
      if (this.over !== undefined) throw new Error(`over (${this.over}) before ${pattern}: ${JSON.stringify(this.received.slice(0, 500))}`);
      await this.#change();
    }
  }

  /** An answer or request with Content-Length, or without body. */
  async message(): Promise<string> {
    const head = await this.take(/\r\n\r\n/);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    while (this.received.length < length) {
      if (this.over !== undefined) throw new Error(`over (${this.over}) in a body`);
      await this.#change();
    }
    const body = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return head + body;
  }

  /** Waits for the end. @returns "end", "close", or the code of an error. */
  async end(): Promise<string> {
    while (this.over === undefined) await this.#change();
    return this.over;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#changed.push(resolve));
  }

  #finish(how: string): void {
    this.over ??= how;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

/** Connects to a port of this machine. */
export function rawClient(t: ExecutionContext, port: number): RawPeer {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  return new RawPeer(socket);
}

/** A server that leaves everything to its connections, in the order they came. */
export class RawServer {
  readonly server: Server;
  readonly peers: RawPeer[] = [];
  #waiting: ((peer: RawPeer) => void)[] = [];
  #next = 0;

  constructor(server: Server) {
    this.server = server;
    server.on("connection", (socket) => {
      const peer = new RawPeer(socket);
      this.peers.push(peer);
      this.#waiting.shift()?.(peer);
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next connection, which may be there already. */
  async next(): Promise<RawPeer> {
    const peer = this.peers[this.#next++];
    return peer ?? new Promise((resolve) => void this.#waiting.push(resolve));
  }
}

/** Listens at a port of the kernel's choice. */
export async function rawServer(t: ExecutionContext): Promise<RawServer> {
  const server = createServer({ allowHalfOpen: true });
  const raw = new RawServer(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const { socket } of raw.peers) socket.destroy();
    server.close();
  });
  return raw;
}
