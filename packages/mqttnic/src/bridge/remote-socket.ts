/** Sockets to other brokers. @module */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { MitsuError } from "@mitsu/cli/error";
import type { BridgeConfig } from "../config/broker-config.ts";

const patienceMs = 10_000;

/**
 * Connects, by TLS where `tls` is given.
 *
 * @throws {MitsuError} `ERR_BRIDGE_CONNECT` with the address and the system's reason.
 */
export async function openRemote(
  address: { readonly host: string; readonly port: number },
  tls: BridgeConfig["tls"],
  readFile: (path: string) => Uint8Array,
): Promise<Duplex> {
  const { host, port } = address;
  const read = (path: string | undefined) => (path === undefined ? undefined : Buffer.from(readFile(path)));
  const settled = Promise.withResolvers<void>();
  const socket =
    tls === undefined
      ? connect({ host, port, noDelay: true }, settled.resolve)
      : connectTls(
          {
            host,
            port,
            ca: read(tls.authorities),
            cert: read(tls.certificate),
            key: read(tls.key),
            rejectUnauthorized: !tls.insecure,
            ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
          },
          settled.resolve,
        );
  const late = setTimeout(() => settled.reject(new Error(`no answer within ${patienceMs / 1000} s`)), patienceMs);
  const onError = (error: Error): void => settled.reject(error);
  socket.once("error", onError);
  try {
    await settled.promise;
    socket.setNoDelay(true);
    return socket;
  } catch (error) {
    socket.destroy();
    const why = error instanceof Error ? error.message || ("code" in error ? String(error.code) : error.name) : String(error);
    throw new MitsuError(`cannot reach ${host}:${port}: ${why}`, { code: "ERR_BRIDGE_CONNECT", cause: error });
  } finally {
    clearTimeout(late);
    // The link that gets the socket listens from here on; an error in between must not end the process.
    socket.on("error", () => {});
    socket.off("error", onError);
  }
}
