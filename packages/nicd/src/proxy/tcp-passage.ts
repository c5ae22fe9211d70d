/** A connection that is carried as bytes: to a replica, and both ways until it ends. @module */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, failureOf, isUnsent, type Outcome } from "../cluster/outcome.ts";
import { stickyKeyOf } from "../cluster/sticky-key.ts";
import { type Flag, flag } from "../live-exchange.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { closedByFilter, filteredRelay } from "./filtered-relay.ts";
import { type RelayEnds, relay } from "./relay.ts";

const nobody: ByteStreamEvents = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** One connection that is carried. */
export interface Passage {
  readonly entry: Entry;
  /** Null when there was none to be had. */
  readonly endpoint: LiveEndpoint | null;
  /** Name of the service that it goes to. */
  readonly target: string;
}

/** The same when it is over. */
export interface PassedConnection extends Passage {
  readonly startNs: number;
  readonly endNs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly flag: Flag;
}

/**
 * Goes where the first route leads that asks for nothing but the host, which a TLS client names, and the port; else to the service itself.
 *
 * {@link TcpPassage.pass} is for a connection of which it is known that it is no HTTP; {@link TcpPassage.await} for a client that is silent: the
 * replica may be the one that speaks first, and then {@link TcpPassage.join} is called; if the client speaks HTTP, {@link TcpPassage.leave}.
 */
export class TcpPassage {
  readonly #plane: DataPlane;
  readonly #entry: Entry;
  readonly #client: ByteStream;
  readonly #startNs: number;
  readonly #target: string;
  #cluster: Cluster | null = null;
  #endpoint: LiveEndpoint | null = null;
  #replica: ByteStream | null = null;
  #sentAtMs = 0;
  /** Why there is no replica. */
  #why: Flag = flag.noHealthyUpstream;
  #ends: RelayEnds | null = null;
  #speaks: (() => void) | null = null;

  private constructor(plane: DataPlane, entry: Entry, client: ByteStream, serverName: string) {
    this.#plane = plane;
    this.#entry = entry;
    this.#client = client;
    this.#startNs = plane.nowNs();
    const route = entry.chosen ? null : plane.routesOf(entry.service)?.findForConnection(serverName, entry.port);
    this.#target = route?.pick(plane.random()) ?? entry.service;
  }

  /**
   * @param early What the client has sent already.
   * @param serverName What it named in its TLS ClientHello; empty for none.
   * @returns Who takes the client's events.
   */
  static pass(plane: DataPlane, entry: Entry, client: ByteStream, early: Buffer, serverName = ""): ByteStreamEvents {
    const passage = new TcpPassage(plane, entry, client, serverName);
    if (!plane.admitsTcp(entry, passage.#target)) return passage.#refuse(flag.unauthorised);
    passage.#dial();
    return passage.#carry(early);
  }

  /** @param speaks Called once, when the replica says something or ends: join, or leave. */
  static await(plane: DataPlane, entry: Entry, client: ByteStream, speaks: () => void): TcpPassage {
    const passage = new TcpPassage(plane, entry, client, "");
    passage.#speaks = speaks;
    passage.#dial();
    return passage;
  }

  /** There is a replica that may speak. */
  get isConnected(): boolean {
    return this.#replica !== null;
  }

  /** From here on bytes flow, if rules let them. @param early What the client has sent already. @returns Who takes the client's events. */
  join(early: Buffer): ByteStreamEvents {
    this.#speaks = null;
    if (this.#plane.admitsTcp(this.#entry, this.#target)) return this.#carry(early);
    this.leave();
    return this.#refuse(flag.unauthorised);
  }

  /** The client's connection goes to somebody else; the replica's is closed, and nothing has come of it. */
  leave(): void {
    this.#speaks = null;
    this.#ends = { toClient: nobody, toReplica: nobody };
    this.#replica?.destroy();
    this.#end(failure.cancelled);
  }

  #dial(): void {
    const cluster = this.#plane.cluster(this.#target, this.#entry.port);
    if (!cluster) return;
    if (!cluster.admits()) {
      this.#why = flag.upstreamOverflow;
      return;
    }
    const { chosen, caller } = this.#entry;
    const { stickyKey } = cluster.policy;
    const endpoint = chosen ?? cluster.select(null, stickyKey && stickyKeyOf(stickyKey, null, caller.address));
    if (!endpoint) return;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#sentAtMs = cluster.begin(endpoint);
    this.#replica = this.#plane.pool.dial(endpoint, this.#entry.caller, {
      onData: (buffer, start, end) => this.#toClient().onData(buffer, start, end),
      onEnd: () => this.#toClient().onEnd(),
      onDrain: () => this.#toClient().onDrain(),
      onClose: (error) => this.#toClient().onClose(error),
    });
  }

  /** Who takes what the replica does: its first word decides that the connection is carried. */
  #toClient(): ByteStreamEvents {
    this.#speaks?.();
    return this.#ends?.toClient ?? nobody;
  }

  #carry(early: Buffer): ByteStreamEvents {
    const endpoint = this.#endpoint;
    if (!this.#replica || !endpoint) return this.#refuse(this.#why);
    this.#plane.passageBegun({ entry: this.#entry, endpoint, target: this.#target });
    const ended = (received: number, sent: number, error: Error | null): void => {
      const outcome = error === closedByFilter ? failure.cancelled : error ? failureOf(error, endpoint.here) : 200;
      this.#end(outcome);
      this.#over(received, sent, isUnsent(outcome) ? flag.upstreamConnectFailure : flag.none);
    };
    // What came over a link has passed them where it came from.
    const filters = this.#entry.chosen ? [] : this.#plane.programsOf(this.#entry.service);
    const filtered = filters.length === 0 ? null : filteredRelay(this.#plane, this.#entry, filters, this.#client, this.#replica, ended);
    if (filtered === "refused") {
      this.#replica.destroy();
      this.#end(failure.cancelled);
      return this.#refuse(flag.filterFailed);
    }
    this.#ends = filtered ?? relay(this.#plane, this.#client, this.#replica, ended);
    const { toReplica } = this.#ends;
    if (early.length > 0) toReplica.onData(early, 0, early.length);
    return toReplica;
  }

  /** Of the try that the cluster counts. */
  #end(outcome: Outcome): void {
    this.#cluster?.end(this.#endpoint!, outcome, this.#sentAtMs);
    this.#cluster = null;
  }

  #refuse(why: Flag): ByteStreamEvents {
    this.#client.destroy(true);
    this.#over(0, 0, why);
    return nobody;
  }

  #over(receivedBytes: number, sentBytes: number, why: Flag): void {
    this.#plane.passageEnded({
      entry: this.#entry,
      endpoint: this.#endpoint,
      target: this.#target,
      startNs: this.#startNs,
      endNs: this.#plane.nowNs(),
      receivedBytes,
      sentBytes,
      flag: why,
    });
  }
}
