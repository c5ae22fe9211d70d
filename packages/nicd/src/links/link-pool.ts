/** Links to other nodes' nicds: one for each peer, made when it is first needed. @module */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { Caller } from "../caller.ts";
import type { Identity } from "../certificates/mod.ts";
import type { PeerAddress } from "./client-link.ts";
import { connectHeaders } from "./connect-headers.ts";
import { type LinkClock, machineClock } from "./link-clock.ts";
import { type LinkLimits, linkLimits } from "./link-limits.ts";
import { LinkPeer } from "./link-peer.ts";
import type { LinkStatus } from "./link-status.ts";
import { OutgoingStream } from "./outgoing-stream.ts";

/** Who this node is, to others. */
export type LinkSecurity =
  /** `identity` is asked for at each new link: `() => files.current`. */
  | { readonly security: "mtls"; readonly trustDomain: string; readonly identity: () => Identity }
  /** Only where `mesh.yaml` says so in so many words. */
  | { readonly security: "plain-text" };

/** What a pool is made with. */
export interface LinkPoolOptions {
  readonly limits?: Partial<LinkLimits>;
  readonly clock?: LinkClock;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/**
 * Opens streams to replicas on other nodes.
 *
 * @example
 * ```ts
 * const pool = new LinkPool({ security: "mtls", trustDomain: "mesh.local", identity: () => files.current });
 * files.onChange(() => pool.rotate());
 * const stream = pool.open({ address: "10.0.0.2", port: 15008, node: "node-b" }, "10.0.0.2:8080", caller, events);
 * ```
 */
export class LinkPool {
  readonly #security: LinkSecurity;
  readonly #limits: LinkLimits;
  readonly #clock: LinkClock;
  readonly #random: () => number;
  readonly #peers = new Map<string, LinkPeer>();

  constructor(security: LinkSecurity, { limits = {}, clock = machineClock, random = Math.random }: LinkPoolOptions = {}) {
    this.#security = security;
    this.#limits = { ...linkLimits, ...limits };
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * A stream to a replica. It can be written to at once. When it cannot be had, `onClose` has the reason: `neverSent` tells whether another
   * replica may be tried.
   *
   * @param target - `address:port` of the replica, an IPv6 address in brackets.
   * @param traceparent - W3C Trace Context for the connection; empty for none.
   */
  open(peer: PeerAddress, target: string, caller: Caller, events: ByteStreamEvents, traceparent = ""): ByteStream {
    const stream = new OutgoingStream(
      connectHeaders(target, caller, traceparent),
      `${target} on ${peer.node}`,
      this.#limits.sendBuffer,
      events,
    );
    this.#peer(peer).open(stream);
    return stream;
  }

  /** Puts new links, with the newest identity, in the place of all there are: old ones carry their streams to the end. */
  rotate(): void {
    for (const peer of this.#peers.values()) peer.renew();
  }

  status(): readonly LinkStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status());
  }

  /** Forgets peers that are in use no more, such as nodes that have left. @param inUse - Of a node. */
  forget(inUse: (node: string) => boolean): void {
    for (const [key, peer] of this.#peers) if (peer.isIdle && !inUse(peer.status().node)) this.#peers.delete(key);
  }

  /** Takes no more streams. @param graceful - Lets those there are end; else they are lost. */
  close(graceful = false): void {
    for (const peer of this.#peers.values()) peer.close(graceful);
  }

  #peer(peer: PeerAddress): LinkPeer {
    const key = `${peer.node} ${peer.address} ${peer.port}`;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const security = this.#security;
    const made = new LinkPeer({
      peer,
      trustDomain: security.security === "mtls" ? security.trustDomain : "",
      identity: () => (security.security === "mtls" ? security.identity() : null),
      limits: this.#limits,
      clock: this.#clock,
      random: this.#random,
    });
    this.#peers.set(key, made);
    return made;
  }
}
