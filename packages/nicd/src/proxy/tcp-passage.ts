/** A connection that is carried as bytes: to a replica, and both ways until it ends. @module */
import type { ByteStream, ByteStreamEvents } from "../byte-stream.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure } from "../cluster/outcome.ts";
import { type Flag, flag } from "../live-exchange.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { relay } from "./relay.ts";

const nothing: ByteStreamEvents = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** One carried connection, when it is over. */
export interface PassedConnection {
  readonly entry: Entry;
  readonly endpoint: LiveEndpoint | null;
  readonly target: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly flag: Flag;
}

/** Chooses and connects; see {@link TcpPassage.open}. */
export class TcpPassage {
  readonly #plane: DataPlane;
  readonly #entry: Entry;
  readonly #client: ByteStream;
  readonly #startNs: number;

  private constructor(plane: DataPlane, entry: Entry, client: ByteStream) {
    this.#plane = plane;
    this.#entry = entry;
    this.#client = client;
    this.#startNs = plane.nowNs();
  }

  /**
   * Connects the client to a replica of the first route that goes to one without looking at the request, else of the service itself.
   *
   * @param early What the client has sent already.
   * @returns Who takes the client's events.
   */
  static open(plane: DataPlane, entry: Entry, client: ByteStream, early: Buffer): ByteStreamEvents {
    const passage = new TcpPassage(plane, entry, client);
    const target = entry.chosen ? entry.service : (plane.routesOf(entry.service)?.routes.at(-1)?.pick(plane.random()) ?? entry.service);
    if (!plane.admitsTcp(entry, target)) return passage.#refuse(null, target, flag.unauthorised);
    const cluster = plane.cluster(target, entry.port);
    if (!cluster) return passage.#refuse(null, target, flag.noHealthyUpstream);
    if (!cluster.admits()) return passage.#refuse(null, target, flag.upstreamOverflow);
    const endpoint = entry.chosen ?? cluster.select();
    if (!endpoint) return passage.#refuse(null, target, flag.noHealthyUpstream);
    return passage.#connect(cluster, endpoint, early);
  }

  #connect(cluster: Cluster, endpoint: LiveEndpoint, early: Buffer): ByteStreamEvents {
    cluster.begin(endpoint);
    let toClient: ByteStreamEvents = nothing;
    const events: ByteStreamEvents = {
      onData: (buffer, start, end) => toClient.onData(buffer, start, end),
      onEnd: () => toClient.onEnd(),
      onDrain: () => toClient.onDrain(),
      onClose: (error) => toClient.onClose(error),
    };
    const replica = this.#plane.pool.dial(endpoint, this.#entry.caller, events);
    const ends = relay(this.#plane, this.#client, replica, (received, sent, error) => {
      const connecting = (error as NodeJS.ErrnoException | null)?.syscall === "connect";
      cluster.end(endpoint, connecting ? failure.connect : error ? failure.reset : 200, 0);
      const why = connecting ? flag.upstreamConnectFailure : flag.none;
      this.#over(endpoint, endpoint.service, received, sent, why);
    });
    toClient = ends.toClient;
    if (early.length > 0) ends.toReplica.onData(early, 0, early.length);
    return ends.toReplica;
  }

  #refuse(endpoint: LiveEndpoint | null, target: string, why: Flag): ByteStreamEvents {
    this.#client.destroy(true);
    this.#over(endpoint, target, 0, 0, why);
    return nothing;
  }

  #over(endpoint: LiveEndpoint | null, target: string, receivedBytes: number, sentBytes: number, why: Flag): void {
    const { startNs, endNs } = { startNs: this.#startNs, endNs: this.#plane.nowNs() };
    this.#plane.passageEnded({ entry: this.#entry, endpoint, target, startNs, endNs, receivedBytes, sentBytes, flag: why });
  }
}
