/**
 * What passing one message on costs nicd's relay: processor time of this process, reading and writing with it, and of joining two streams.
 *
 *     node packages/nicd/test/reactor/relay-costs.ts
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { systemEnv } from "@mitsu/cli";
import { encodeSocketAddress, Listener, Reactor, TcpSocket } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { RelayWork } from "../../src/devices/relay-work.ts";

const [bytes, rounds, repeats] = [64, 20_000, 5];
const relays = new RelayWork();
const reactor = await Reactor.open();

/** Another process' server that sends back what comes, and a client that waits for it before it sends again. */
const peer = (code: string, ...args: readonly string[]) =>
  spawn(process.execPath, ["-e", code, ...args], { stdio: ["ignore", "pipe", "inherit"] });
const echo = peer(`
  const server = require("node:net").createServer({ noDelay: true }, (socket) => socket.on("data", (data) => socket.write(data)));
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`);
const port = Number(String((await once(echo.stdout, "data"))[0]));

const listener = new Listener(reactor, { address: "127.0.0.1", port: 0 }, false, (fd) => {
  const owner = { passed() {}, closed: () => [client, replica].forEach((stream) => void stream.destroy()) };
  const none: ByteStreamEvents = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
  const events = { client: none, replica: none };
  const by = (side: "client" | "replica") => ({
    onData: (buffer: Buffer, start: number, end: number) => events[side].onData(buffer, start, end),
    onEnd: () => events[side].onEnd(),
    onDrain: () => events[side].onDrain(),
    onClose: (error: Error | null) => events[side].onClose(error),
  });
  const client: ByteStream = new TcpSocket(reactor, fd, by("client"));
  const replica: ByteStream = TcpSocket.connect(reactor, encodeSocketAddress({ address: "127.0.0.1", port }), by("replica"));
  const [one, other] = [relays.device.lend(client, owner), relays.device.lend(replica, owner)];
  relays.operations.join(one.number, other.number);
  Object.assign(events, { client: one, replica: other });
});
reactor.run();

const best = { message: Number.POSITIVE_INFINITY, join: Number.POSITIVE_INFINITY };
for (let repeat = 0; repeat < repeats; repeat++) {
  const began = process.cpuUsage();
  const client = peer(
    `
    const [port, bytes, rounds] = process.argv.slice(1).map(Number);
    const socket = require("node:net").connect({ port, noDelay: true });
    let left = rounds;
    socket.on("data", () => (--left > 0 ? socket.write(Buffer.alloc(bytes)) : socket.destroy())).write(Buffer.alloc(bytes));
  `,
    ...[listener.at.port, bytes, rounds].map(String),
  );
  await once(client, "exit");
  const { user, system } = process.cpuUsage(began);
  best.message = Math.min(best.message, ((user + system) * 1000) / (2 * rounds));
}
const silent: ByteStream = { write: () => true, pause() {}, resume() {}, end() {}, destroy() {} };
for (let repeat = 0; repeat < repeats; repeat++) {
  const began = process.hrtime.bigint();
  for (let round = 0; round < rounds; round++) {
    const ends = [0, 1].map(() => relays.device.lend(silent, { passed() {}, closed() {} }));
    relays.operations.join(ends[0]!.number, ends[1]!.number);
    relays.operations.part(ends[0]!.number);
    for (const end of ends) relays.device.giveBack(end);
  }
  best.join = Math.min(best.join, Number(process.hrtime.bigint() - began) / rounds);
}
systemEnv.stdout.write(`one message of ${bytes} bytes passed on, best of ${repeats}: ${Math.round(best.message)} ns\n`);
systemEnv.stdout.write(`lend, join, part and give back two streams, best of ${repeats}: ${Math.round(best.join)} ns\n`);
echo.kill();
listener.close();
await reactor.stop();
