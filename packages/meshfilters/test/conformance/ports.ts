/** Ports of 127.0.0.1 that were free a moment ago. @module */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { KitPorts } from "../../src/conformance/kit-configuration.ts";

/** One for each of a kit's; nobody listens on any. */
export async function freePorts(): Promise<KitPorts> {
  const servers = Array.from({ length: 4 }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const [host, upstream, grpc, closed] = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return { host: host!, upstream: upstream!, grpc: grpc!, closed: closed! };
}
