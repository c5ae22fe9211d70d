/** nicd's data plane with the same task as `net-relay.ts`, on its own sockets or on Node's (`net`). For `relay-comparison.ts`. @module */
import { connect, createServer, type Socket } from "node:net";
import { encodeSocketAddress, Listener, Reactor, TcpSocket } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";
import { verdict } from "../../src/live-exchange.ts";
import { DataPlane } from "../../src/proxy/data-plane.ts";
import { Incoming } from "../../src/proxy/incoming.ts";
import { catalogOf, webAt } from "../proxy/test-plane.ts";

const [port, replica] = process.argv.slice(2, 4).map(Number) as [number, number];
const onNet = process.argv[4] === "net";

class NetStream implements ByteStream {
  readonly #socket: Socket;

  constructor(socket: Socket, events: ByteStreamEvents) {
    this.#socket = socket;
    let why: Error | null = null;
    socket.on("data", (data: Buffer) => events.onData(data, 0, data.length));
    socket.on("end", () => events.onEnd());
    socket.on("drain", () => events.onDrain());
    socket.on("error", (error) => {
      why = error;
    });
    socket.on("close", () => events.onClose(why));
  }

  write(buffer: Uint8Array, start: number, end: number): boolean {
    return this.#socket.write(Buffer.from(buffer.subarray(start, end)));
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.end();
  }
  destroy(): void {
    this.#socket.destroy();
  }
}

const reactor = await Reactor.open();
const random = Xoshiro128.seeded();
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const plane = new DataPlane({
  reactor,
  dial: (endpoint, _, events) =>
    onNet
      ? new NetStream(connect({ port: endpoint.port, host: endpoint.address, noDelay: true }), events)
      : TcpSocket.connect(reactor, encodeSocketAddress(endpoint), events),
  here: () => true,
  loads: null,
  reports: null,
  startMs: 0,
  random: () => random.fraction(),
  onExchange: () => {},
  onPassageBegun: () => {},
  onPassage: () => {},
  admitsTcp: null,
  chainParts: () => () => ({
    trace: {
      name: "trace",
      onRequestHead(x) {
        x.request.set("traceparent", traceparent);
        return verdict.continue;
      },
    },
    authorise: null,
    timers: reactor.timers,
    random: () => random.fraction(),
    workers: 1,
    filters: [],
  }),
});
plane.configure(catalogOf(webAt(replica)));
function accept(address: string, from: number, attach: (events: ByteStreamEvents) => ByteStream): void {
  const caller = { service: "", address, port: from, by: "nobody" } as const;
  new Incoming(plane, { caller, service: "web", port: 80, chosen: null }, attach);
}
if (onNet) {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
    accept(socket.remoteAddress ?? "", socket.remotePort ?? 0, (events) => new NetStream(socket, events)),
  );
  server.listen(port, "127.0.0.1");
} else
  new Listener(reactor, { address: "127.0.0.1", port }, false, (fd, client) =>
    accept(client.address, client.port, (events) => new TcpSocket(reactor, fd, events)),
  );
reactor.run();
