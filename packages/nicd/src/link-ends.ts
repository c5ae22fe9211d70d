/** Both ends of this node's links, joined to the data plane. @module */
import type { Catalog, LinkPolicy } from "@mitsu/catalog";
import type { Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { SocketAddress } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { Caller } from "./caller.ts";
import type { CertificateFiles } from "./certificates/mod.ts";
import type { EndpointPlace, LiveEndpoint } from "./cluster/live-endpoint.ts";
import type { LinkCaller } from "./link-caller.ts";
import type { IncomingRequest, LinkPool, LinkSecurity, LinkServer, LinkStatus } from "./links/mod.ts";
import type { Entry } from "./proxy/entry.ts";

/** What links need of the rest. */
export interface LinkEndsOptions {
  readonly catalog: Catalog;
  /** Name of this node. */
  readonly node: string;
  readonly certificates: CertificateFiles | null;
  readonly log: Log;
  /** New links have taken the place of old ones: streams of those are to carry nothing new. */
  readonly renewed: () => void;
  /** Takes a stream that another node opened. */
  readonly accept: (entry: Entry, attach: (events: ByteStreamEvents) => ByteStream) => void;
  /** The replica of this node at that place; null when there is none. */
  readonly replicaAt: (
    address: string,
    port: number,
  ) => { readonly service: string; readonly port: number; readonly endpoint: LiveEndpoint } | null;
}

/** How often it is looked whether links have been replaced. */
const lookMs = 500;

/** Node's HTTP/2 and TLS come with it: some 10 MB that a node by itself does without. */
type Links = typeof import("./links/mod.ts");

/** Made once; {@link LinkEnds.configure} follows the mesh file. Its `links` section holds from the next start on. */
export class LinkEnds {
  readonly #options: LinkEndsOptions;
  #links: Links | null = null;
  #pool: LinkPool | null = null;
  readonly #security: LinkSecurity | null;
  readonly #policy: LinkPolicy;
  #catalog: Catalog;
  #server: LinkServer | null = null;
  #stopWatching: (() => void) | null = null;
  readonly #looking: NodeJS.Timeout;
  /** Links that only wait for their streams' ends, at the last look. */
  #draining = 0;
  /** There is a new certificate since then. */
  #rotated = false;

  constructor(options: LinkEndsOptions) {
    const { catalog, certificates } = options;
    this.#options = options;
    this.#catalog = catalog;
    this.#policy = catalog.links;
    const { security, trustDomain } = catalog.links;
    if (security === "plain-text") this.#security = { security };
    else this.#security = certificates ? { security, trustDomain, identity: () => certificates.current } : null;
    this.#stopWatching =
      certificates?.onChange((identity) => {
        this.#pool?.rotate();
        this.#server?.rotate(identity);
        this.#rotated = true;
      }) ?? null;
    this.#looking = setInterval(() => this.#look(), lookMs).unref();
  }

  /** Makes it ready for links, where the mesh file has nodes; else that is done when it gets some. */
  async prepare(): Promise<void> {
    if (this.#catalog.nodes.length > 0) await this.#load();
  }

  /** Other nodes' addresses may have changed. */
  configure(catalog: Catalog): void {
    this.#catalog = catalog;
    void this.prepare();
    this.#pool?.forget((node) => catalog.nodes.some(({ name }) => name === node));
  }

  /** Of the links that this node opens. */
  get security(): "none" | "mutual_tls" {
    return this.#policy.security === "mtls" ? "mutual_tls" : "none";
  }

  /** Takes links of other nodes. @param shared Other processes listen there too. @throws {MitsuError} `ERR_LISTEN`, `ERR_LINK_CERT` */
  async listen(at: SocketAddress, shared: boolean): Promise<void> {
    if (!this.#security) throw this.#withoutCertificate();
    const { log } = this.#options;
    const { LinkServer } = await this.#load();
    this.#server = new LinkServer({
      security: this.#security,
      permits: (target) => this.#permits(target),
      connect: (request) => this.#connect(request),
      refused: (reason, line) => log.warn("link refused", { reason, line }),
    });
    try {
      const port = await this.#server.listen(at.port, at.address, shared);
      log.info("taking links", { address: at.address, port, security: this.#security.security });
    } catch (cause) {
      throw new MitsuError(`cannot listen for links at ${at.address}:${at.port}: ${(cause as Error).message}`, {
        code: "ERR_LISTEN",
        exit: exitStatus.config,
        hint: "choose another --link-listen, or stop what listens there (ss -tlnp)",
        cause,
      });
    }
  }

  /** Opens a stream to a replica of another node. It fails by `onClose`, never at once. */
  open({ address, port, node }: EndpointPlace, caller: Caller, events: ByteStreamEvents): ByteStream {
    const peer = this.#catalog.nodes.find(({ name }) => name === node);
    const links = this.#links;
    if (!this.#security) return failed(events, this.#withoutCertificate());
    if (!links || !this.#pool) return failed(events, new Error("the first links are being made ready"));
    if (!peer) return failed(events, new Error(`the mesh file has no node ${node}, on which ${address}:${port} is to be`));
    const at = { address: peer.address, port: this.#catalog.links.port, node: peer.name };
    return this.#pool.open(at, links.formatConnectTarget({ address, port }), caller, {
      onData: (buffer, start, end) => events.onData(buffer, start, end),
      onEnd: () => events.onEnd(),
      onDrain: () => events.onDrain(),
      // What never reached the replica is a failed connect, which may be tried elsewhere.
      onClose: (error) => events.onClose(error && links.neverSent(error) ? Object.assign(error, { syscall: "connect" }) : error),
    });
  }

  get status(): readonly LinkStatus[] {
    return [...(this.#pool?.status() ?? []), ...(this.#server?.status() ?? [])];
  }

  /** Links and streams that were refused, by reason. */
  get refusals(): Readonly<Record<string, number>> {
    return this.#server?.refusals.counts ?? {};
  }

  get degraded(): readonly string[] {
    const { certificates, node } = this.#options;
    const { nodes, services, links } = this.#catalog;
    const away = services.some(({ replicas }) => replicas.some((one) => one.node !== null && one.node !== node));
    const reasons: string[] = [];
    if (nodes.length > 0 && !nodes.some(({ name }) => name === node))
      reasons.push(`the mesh file has no node ${node}, so all replicas are taken to be on others: say --node`);
    if (away && !this.#security) reasons.push(`${this.#withoutCertificate().message}: replicas on other nodes cannot be reached`);
    const status = certificates?.status();
    if (status?.expired) reasons.push(`the certificate ${certificates!.paths.certificate} is over: nicd cert rotate`);
    if (status?.error) reasons.push(status.error);
    const { security, trustDomain } = this.#policy;
    if (links.security !== security || links.trustDomain !== trustDomain)
      reasons.push("what the mesh file says of links has changed, and holds once nicd is started again");
    return reasons;
  }

  /** Takes no more links and streams; those there are go on. */
  retire(): void {
    void this.#server?.close(true);
  }

  close(): void {
    clearInterval(this.#looking);
    this.#stopWatching?.();
    this.#pool?.close();
    void this.#server?.close();
  }

  async #load(): Promise<Links> {
    const links = await import("./links/mod.ts");
    if (this.#links === null && this.#security !== null) this.#pool = new links.LinkPool(this.#security);
    this.#links = links;
    return links;
  }

  /** An old link is rid of when no stream is left, and HTTP keeps its streams for the next request. */
  #look(): void {
    const draining = this.#pool?.status().reduce((sum, link) => sum + link.draining, 0) ?? 0;
    if (draining > this.#draining || (draining > 0 && this.#rotated)) {
      this.#rotated = false;
      this.#options.renewed();
    }
    this.#draining = draining;
  }

  /** A replica of this node: a peer is not carried to anything else. */
  #replicaAt({ address, port }: { readonly address: string; readonly port: number }): ReturnType<LinkEndsOptions["replicaAt"]> {
    const replica = this.#options.replicaAt(address, port);
    return replica?.endpoint.here ? replica : null;
  }

  #permits(target: string): boolean {
    const parsed = this.#links?.parseConnectTarget(target);
    return parsed != null && this.#replicaAt(parsed) !== null;
  }

  #connect(request: IncomingRequest): void {
    const { target, node } = request;
    const replica = this.#replicaAt(target);
    if (!replica) {
      request.refuse("connect-failed", `${target.address}:${target.port} is no replica of this node any more`);
      return;
    }
    const caller: LinkCaller = { ...request.caller, node, security: this.#policy.security };
    const entry: Entry = { caller, service: replica.service, port: replica.port, chosen: replica.endpoint };
    this.#options.accept(entry, (events) => request.accept(events));
  }

  #withoutCertificate(): MitsuError {
    return new MitsuError("links to other nodes need a certificate, and there is none", {
      code: "ERR_LINK_CERT",
      exit: exitStatus.config,
      hint: "make one with `nicd ca init` and `nicd cert issue`, name its folder with --certificates, or say `links: { security: plain-text }` in mesh.yaml; then start nicd again",
    });
  }
}

/** A stream that never was. */
function failed(events: ByteStreamEvents, error: Error): ByteStream {
  let told = false;
  const tell = (): void => {
    if (told) return;
    told = true;
    events.onClose(Object.assign(error, { syscall: "connect" }));
  };
  setImmediate(tell);
  return { write: () => true, pause() {}, resume() {}, end() {}, destroy: () => void setImmediate(tell) };
}
