/** TLS to other brokers: whom we believe, and who we are there. @module */
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";
import { MitsuError } from "@mitsu/cli/error";
import type { BridgeConfig } from "../config/broker-config.ts";
import { spiffePath } from "../security/certificate-name.ts";
import { urisOf } from "../transport/peer-certificate.ts";
import { checkCertificates, checkPair, unreadable } from "../transport/tls-files.ts";

type Tls = NonNullable<BridgeConfig["tls"]>;

/**
 * Options for `tls.connect`, with the files as they are now.
 *
 * Without `insecure` the broker must have a certificate of one of `authorities`, or of one that Node knows where none is given, for the host that was
 * connected to; or, as `peerNode`, with that node's SPIFFE id, which then counts alone. With `insecure` the name does not count, as with mosquitto's
 * `bridge_insecure`; where `authorities` are not given either, any certificate will do.
 *
 * @param peerNode - The node of the mesh that is to be there.
 * @throws {MitsuError} `ERR_CERT_BAD` with the file that is wrong.
 */
export function remoteTls(tls: Tls, readFile: (path: string) => Uint8Array, peerNode: string | undefined): ConnectionOptions {
  const read = (path: string | undefined): Buffer | undefined => {
    if (path === undefined) return undefined;
    try {
      return Buffer.from(readFile(path));
    } catch (cause) {
      throw unreadable(path, cause);
    }
  };
  const ca = read(tls.authorities);
  if (ca !== undefined) checkCertificates(tls.authorities!, ca);
  const [cert, key] = [read(tls.certificate), read(tls.key)];
  if (cert !== undefined && key !== undefined) checkPair({ certificate: tls.certificate!, key: tls.key! }, cert, key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: !tls.insecure || ca !== undefined,
    checkServerIdentity: (host, certificate) => (tls.insecure ? undefined : wrongBroker(host, certificate, peerNode)),
  };
}

/** Why the certificate, which has been verified, is not that of the broker meant. */
function wrongBroker(host: string, certificate: PeerCertificate, peerNode: string | undefined): Error | undefined {
  const uris = urisOf(certificate.subjectaltname);
  if (peerNode === undefined || !uris.some((uri) => uri.startsWith("spiffe:"))) return checkServerIdentity(host, certificate);
  const path = spiffePath({ commonName: "", uris, subject: "", notAfterMs: 0 });
  if (path?.length === 2 && path[0] === "node" && path[1] === peerNode) return undefined;
  return new MitsuError(`its certificate is that of ${uris.join(", ")}, and not of the node ${peerNode}`, { code: "ERR_BRIDGE_CONNECT" });
}

/** What alerts of TLS mean here, by the numbers of RFC 8446 §6.2. */
const alerts: Readonly<Record<number, string>> = {
  40: "it accepts none of our TLS versions and ciphers, or wants a client certificate",
  42: "it cannot read our certificate",
  43: "it does not take certificates such as ours",
  44: "our certificate is revoked",
  45: "our certificate is over",
  46: "it does not accept our certificate",
  48: "our certificate is of an authority that it does not know",
  70: "it does not speak our versions of TLS",
  116: "it wants a client certificate",
};

/**
 * Says in plain words what TLS failed by, where OpenSSL says it in its own; any other error stays as it is. With TLS 1.3 what the other end thinks of our
 * certificate comes only after the handshake, and a reset may come before it.
 *
 * @param secured - How far a connection with TLS is; undefined for one without.
 */
export function plainTlsError(error: Error, secured: "shaking-hands" | "silent" | undefined): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const alert = / alert number (\d+)|SSL alert number (\d+)/.exec(message);
  const said = alert && alerts[Number(alert[1] ?? alert[2])];
  const reset = code === "ECONNRESET" || code === "EPIPE";
  const plain = said ?? verifyErrors[code ?? ""] ?? (reset && secured ? resets[secured] : undefined);
  return plain === undefined ? error : new MitsuError(`TLS: ${plain}`, { code: "ERR_BRIDGE_CONNECT", cause: error });
}

/** What a reset may mean before anything was heard by MQTT. */
const resets = {
  "shaking-hands": "the connection was reset during the handshake: perhaps what listens there speaks no TLS",
  silent: "the connection was reset after the handshake: perhaps it wants a client certificate, or another one",
} as const;

/** Codes of Node's for a certificate of the other end that does not verify, and for what is no TLS. */
const verifyErrors: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is of an authority that is not among ours",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is of an authority that is not among ours",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is of an authority that is not among ours",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is of an authority that is not among ours",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is of an authority that is not among ours",
  CERT_SIGNATURE_FAILURE: "its certificate is of an authority that only has the name of one of ours",
  CERT_HAS_EXPIRED: "its certificate is over",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: look at the clocks",
  ERR_SSL_WRONG_VERSION_NUMBER: "what listens there speaks no TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "what listens there speaks no TLS",
};
