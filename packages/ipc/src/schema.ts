/**
 * The one file that names every message between Mitsu's processes. A daemon is an interface, for readers and the compiler, and a
 * value of it with the schemas that check the bytes; to add a method, add one line to each.
 * @module
 */
import { z } from "zod";
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
  readonly state: "redirected" | "tcp";
  /** Why it is in that state. */
  readonly reason: string;
  /** Payload from client to server and back. */
  readonly bytes: number;
  /** Sends seen by the kernel program. */
  readonly messages: number;
}

/** Answers of sockhijack's `status`. */
export interface SockhijackStatus extends DaemonStatus {
  readonly services: number;
  readonly flows: number;
  readonly redirectedFlows: number;
}

/** Restricts flows to those with this service at either end. */
export interface FlowsRequest {
  readonly service?: string | undefined;
}

/** sockhijack's methods. */
export interface SockhijackProtocol {
  readonly status: Method<Record<string, never>, SockhijackStatus>;
  readonly flows: Method<FlowsRequest, { readonly flows: readonly Flow[] }>;
  /** A flow each time its state changes. */
  readonly watch: Stream<FlowsRequest, Flow>;
}

const nothing = z.strictObject({});
const endpoint = z.object({ service: z.string(), address: z.string(), port: z.int().min(0).max(65535) });
const count = z.number().nonnegative();
const flow = z.object({
  client: endpoint,
  server: endpoint,
  state: z.enum(["redirected", "tcp"]),
  reason: z.string(),
  bytes: count,
  messages: count,
});
const daemonStatus = z.object({ version: z.string(), pid: z.int(), startedAtMs: z.number(), degraded: z.array(z.string()) });
const flowsRequest = z.object({ service: z.string().optional() });

/** sockhijack: who talks to whom through the kernel. */
export const sockhijack: SockhijackProtocol = {
  status: method(nothing, daemonStatus.extend({ services: count, flows: count, redirectedFlows: count })),
  flows: method(flowsRequest, z.object({ flows: z.array(flow) })),
  watch: stream(flowsRequest, flow),
};
