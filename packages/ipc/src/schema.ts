/**
 * Names every message between Mitsu's processes; nicd's stand in `nicd-schema.ts`. A daemon is an interface, for readers and the compiler, and a
 * value of it with the schemas that check the bytes; to add a method, add one line to each. Long because it is sockhijack's whole protocol.
 * @module
 */
import { z } from "zod";
import { type PlacementStatus, placementStatus } from "./placement-schema.ts";
import { type Method, method, type Stream, stream } from "./protocol.ts";

/** What every daemon answers to `status`. */
export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Why the daemon is not wholly what it should be, one sentence each; empty when all is well. */
  readonly degraded: readonly string[];
}

/** One end of a connection; service is empty for a program outside the mesh. */
export interface Endpoint {
  readonly service: string;
  /** IPv4 or IPv6 address as text. */
  readonly address: string;
  readonly port: number;
}

/** One connection as sockhijack sees it. */
export interface Flow {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** What the client asked for, `address:port`, when it was sent to a replica instead. */
  readonly asked: string | null;
  /** The service it asked for, when nicd is the server's end in its place. */
  readonly askedService: string | null;
  readonly state: "redirected" | "tcp";
  /** Why it is in that state, one word. */
  readonly reason: string;
  /** The same as a sentence. */
  readonly explanation: string;
  /** Payload bytes from client to server, and back. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Share of those bytes that never met the TCP stack, 0 to 1. */
  readonly redirectedShare: number;
  /** Messages redirected, and messages that went by TCP although the connection was coupled. */
  readonly messages: number;
  readonly passed: number;
  /** Data segments sent by TCP, both ways. */
  readonly segments: number;
  /** Mean time from a request to its answer; of coupled flows by sampling, else the TCP round trip; null when nothing was timed. */
  readonly latencyUs: number | null;
  /** Bytes that wait unread at the client, and at the server. */
  readonly unread: readonly [number, number];
}

/** One replica of a service, by port. */
export interface ReplicaStatus {
  readonly address: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** Seen listening, or declared in the catalog. */
  readonly up: boolean;
  readonly active: number;
  readonly total: number;
  readonly weight: number;
  readonly score: number;
}

/** One service. */
export interface ServiceStatus {
  readonly name: string;
  /** Name it is resolved by. */
  readonly host: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** As in the catalog: `80`, `80:8080`, `53/udp`. */
  readonly ports: readonly string[];
  readonly redirect: "auto" | "on" | "off";
  readonly intercept: "keep" | "balance" | "off";
  /** How its connections come: not by nicd (`off`), by nicd, or, as none is registered, directly or not at all. */
  readonly nic: "off" | "via" | "direct" | "refused";
  readonly cgroups: readonly string[];
  readonly replicas: readonly ReplicaStatus[];
}

/** One cell of the traffic matrix. */
export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly connections: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Redirected messages, both ways. */
  readonly messages: number;
  readonly redirectedBytes: number;
  readonly denied: number;
}

/** Answers of sockhijack's `status`. */
export interface SockhijackStatus extends DaemonStatus {
  readonly mesh: string;
  readonly services: number;
  readonly cgroups: number;
  readonly flows: number;
  readonly redirectedFlows: number;
  /** The kernel programs' counters by name. */
  readonly counters: Readonly<Record<string, number>>;
  readonly scans: number;
  readonly scanMeanUs: number;
  readonly dns: Readonly<Record<string, number>>;
  readonly pins: string;
  /** The nicd that takes connections; null when none is registered. */
  readonly nic: NicStatus | null;
  /** Where its pieces of work run; not there from a daemon that is older. */
  readonly placement?: PlacementStatus | undefined;
}

/** A nicd as sockhijack knows it. */
export interface NicStatus {
  readonly pid: number;
  /** Of its cgroup; empty when it belongs to none. */
  readonly service: string;
  readonly port: number;
  readonly addresses: readonly string[];
  /** Connections to it that are open now, and all there were. */
  readonly active: number;
  readonly total: number;
}

/** Restricts flows to those with this service at either end. */
export interface FlowsRequest {
  readonly service?: string | undefined;
}

/** A program that is about to be started as a part of a service. */
export interface JoinRequest {
  readonly service: string;
  readonly ports: readonly string[];
  readonly redirect?: "auto" | "on" | "off" | undefined;
  readonly tracing?: { readonly propagation: "off" | "side-band" | "header"; readonly sampling: number } | undefined;
  readonly pid: number;
}

/** What runs already, and the service it belongs to. */
export interface AttachRequest {
  /** A cgroup path, a unit, `pid:N`, or a container id. */
  readonly target: string;
  readonly service: string;
  readonly ports: readonly string[];
  readonly redirect?: "auto" | "on" | "off" | undefined;
  readonly tracing?: { readonly propagation: "off" | "side-band" | "header"; readonly sampling: number } | undefined;
}

/** One redirected message, as `tap` sees it. */
export interface TapMessage {
  /** Nanoseconds since 1970, TAI corrected to UTC, as a decimal string. */
  readonly timeNs: string;
  readonly from: string;
  readonly to: string;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Length of the message; `data` may hold less of it. */
  readonly length: number;
  readonly data: Uint8Array;
}

/** One end of a traced request. */
export interface TracedEnd extends Endpoint {
  /** This end is a traced service on the node that saw the request: its span is told there. */
  readonly here: boolean;
}

/** How the parent of a request was found: in a header, by its thread's one open request, beside the stream, among several, or not. */
export type LinkKind = "header" | "thread" | "side-band" | "ambiguous" | "none";

/** One HTTP request and its answer. Times are nanoseconds since 1970 as decimal strings; ids are hexadecimal. */
export interface TracedExchange {
  readonly client: TracedEnd;
  readonly server: TracedEnd;
  /** Node that saw it. */
  readonly node: string;
  readonly traceId: string;
  readonly clientSpanId: string;
  readonly serverSpanId: string;
  /** Null at the root of a trace. */
  readonly parentSpanId: string | null;
  readonly startNs: string;
  /** The server's program read of it; null when that was not seen. */
  readonly readNs: string | null;
  /** The answer began; null when there was none. */
  readonly firstNs: string | null;
  readonly endNs: string;
  readonly protocol: "http/1" | "http/2" | "grpc";
  /** Empty when HTTP/2's header block was lost, and so is the target; the status is 0 then although there was an answer. */
  readonly method: string;
  readonly target: string;
  /** Host and port as an HTTP/2 client named them; else empty. */
  readonly authority: string;
  /** 0 when there was no answer. */
  readonly status: number;
  /** 0 to 16; null when there was none, and where it is not gRPC. */
  readonly grpcStatus: number | null;
  readonly requestBytes: number;
  readonly answerBytes: number;
  readonly sampled: boolean;
  readonly continued: boolean;
  readonly link: LinkKind;
  readonly injected: boolean;
  readonly redirected: boolean;
  readonly aborted: boolean;
  /** Envoy's response flags, tries and route; only nicd tells them. */
  readonly flags?: string;
  readonly security?: "none" | "mutual_tls";
  readonly tries?: number;
  readonly route?: string;
}

/** Where a nicd listens. */
export interface NicRequest {
  readonly port: number;
  /** IP addresses; `0.0.0.0` and `::` stand for all of its namespace. */
  readonly addresses: readonly string[];
}

/** A replica as a nicd reaches it. */
export interface NicReplica {
  readonly service: string;
  /** Port at the virtual address. */
  readonly port: number;
  readonly address: string;
  /** Port at the replica. */
  readonly target: number;
  readonly weight: number;
  /** Seen listening, or declared in the catalog. */
  readonly up: boolean;
  /** On this node. */
  readonly here: boolean;
}

/** A replica as the kernel's tables number it: entry `id` of the pinned maps `scores` and `loads`. */
export interface NumberedReplica {
  readonly id: number;
  readonly service: string;
  /** Port at the virtual address. */
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** Entry of the pinned map `choices`: the frontend (port of a service) that it is a backend of. */
  readonly frontend: number;
  readonly address: string;
  /** Port at the replica. */
  readonly target: number;
  /** As in the catalog. */
  readonly weight: number;
  /** Seen listening, or declared in the catalog. */
  readonly up: boolean;
  /** On this node. */
  readonly here: boolean;
}

/** What a registered nicd must know. */
export interface NicState {
  /** False while another one, registered later, takes the connections. */
  readonly active: boolean;
  /** Service of the active one's cgroup; empty when it belongs to none: its own connects are then like those of any program outside. */
  readonly service: string;
  readonly replicas: readonly NicReplica[];
}

/** Restricts traces: to those that pass a service, that take at least so many milliseconds, and to the last so many. */
export interface TracesRequest {
  readonly service?: string | undefined;
  readonly minMs?: number | undefined;
  /** 1 to 1000. */
  readonly limit: number;
}

/** Traces, the newest last. */
export interface TracesAnswer {
  readonly traces: readonly { readonly traceId: string; readonly exchanges: readonly TracedExchange[] }[];
  /** All requests since the daemon began, sampled or not, by how their parent was found. */
  readonly linkedShare: Readonly<Record<LinkKind, number>>;
}

type Nothing = Record<string, never>;

/** sockhijack's methods. */
export interface SockhijackProtocol {
  readonly status: Method<Nothing, SockhijackStatus>;
  readonly flows: Method<FlowsRequest, { readonly flows: readonly Flow[] }>;
  readonly services: Method<Nothing, { readonly services: readonly ServiceStatus[] }>;
  readonly matrix: Method<Nothing, { readonly cells: readonly MatrixCell[] }>;
  /** Makes the service and its cgroup, and moves the process into it. */
  readonly join: Method<JoinRequest, { readonly cgroup: string }>;
  readonly attach: Method<AttachRequest, { readonly cgroup: string; readonly tookMs: number }>;
  /** Returns live sockets to plain TCP, then takes the hooks off. */
  readonly detach: Method<{ readonly target: string }, { readonly cgroups: readonly string[]; readonly tookMs: number }>;
  readonly policyCheck: Method<
    { readonly from: string; readonly to: string; readonly port: number },
    { readonly action: "allow" | "deny"; readonly rule: string }
  >;
  readonly metrics: Method<Nothing, { readonly text: string }>;
  /** Ends the daemon; with `cleanup` the kernel is left as if it had never run. */
  readonly stop: Method<{ readonly cleanup: boolean }, Nothing>;
  /** Redirected messages of a service as they pass. */
  readonly tap: Stream<{ readonly service: string }, TapMessage>;
  /** The last sampled traces. */
  readonly traces: Method<TracesRequest, TracesAnswer>;
  /** Sampled requests as they end. */
  readonly exchanges: Stream<Nothing, TracedExchange>;
  /** Registers the asking process as nicd for as long as the stream lasts: connections of services that pass it go there. */
  readonly nic: Stream<NicRequest, NicState>;
  /** All replicas, and again whenever one comes, goes, begins or ceases to listen. */
  readonly replicas: Stream<Nothing, { readonly pins: string; readonly replicas: readonly NumberedReplica[] }>;
}

const nothing: z.ZodType<Nothing> = z.strictObject({});
const port = z.int().min(0).max(65535);
const count = z.number().nonnegative();
const counts = z.record(z.string(), count);
const redirect = z.enum(["auto", "on", "off"]);
const endpoint = z.object({ service: z.string(), address: z.string(), port });
const flow: z.ZodType<Flow> = z.object({
  client: endpoint,
  server: endpoint,
  asked: z.string().nullable(),
  askedService: z.string().nullable(),
  state: z.enum(["redirected", "tcp"]),
  reason: z.string(),
  explanation: z.string(),
  bytesOut: count,
  bytesIn: count,
  redirectedShare: count,
  messages: count,
  passed: count,
  segments: count,
  latencyUs: count.nullable(),
  unread: z.tuple([count, count]),
});
const replica = z.object({
  address: z.string(),
  port,
  protocol: z.enum(["tcp", "udp"]),
  up: z.boolean(),
  active: count,
  total: count,
  weight: count,
  score: count,
});
const service: z.ZodType<ServiceStatus> = z.object({
  name: z.string(),
  host: z.string(),
  ipv4: z.string(),
  ipv6: z.string(),
  ports: z.array(z.string()),
  redirect,
  intercept: z.enum(["keep", "balance", "off"]),
  nic: z.enum(["off", "via", "direct", "refused"]),
  cgroups: z.array(z.string()),
  replicas: z.array(replica),
});
const cell: z.ZodType<MatrixCell> = z.object({
  from: z.string(),
  to: z.string(),
  connections: count,
  bytesOut: count,
  bytesIn: count,
  messages: count,
  redirectedBytes: count,
  denied: count,
});
const tapMessage: z.ZodType<TapMessage> = z.object({
  timeNs: z.string(),
  from: z.string(),
  to: z.string(),
  source: z.instanceof(Uint8Array),
  destination: z.instanceof(Uint8Array),
  sourcePort: port,
  destinationPort: port,
  length: count,
  data: z.instanceof(Uint8Array),
});
const tracedEnd = endpoint.extend({ here: z.boolean() });
const timeNs = z.string().regex(/^\d{1,20}$/);
const spanId = z.string().regex(/^[0-9a-f]{16}$/);
const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const linkKinds = ["header", "thread", "side-band", "ambiguous", "none"] as const;
const tracedExchange: z.ZodType<TracedExchange> = z.object({
  client: tracedEnd,
  server: tracedEnd,
  node: z.string(),
  traceId,
  clientSpanId: spanId,
  serverSpanId: spanId,
  parentSpanId: spanId.nullable(),
  startNs: timeNs,
  readNs: timeNs.nullable(),
  firstNs: timeNs.nullable(),
  endNs: timeNs,
  protocol: z.enum(["http/1", "http/2", "grpc"]),
  method: z.string(),
  target: z.string(),
  authority: z.string(),
  status: z.int().nonnegative(),
  grpcStatus: z.int().nonnegative().nullable(),
  requestBytes: count,
  answerBytes: count,
  sampled: z.boolean(),
  continued: z.boolean(),
  link: z.enum(linkKinds),
  injected: z.boolean(),
  redirected: z.boolean(),
  aborted: z.boolean(),
  flags: z.string().exactOptional(),
  security: z.enum(["none", "mutual_tls"]).exactOptional(),
  tries: count.exactOptional(),
  route: z.string().exactOptional(),
});
const nicReplica: z.ZodType<NicReplica> = z.object({
  service: z.string(),
  port,
  address: z.string(),
  target: port,
  weight: count,
  up: z.boolean(),
  here: z.boolean(),
});
const daemonStatus = z.object({ version: z.string(), pid: z.int(), startedAtMs: z.number(), degraded: z.array(z.string()) });
const nicStatus = z.object({
  pid: z.int(),
  service: z.string(),
  port,
  addresses: z.array(z.string()),
  active: count,
  total: count,
});
const name = z.string().min(1).max(63);
const tracing = z.object({ propagation: z.enum(["off", "side-band", "header"]), sampling: z.number().min(0).max(1) });
const member = { service: name, ports: z.array(z.string()), redirect: redirect.optional(), tracing: tracing.optional() };

/** sockhijack: who talks to whom through the kernel. */
export const sockhijack: SockhijackProtocol = {
  status: method(
    nothing,
    daemonStatus.extend({
      mesh: z.string(),
      services: count,
      cgroups: count,
      flows: count,
      redirectedFlows: count,
      counters: counts,
      scans: count,
      scanMeanUs: count,
      dns: counts,
      pins: z.string(),
      nic: nicStatus.nullable(),
      placement: placementStatus.optional(),
    }),
  ),
  flows: method(z.object({ service: z.string().optional() }), z.object({ flows: z.array(flow) })),
  services: method(nothing, z.object({ services: z.array(service) })),
  matrix: method(nothing, z.object({ cells: z.array(cell) })),
  join: method(z.object({ ...member, pid: z.int().positive() }), z.object({ cgroup: z.string() })),
  attach: method(z.object({ ...member, target: z.string().min(1) }), z.object({ cgroup: z.string(), tookMs: count })),
  detach: method(z.object({ target: z.string().min(1) }), z.object({ cgroups: z.array(z.string()), tookMs: count })),
  policyCheck: method(z.object({ from: z.string(), to: name, port }), z.object({ action: z.enum(["allow", "deny"]), rule: z.string() })),
  metrics: method(nothing, z.object({ text: z.string() })),
  stop: method(z.object({ cleanup: z.boolean() }), nothing),
  tap: stream(z.object({ service: name }), tapMessage),
  traces: method(
    z.object({ service: z.string().optional(), minMs: count.optional(), limit: z.int().min(1).max(1000) }),
    z.object({
      traces: z.array(z.object({ traceId, exchanges: z.array(tracedExchange) })),
      linkedShare: z.record(z.enum(linkKinds), count),
    }),
  ),
  exchanges: stream(nothing, tracedExchange),
  nic: stream(
    z.object({ port: z.int().min(1).max(65535), addresses: z.array(z.string().max(64)).min(1).max(64) }),
    z.object({ active: z.boolean(), service: z.string(), replicas: z.array(nicReplica) }),
    "wait",
  ),
  replicas: stream(
    nothing,
    z.object({
      pins: z.string(),
      replicas: z.array(
        z.object({
          id: z.int().nonnegative(),
          service: z.string(),
          port,
          protocol: z.enum(["tcp", "udp"]),
          frontend: z.int().nonnegative(),
          address: z.string(),
          target: port,
          weight: count,
          up: z.boolean(),
          here: z.boolean(),
        }),
      ),
    }),
    "wait",
  ),
};
