/** A request of nicd's own to a service, with its answer read whole: what filters call by HTTP. @module */
import { Timer } from "@mitsu/reactor/timers";
import type { Caller } from "../caller.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, type Outcome } from "../cluster/outcome.ts";
import { BodyReader } from "../http1/body-reader.ts";
import { parseTrailers } from "../http1/trailers.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Http1Upstream, UpstreamEnd, UpstreamUser } from "./http1-upstream.ts";
import type { PoolWaiter } from "./upstream-pool.ts";

type Pairs = readonly (readonly [name: string, value: string])[];

/** What is asked: pseudo-headers among the fields, as filters write them. */
export interface ServiceRequest {
  readonly service: string;
  readonly headers: Pairs;
  readonly body: Uint8Array;
  readonly trailers: Pairs;
  /** Of all of it; 0 for none. */
  readonly timeoutMs: number;
  /** An answer that is longer has failed. */
  readonly mostAnswerBytes: number;
}

/** What came back; `:status` is among the fields. */
export interface ServiceAnswer {
  readonly headers: Pairs;
  readonly body: Uint8Array;
  readonly trailers: Pairs;
}

const nobody: Caller = { service: "", address: "127.0.0.1", port: 0, by: "nobody" };
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const inLine = /^[!-~\u0080-\u00ff]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a field's value may hold all but these.
const badValue = /[\0-\x08\x0a-\x1f\x7f]/;
/** Fields that are of the connection, or said by the framing. */
const ours: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "upgrade",
  "te",
  "proxy-connection",
]);

/** Without tries: whoever calls knows best whether to call again. */
export class ServiceCall implements UpstreamUser, PoolWaiter {
  readonly isHeadRequest: boolean;
  readonly isConnect = false;
  readonly caller: Caller = nobody;
  readonly #plane: DataPlane;
  readonly #cluster: Cluster;
  readonly #endpoint: LiveEndpoint;
  readonly #bytes: Buffer;
  readonly #most: number;
  readonly #done: (answer: ServiceAnswer | "timeout" | null) => void;
  readonly #timer: Timer;
  readonly #sentAtMs: number;
  #answeredAtMs = 0;
  #upstream: Http1Upstream | null = null;
  #over = false;
  #headers: [string, string][] = [];
  #parts: Buffer[] = [];
  #received = 0;
  #trailers: Buffer[] = [];
  readonly #reader = new BodyReader();

  /**
   * Sends it.
   *
   * @param done Told once, later, never from within this call; null for a call that failed.
   * @returns Null for a service that there is not, or that cannot be asked, or a request that is none.
   */
  static begin(plane: DataPlane, request: ServiceRequest, done: (answer: ServiceAnswer | "timeout" | null) => void): ServiceCall | null {
    const ports = plane.service(request.service)?.ports.filter(({ protocol }) => protocol === "tcp") ?? [];
    // A service with several ports is asked at the first one, unless its authority names another.
    const named = Number(/:(\d+)$/.exec(request.headers.find(([name]) => name === ":authority")?.[1] ?? "")?.[1] ?? 0);
    const port = (ports.find((mapping) => mapping.port === named) ?? ports[0])?.port;
    const cluster = port === undefined ? null : plane.cluster(request.service, port);
    const bytes = requestBytes(request);
    if (!cluster || bytes === null || !cluster.admits()) return null;
    const endpoint = cluster.select();
    return endpoint ? new ServiceCall(plane, cluster, endpoint, bytes, request, done) : null;
  }

  private constructor(
    plane: DataPlane,
    cluster: Cluster,
    endpoint: LiveEndpoint,
    bytes: Buffer,
    { headers, timeoutMs, mostAnswerBytes }: ServiceRequest,
    done: (answer: ServiceAnswer | "timeout" | null) => void,
  ) {
    this.#plane = plane;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#bytes = bytes;
    this.#most = mostAnswerBytes;
    this.#done = done;
    this.isHeadRequest = headers.some(([name, value]) => name === ":method" && value === "HEAD");
    this.#timer = new Timer(() => this.#finish(failure.timeout, "timeout"));
    if (timeoutMs > 0) plane.reactor.timers.arm(this.#timer, timeoutMs);
    this.#sentAtMs = cluster.begin(endpoint);
    // Later, as an answer of this very moment would come from within whoever calls.
    plane.reactor.defer(() => this.#take());
  }

  /** Gives it up; nobody is told. */
  cancel(): void {
    this.#finish(failure.cancelled, undefined);
  }

  #take(): void {
    if (this.#over) return;
    const upstream = this.#plane.pool.take(this.#cluster, this.#endpoint, this, false);
    if (typeof upstream !== "string") this.onUpstream(upstream);
    else if (upstream === "overflow") this.#finish(failure.cancelled, null);
  }

  onUpstream(upstream: Http1Upstream): void {
    this.#upstream = upstream;
    upstream.begin(this);
    upstream.stream.write(this.#bytes, 0, this.#bytes.length);
  }

  onInterim(): void {}
  onUpstreamDrain(): void {}
  onUpstreamTimeout(): void {}

  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void {
    this.#answeredAtMs = this.#plane.nowMs();
    const { head, reader } = upstream;
    this.#headers = [[":status", String(head.status)], ...[...head.entries()].map(([name, value]): [string, string] => [name, value])];
    const length = head.get("content-length");
    if (length !== undefined) this.#headers.push(["content-length", length]);
    this.#reader.begin(reader.framing, head.table.contentLength);
    this.onAnswerData(upstream, buffer, bodyStart, bodyEnd);
  }

  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    for (let at = start; at < end && !reader.done; ) {
      const next = reader.step(buffer, at, end);
      if (reader.dataEnd > reader.dataStart) {
        this.#parts.push(Buffer.from(buffer.subarray(reader.dataStart, reader.dataEnd)));
        this.#received += reader.dataEnd - reader.dataStart;
      }
      if (reader.trailersAt >= 0) this.#trailers.push(Buffer.from(buffer.subarray(reader.trailersAt, next)));
      at = next;
    }
    if (this.#received > this.#most) this.#finish(failure.cancelled, null);
    else if (upstream.isAnswered)
      this.#finish(upstream.head.status, {
        headers: this.#headers,
        body: Buffer.concat(this.#parts),
        trailers: parseTrailers(Buffer.concat(this.#trailers)),
      });
  }

  onUpstreamGone(_: Http1Upstream, { kind }: UpstreamEnd): void {
    this.#finish(kind === "dead" ? failure.dead : kind === "connect-failure" ? failure.connect : failure.reset, null);
  }

  /** @param answer Undefined: nobody is told. */
  #finish(outcome: Outcome, answer: ServiceAnswer | "timeout" | null | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#plane.reactor.timers.disarm(this.#timer);
    this.#cluster.end(this.#endpoint, outcome, this.#sentAtMs, this.#answeredAtMs);
    const upstream = this.#upstream;
    if (upstream === null) this.#plane.pool.forget(this.#endpoint, this);
    else if (upstream.user === this) {
      if (upstream.isAnswered) upstream.release();
      else upstream.discard();
    }
    if (answer !== undefined) this.#done(answer);
  }
}

/** The request as HTTP/1.1; null when a part of it would not be one. */
function requestBytes({ headers, body, trailers }: ServiceRequest): Buffer | null {
  const pseudo = new Map(headers.filter(([name]) => name.startsWith(":")));
  const [method, path, authority] = [pseudo.get(":method"), pseudo.get(":path"), pseudo.get(":authority")];
  if (!method || !path || !authority || !token.test(method) || !inLine.test(path) || !inLine.test(authority) || method === "CONNECT")
    return null;
  const fields = headers.filter(([name]) => !name.startsWith(":") && !ours.has(name));
  if ([...fields, ...trailers].some(([name, value]) => !token.test(name) || badValue.test(value))) return null;
  const chunked = trailers.length > 0;
  const hasLength = body.length > 0 || !["GET", "HEAD", "OPTIONS", "DELETE"].includes(method);
  const length = chunked ? "transfer-encoding: chunked\r\n" : hasLength ? `content-length: ${body.length}\r\n` : "";
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}${length}\r\n`;
  const parts: Uint8Array[] = [Buffer.from(head, "latin1")];
  if (!chunked) parts.push(body);
  else {
    if (body.length > 0) parts.push(Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n"));
    parts.push(Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`, "latin1"));
  }
  return Buffer.concat(parts);
}
