/** One span, whatever form its trace came in. @module */

/** What of a span a profile needs. */
export interface Span {
  readonly id: string;
  /** Null at a root. */
  readonly parent: string | null;
  readonly service: string;
  readonly operation: string;
  readonly kind: "client" | "server" | "producer" | "consumer" | "internal" | "unknown";
  /** Microseconds. */
  readonly startUs: number;
  readonly durationUs: number;
  /** Bytes of the request and of the answer; null when no tag tells. */
  readonly requestBytes: number | null;
  readonly answerBytes: number | null;
  /** Whom a client span asked, by its tags: `mongodb`, `cache.internal`. */
  readonly peer: string | null;
  /** Probability with which its trace was kept, where a tag tells; 1 is all. */
  readonly sampling: number | null;
}

/** A tag's value by its key; undefined when there is none. */
export type Tags = (key: string) => string | number | boolean | undefined;

/** Names under which instrumentations tell whom they ask, the best first. [OpenTracing and OpenTelemetry semantic conventions] */
const peerKeys = [
  "peer.service",
  "service.peer.name",
  "db.name",
  "db.namespace",
  "db.system",
  "db.system.name",
  "db.type",
  "messaging.system",
];
const requestKeys = [
  "http.request_content_length",
  "http.request.body.size",
  "http.request.size",
  "http.request_size",
  "request_size",
  "rpc.request.size",
  "messaging.message.body.size",
  "messaging.message_payload_size_bytes",
  "messaging.message.payload_size_bytes",
  "message.payload_size",
];
const answerKeys = [
  "http.response_content_length",
  "http.response.body.size",
  "http.response.size",
  "http.response_size",
  "response_size",
  "rpc.response.size",
];

function bytesOf(tags: Tags, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = tags(key);
    const bytes = value === undefined || value === "" ? Number.NaN : Number(value);
    if (Number.isFinite(bytes) && bytes >= 0) return bytes;
  }
  return null;
}

/** Bytes, peer and sampling as a span's tags tell them. */
export function factsOf(tags: Tags): Pick<Span, "requestBytes" | "answerBytes" | "peer" | "sampling"> {
  const peer = peerKeys.map((key) => tags(key)).find((value) => value !== undefined && value !== "");
  const param = tags("sampler.type") === "probabilistic" ? Number(tags("sampler.param")) : Number.NaN;
  return {
    requestBytes: bytesOf(tags, requestKeys),
    answerBytes: bytesOf(tags, answerKeys),
    peer: peer === undefined ? null : String(peer),
    sampling: param > 0 && param <= 1 ? param : null,
  };
}
