/** Binds a server where a listener says, and says clearly why it cannot. @module */
import type { Server } from "node:net";
import type { ListenerConfig } from "../config/broker-config.ts";
import { listenError } from "./listen-error.ts";
import { bindClosed, clearWay, openToGroup, type SocketFileOptions } from "./socket-file.ts";

/** Where a server listens. */
export interface BoundAddress {
  /** The path for a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly unix: boolean;
}

/** Connections that the kernel keeps until they are accepted, bounded by `net.core.somaxconn`. */
const backlog = 4096;

/**
 * Binds and listens. A Unix socket whose daemon is gone is replaced; anything else in its way is left alone.
 *
 * @throws {MitsuError} `ERR_LISTEN`.
 */
export async function bind(server: Server, config: ListenerConfig, options: SocketFileOptions = {}): Promise<BoundAddress> {
  const { path, fd } = config;
  if (fd !== undefined) await listening(server, config, () => server.listen({ fd }));
  else if (path !== undefined) {
    await clearWay(config, path);
    // bind(2) happens within listen().
    await listening(server, config, () => bindClosed(() => server.listen({ path, backlog })));
    openToGroup(path, options);
  } else await listening(server, config, () => server.listen({ host: config.address, port: config.port, backlog }));
  const bound = server.address();
  if (bound === null || typeof bound === "string") return { address: bound ?? "", port: 0, unix: true };
  return { address: bound.address, port: bound.port, unix: false };
}

function listening(server: Server, config: ListenerConfig, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(listenError(config, cause));
    server.once("error", failed);
    server.once("listening", () => {
      server.off("error", failed);
      resolve();
    });
    try {
      listen();
    } catch (cause) {
      failed(cause as NodeJS.ErrnoException);
    }
  });
}
