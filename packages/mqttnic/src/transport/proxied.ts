/** Takes the PROXY header off a connection. @module */
import type { Socket } from "node:net";
import { isLoopback, type Origin, plainAddress } from "./origin.ts";
import { type ProxiedClient, readProxyHeader } from "./proxy-header.ts";

/**
 * Reads the header, gives what follows it back to the socket, and tells where the client really is.
 *
 * @param origin - The proxy.
 * @param onHeader - Called once; the socket is paused then.
 * @param onBad - Called once with the reason.
 */
export function takeProxyHeader(socket: Socket, origin: Origin, onHeader: (client: Origin) => void, onBad: (why: string) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const finish = () => {
    socket.off("data", onData);
    socket.off("end", onEnd);
  };
  const onEnd = () => {
    finish();
    onBad("it ended within the PROXY header");
  };
  const onData = (chunk: Buffer) => {
    // A header is 65551 bytes at most, and mostly comes at once.
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.state === "more") return;
    finish();
    socket.pause();
    if (header.state === "bad") return onBad(header.why);
    if (header.bytes < bytes.length) socket.unshift(bytes.subarray(header.bytes));
    onHeader(originOfClient(origin, header.client));
  };
  socket.on("data", onData);
  socket.on("end", onEnd);
}

/** A client is local only when the proxy is, and says so: what a proxy elsewhere calls 127.0.0.1 is not here. */
function originOfClient(proxy: Origin, client: ProxiedClient): Origin {
  switch (client.kind) {
    case "proxy":
      return proxy;
    case "unknown":
      return { ...proxy, local: false };
    case "unix":
      return { address: "", port: 0, local: proxy.local };
    case "inet": {
      const address = plainAddress(client.address);
      return { address, port: client.port, local: proxy.local && isLoopback(address) };
    }
  }
}
