/**
 * A stand-in for nicd: `node nic-relay.ts SOCKET PORT [ADDRESS…]` listens, registers, and hands each connection on to a replica of the service that was
 * asked for, byte for byte. Prints `registered`, then one line of JSON for each connection: who opened it, by which addresses.
 * With KEEP=1 in its environment it accepts, but does not ask who called, and hands on nothing.
 */
import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { HostChannel } from "../../../../nicd/src/host-channel/mod.ts";

const [socket = "", port = "", ...given] = process.argv.slice(2);
const addresses = given.length > 0 ? given : ["::"];
let channel: HostChannel | undefined;

function relay(client: Socket): void {
  const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = client;
  client.on("error", () => {});
  if (process.env.KEEP === "1") return void client.destroy();
  const caller = channel!.callerOf(localAddress, localPort, remoteAddress, remotePort);
  const again = channel!.callerOf(localAddress, localPort, remoteAddress, remotePort);
  const to = caller && channel!.replicas.find(({ service, up }) => service === caller.asked.service && up);
  console.log(JSON.stringify({ caller, again, to: to && `${to.address}:${to.target}`, from: remoteAddress }));
  if (!to) return void client.end("nowhere\n");
  const server = connectSocket({ host: to.address, port: to.target, noDelay: true, allowHalfOpen: true });
  server.on("error", () => client.destroy());
  client.on("close", () => server.destroy());
  server.on("close", () => client.destroy());
  client.setNoDelay(true);
  client.pipe(server).pipe(client);
}

const server = createServer({ allowHalfOpen: true }, relay);
server.listen({ port: Number(port), host: addresses[0] });
await once(server, "listening");
channel = await HostChannel.open({
  socket,
  port: Number(port),
  addresses,
  onChange: () => {
    if (channel) console.log(JSON.stringify({ degraded: channel.degraded }));
  },
});
console.log(channel.degraded ?? "registered");
