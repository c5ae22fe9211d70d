/** The least that a relay on Node's own sockets can be: adds a header, keeps connections, knows no bodies of requests. For `relay-comparison.ts`. @module */
import { connect, createServer, type Socket } from "node:net";

const [port, replica] = process.argv.slice(2).map(Number) as [number, number];
const trace = Buffer.from("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n");
const idle: Upstream[] = [];

class Upstream {
  client: Socket | null = null;
  #left = 0;
  readonly socket: Socket;

  constructor() {
    this.socket = connect({
      port: replica,
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: Buffer.alloc(64 * 1024), callback: (bytes, buffer) => this.#read(bytes, buffer as Buffer) },
    });
    this.socket.on("error", () => this.client?.destroy());
  }

  #read(bytes: number, buffer: Buffer): boolean {
    if (this.#left === 0) {
      const end = buffer.indexOf("\r\n\r\n");
      this.#left = end + 4 + Number.parseInt(buffer.toString("latin1", buffer.indexOf("Content-Length: ") + 16, end), 10);
    }
    this.#left -= bytes;
    const { client } = this;
    if (this.#left === 0) {
      this.client = null;
      idle.push(this);
    }
    client?.write(Buffer.from(buffer.subarray(0, bytes)));
    return true;
  }
}

createServer({ noDelay: true }, (client) => {
  client.on("error", () => client.destroy());
  client.on("data", (head: Buffer) => {
    const upstream = idle.pop() ?? new Upstream();
    upstream.client = client;
    upstream.socket.write(Buffer.concat([head.subarray(0, -2), trace]));
  });
}).listen(port, "127.0.0.1");
