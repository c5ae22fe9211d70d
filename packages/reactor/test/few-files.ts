/** Run with few file descriptors: says its port, and when it has accepted 100 connections, which is more than it has at a time. @module */
import { Listener } from "../src/listener.ts";
import { Reactor } from "../src/reactor.ts";
import { encodeSocketAddress } from "../src/socket-address.ts";
import { TcpSocket } from "../src/tcp-socket.ts";

const nobody = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const reactor = await Reactor.open();
const open: TcpSocket[] = [];
let accepted = 0;
let failed = 0;
const listener = new Listener(reactor, { address: "127.0.0.1", port: 0 }, false, (fd) => {
  open.push(new TcpSocket(reactor, fd, nobody));
  if (++accepted === 100) finish();
});
reactor.run();
console.log(listener.at.port);

const waiting = setInterval(() => {
  if (listener.full === 0) return;
  // There is none for a replica either, which is told and not thrown.
  if (failed === 0) TcpSocket.connect(reactor, encodeSocketAddress(listener.at), { ...nobody, onClose: countFailure });
  for (const socket of open.splice(0)) socket.destroy();
}, 20);

function countFailure(error: Error | null): void {
  if (error) failed++;
}

function finish(): void {
  clearInterval(waiting);
  console.log(listener.full > 0 && failed > 0 ? "accepted all" : `never full: ${listener.full}, ${failed}`);
  for (const socket of open) socket.destroy();
  listener.close();
  void reactor.stop();
}
