/** Connections as the data plane tells of them, for tests. @module */
import type { ListenerConfig } from "../../src/config/broker-config.ts";
import { defaultListener } from "../../src/config/defaults.ts";
import type { Peer, PeerCertificate } from "../../src/data-plane/data-plane.ts";
import type { ConnectAttempt } from "../../src/security/security.ts";

/** A remote connection without a certificate, unless told. */
export function peerOf(change: Partial<Peer> = {}, listener: Partial<ListenerConfig> = {}): Peer {
  return {
    listener: { ...defaultListener, anonymous: "no", ...listener },
    address: "192.0.2.1",
    port: 5000,
    local: false,
    transport: "tcp",
    certificate: undefined,
    identity: undefined,
    ...change,
  };
}

/** A certificate. */
export function certificateOf(change: Partial<PeerCertificate> = {}): PeerCertificate {
  return { commonName: "", uris: [], subject: "", notAfterMs: 1_900_000_000_000, ...change };
}

/** A CONNECT of client `c`. */
export function attemptOf(change: Omit<Partial<ConnectAttempt>, "password"> & { readonly password?: string } = {}): ConnectAttempt {
  const { password, ...rest } = change;
  return {
    peer: peerOf(),
    clientId: "c",
    username: undefined,
    ...rest,
    password: password === undefined ? undefined : Buffer.from(password),
  };
}
