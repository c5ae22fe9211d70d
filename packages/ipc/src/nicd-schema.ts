/** What nicd can be asked: see `schema.ts`, which this is a part of. @module */
import { z } from "zod";
import { type PlacementStatus, placementStatus } from "./placement-schema.ts";
import { type Method, method, type Stream } from "./protocol.ts";
import type { ReplicaStanding } from "./replicad-schema.ts";
import { type DaemonStatus, sockhijack, type TracedExchange, type TracesAnswer, type TracesRequest } from "./schema.ts";

/** How a changed filter's roll-out ended: `rolled back` by itself, or `superseded` by a further change. */
export interface NicdRollOut {
  readonly outcome: "taken" | "rolled back" | "superseded";
  readonly reason: string;
  /** Of the module. */
  readonly sha256: string;
  readonly atMs: number;
}

/** A filter of the mesh file as it runs; what workers count is added up. */
export interface NicdFilter {
  readonly name: string;
  /** Of the module that serves. */
  readonly sha256: string;
  /** Version of proxy-wasm's ABI. */
  readonly abi: string;
  /** The mesh file's module, or a pushed one. */
  readonly origin: "file" | "push";
  /** `canary`: a changed version has a share of the new exchanges. `restarting`: it stopped badly. */
  readonly state: "running" | "canary" | "restarting";
  readonly onFailure: "open" | "closed";
  /** Callbacks, nanoseconds in them (of a sample, extrapolated), units of fuel; calls beyond its capabilities. */
  readonly calls: number;
  readonly timeNs: number;
  readonly fuel: number;
  readonly denied: number;
  readonly traps: number;
  readonly restarts: number;
  /** Exchanges that found it stopped. */
  readonly failures: number;
  readonly logLinesDropped: number;
  /** Exchanges and connections that it has open. */
  readonly open: number;
  readonly memoryBytes: number;
  readonly lastTrap: { readonly reason: string; readonly callback: string; readonly detail: string } | null;
  readonly canary: {
    readonly sha256: string;
    readonly share: number;
    readonly leftMs: number;
    readonly exchanges: number;
    readonly errors: number;
  } | null;
  /** The last roll-out. */
  readonly rollOut: NicdRollOut | null;
}

/** A module for a filter of the mesh file. */
export interface PushFilterRequest {
  /** The filter's name. */
  readonly filter: string;
  readonly module: Uint8Array;
  /** Answer when it was taken or rolled back, not when it is tried out. */
  readonly wait: boolean;
}

/** What became of it; `canary`: it is tried out. With several workers, the worst of theirs. */
export interface PushFilterAnswer {
  readonly outcome: NicdRollOut["outcome"] | "canary";
  readonly reason: string;
  readonly sha256: string;
}

/** A link to or from another node's nicd. */
export interface NicdLink {
  /** Empty for a peer in plain text. */
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly direction: "out" | "in";
  readonly state: "idle" | "connecting" | "up" | "backing-off" | "draining";
  readonly security: "mtls" | "plain-text";
  /** On all links of the peer. */
  readonly streams: number;
  /** Streams that wait for room or for the link. */
  readonly queued: number;
  /** Links that take no new streams. */
  readonly draining: number;
  /** Payload since nicd started. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the last PING. */
  readonly rttMs: number | null;
  /** End of the peer's certificate, milliseconds since 1970. */
  readonly certificateNotAfterMs: number | null;
  readonly lastError: string | null;
}

/** Answers of nicd's `status`; what workers count is added up. */
export interface NicdStatus extends DaemonStatus {
  readonly node: string;
  /** Processes that carry traffic. */
  readonly workers: number;
  readonly listening: readonly { readonly address: string; readonly port: number }[];
  /** Open connections of clients, by what they carry. */
  readonly connections: { readonly http: number; readonly tcp: number };
  /** Open connections to replicas. */
  readonly upstreamConnections: number;
  /** Connections so far by what they spoke: http1, http2, tls, tcp. */
  readonly spoken: Readonly<Record<string, number>>;
  /** Requests refused as they were none, by reason; streams of links too, with `link-` before it. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly retries: number;
  readonly mirrored: number;
  readonly residentBytes: number;
  readonly links: readonly NicdLink[];
  /** This node's certificate; null when there is none. */
  readonly certificate: { readonly uri: string; readonly notAfterMs: number } | null;
  /** Spans by what became of their export; empty where none are exported. */
  readonly spans: Readonly<Record<string, number>>;
  /** What replicad tells of replicas: `fresh`, `stale` (it does not write any more) or `none`, where selectors go by what nicd saw itself. */
  readonly reports: { readonly state: "fresh" | "stale" | "none"; readonly replicas: number };
  /** Where its pieces of work run; not there from a daemon that is older. */
  readonly placement?: PlacementStatus | undefined;
  /** Filters in WebAssembly; not there from a daemon that is older. */
  readonly filters?: readonly NicdFilter[] | undefined;
}

/** A route in force. */
export interface NicdRoute {
  readonly service: string;
  readonly name: string;
  /** What it is about, in words; empty for every request. */
  readonly match: string;
  /** Where requests go, in words. */
  readonly to: string;
  /** What else happens to them, in words. */
  readonly rules: readonly string[];
}

/** A replica as a worker calls it. */
export interface NicdEndpoint {
  readonly address: string;
  readonly port: number;
  readonly node: string | null;
  readonly here: boolean;
  readonly weight: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly pending: number;
  readonly requests: number;
  readonly errors: number;
  /** Smoothed time to an answer's head; 0 before the first. */
  readonly latencyUs: number;
  /** Time until it is selected again; 0 is now. */
  readonly ejectedForMs: number;
  /** See `Standing` of `@mitsu/selector`. */
  readonly standing: ReplicaStanding;
  /** Milliseconds since what replicad said of it was true; null when it never said anything. */
  readonly reportAgeMs: number | null;
}

/** A service at one port as nicd calls it. */
export interface NicdCluster {
  readonly service: string;
  readonly port: number;
  readonly selector: string;
  readonly inFlight: number;
  /** Requests refused since too many were in flight, and selections while all replicas were ejected. */
  readonly overflows: number;
  readonly panics: number;
  readonly retriesRefused: number;
  readonly endpoints: readonly NicdEndpoint[];
}

/** Requests of one client service to another that ended alike, since the start. */
export interface NicdSeries {
  readonly from: string;
  readonly to: string;
  readonly code: string;
  readonly flags: string;
  readonly requests: number;
  /** By duration: one count for each bound of `boundsMs`, and one for those beyond. */
  readonly durations: readonly number[];
  readonly sumMs: number;
}

/** An authorisation rule and how often it decided. */
export interface NicdRule {
  readonly rule: string;
  readonly action: "allow" | "deny";
  readonly dryRun: boolean;
  readonly hits: number;
}

type Nothing = Record<string, never>;

/** nicd's methods. */
export interface NicdProtocol {
  readonly status: Method<Nothing, NicdStatus>;
  readonly routes: Method<Nothing, { readonly routes: readonly NicdRoute[]; readonly rules: readonly NicdRule[] }>;
  readonly clusters: Method<Nothing, { readonly clusters: readonly NicdCluster[] }>;
  readonly requests: Method<Nothing, { readonly boundsMs: readonly number[]; readonly series: readonly NicdSeries[] }>;
  readonly traces: Method<TracesRequest, TracesAnswer>;
  /** Sampled requests as they end. */
  readonly exchanges: Stream<Nothing, TracedExchange>;
  readonly metrics: Method<Nothing, { readonly text: string }>;
  /** Reads the mesh file and certificates again, as SIGHUP does; an error says what is wrong, and the old ones stay. */
  readonly reload: Method<Nothing, Nothing>;
  /** Checks, starts, keeps and tries out a module; an error says why it is refused, and nothing changes. */
  readonly pushFilter: Method<PushFilterRequest, PushFilterAnswer>;
}

const nothing: z.ZodType<Nothing> = z.strictObject({});
const count = z.number().nonnegative();
const counts = z.record(z.string(), count);
const port = z.int().min(0).max(65535);
const link: z.ZodType<NicdLink> = z.object({
  node: z.string(),
  address: z.string(),
  port,
  direction: z.enum(["out", "in"]),
  state: z.enum(["idle", "connecting", "up", "backing-off", "draining"]),
  security: z.enum(["mtls", "plain-text"]),
  streams: count,
  queued: count,
  draining: count,
  bytesIn: count,
  bytesOut: count,
  rttMs: count.nullable(),
  certificateNotAfterMs: count.nullable(),
  lastError: z.string().nullable(),
});
const endpoint: z.ZodType<NicdEndpoint> = z.object({
  address: z.string(),
  port,
  node: z.string().nullable(),
  here: z.boolean(),
  weight: count,
  inFlight: count,
  connections: count,
  pending: count,
  requests: count,
  errors: count,
  latencyUs: count,
  ejectedForMs: count,
  standing: z.enum(["healthy", "slow-start", "ejected", "dead", "draining"]),
  reportAgeMs: count.nullable(),
});

const rollOut: z.ZodType<NicdRollOut> = z.object({
  outcome: z.enum(["taken", "rolled back", "superseded"]),
  reason: z.string(),
  sha256: z.string(),
  atMs: z.number(),
});
const filter: z.ZodType<NicdFilter> = z.object({
  name: z.string(),
  sha256: z.string(),
  abi: z.string(),
  origin: z.enum(["file", "push"]),
  state: z.enum(["running", "canary", "restarting"]),
  onFailure: z.enum(["open", "closed"]),
  calls: count,
  timeNs: count,
  fuel: count,
  denied: count,
  traps: count,
  restarts: count,
  failures: count,
  logLinesDropped: count,
  open: count,
  memoryBytes: count,
  lastTrap: z.object({ reason: z.string(), callback: z.string(), detail: z.string() }).nullable(),
  canary: z.object({ sha256: z.string(), share: count, leftMs: count, exchanges: count, errors: count }).nullable(),
  rollOut: rollOut.nullable(),
});

/** nicd: what passes the node's NIC. */
export const nicd: NicdProtocol = {
  status: method(
    nothing,
    z.object({
      version: z.string(),
      pid: z.int(),
      startedAtMs: z.number(),
      degraded: z.array(z.string()),
      node: z.string(),
      workers: count,
      listening: z.array(z.object({ address: z.string(), port })),
      connections: z.object({ http: count, tcp: count }),
      upstreamConnections: count,
      spoken: counts,
      refusals: counts,
      requests: count,
      retries: count,
      mirrored: count,
      residentBytes: count,
      links: z.array(link),
      certificate: z.object({ uri: z.string(), notAfterMs: z.number() }).nullable(),
      spans: counts,
      reports: z.object({ state: z.enum(["fresh", "stale", "none"]), replicas: count }),
      placement: placementStatus.optional(),
      filters: z.array(filter).optional(),
    }),
  ),
  routes: method(
    nothing,
    z.object({
      routes: z.array(z.object({ service: z.string(), name: z.string(), match: z.string(), to: z.string(), rules: z.array(z.string()) })),
      rules: z.array(z.object({ rule: z.string(), action: z.enum(["allow", "deny"]), dryRun: z.boolean(), hits: count })),
    }),
  ),
  clusters: method(
    nothing,
    z.object({
      clusters: z.array(
        z.object({
          service: z.string(),
          port,
          selector: z.string(),
          inFlight: count,
          overflows: count,
          panics: count,
          retriesRefused: count,
          endpoints: z.array(endpoint),
        }),
      ),
    }),
  ),
  requests: method(
    nothing,
    z.object({
      boundsMs: z.array(z.number()),
      series: z.array(
        z.object({
          from: z.string(),
          to: z.string(),
          code: z.string(),
          flags: z.string(),
          requests: count,
          durations: z.array(count),
          sumMs: count,
        }),
      ),
    }),
  ),
  traces: sockhijack.traces,
  exchanges: sockhijack.exchanges,
  metrics: sockhijack.metrics,
  reload: method(nothing, nothing),
  pushFilter: method(
    z.object({ filter: z.string(), module: z.instanceof(Uint8Array), wait: z.boolean() }),
    z.object({ outcome: z.enum(["taken", "rolled back", "superseded", "canary"]), reason: z.string(), sha256: z.string() }),
  ),
};
