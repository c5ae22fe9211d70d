/** Sockets to other brokers. @module */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { MitsuError } from "@mitsu/cli/error";
import type { BridgeConfig } from "../config/broker-config.ts";
import { plainTlsError, remoteTls } from "./remote-tls.ts";

const patienceMs = 10_000;

/**
 * Connects, by TLS where `tls` is given.
 *
 * @param peerNode - The node of the mesh that is to be there; see {@link remoteTls}.
 * @throws {MitsuError} `ERR_BRIDGE_CONNECT` with the address and the reason; `ERR_CERT_BAD` with the file.
 */
export async function openRemote(
  address: { readonly host: string; readonly port: number },
  tls: BridgeConfig["tls"],
  readFile: (path: string) => Uint8Array,
  peerNode?: string,
): Promise<Duplex> {
  const { host, port } = address;
  const settled = Promise.withResolvers<void>();
  const socket =
    tls === undefined
      ? connect({ host, port, noDelay: true }, settled.resolve)
      : connectTls(
          {
            host,
            port,
            ...remoteTls(tls, readFile, peerNode),
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
    const { message, code, name } = plainTlsError(error as Error, tls && "shaking-hands") as NodeJS.ErrnoException;
    const why = message || code || name;
    throw new MitsuError(`cannot reach ${host}:${port}: ${why}`, { code: "ERR_BRIDGE_CONNECT", cause: error });
  } finally {
    clearTimeout(late);
    // The link that gets the socket listens from here on; an error in between must not end the process.
    socket.on("error", () => {});
    socket.off("error", onError);
  }
}
