/** What replicad's daemon can be asked: see `schema.ts`, which this is a part of. @module */
import { z } from "zod";
import { type Method, method } from "./protocol.ts";
import type { DaemonStatus } from "./schema.ts";

/** What a replica is to those who select: see `Standing` of `@mitsu/selector`. */
export type ReplicaStanding = "healthy" | "slow-start" | "ejected" | "dead" | "draining";

/** A replica of the mesh as this node's replicad knows it. */
export interface ReplicadReplica {
  readonly service: string;
  /** Port at the service's virtual address. */
  readonly port: number;
  /** `address:port` of the replica. */
  readonly replica: string;
  /** Null when the mesh file does not say. */
  readonly node: string | null;
  /** On this node. */
  readonly here: boolean;
  readonly standing: ReplicaStanding;
  /** Relative share, by hand or as in the mesh file, and whether it is by hand. */
  readonly weight: number;
  readonly overridden: boolean;
  /** What part of its share it takes while it is slow-started, 0 to 1. */
  readonly ramp: number;
  /** What its node said of it; null when nothing was ever heard. */
  readonly inFlight: number | null;
  readonly serviceMs: number | null;
  readonly latencyMs: number | null;
  /** Share of requests that failed, 0 to 1. */
  readonly failures: number;
  /** Milliseconds since that was true; null when nothing was ever heard. */
  readonly ageMs: number | null;
  /** Selections by this daemon. */
  readonly selections: number;
}

/** A node of the mesh as it is heard. */
export interface ReplicadNode {
  readonly name: string;
  readonly here: boolean;
  readonly ageMs: number;
  readonly replicas: number;
  readonly cpus: number;
  /** How congested it is, by name (`runQueue`, `cpuSome`, …); what the node cannot tell is left out. */
  readonly figures: Readonly<Record<string, number>>;
  /** Half the width of what is known of its clock, milliseconds; null before the first echo, 0 for this node. */
  readonly clockErrorMs: number | null;
  /** Messages that never came. */
  readonly lost: number;
}

/** The connection to the broker; counters are since the start. */
export interface ReplicadBroker {
  /** Null without a broker. */
  readonly url: string | null;
  readonly state: "up" | "down" | "none";
  readonly connects: number;
  readonly losses: number;
  readonly sent: number;
  /** States that did not go out: the broker took no more, or was not there. */
  readonly dropped: number;
  readonly unsent: number;
  readonly received: number;
  /** Messages that were refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Milliseconds between two messages now. */
  readonly intervalMs: number;
}

/** A source of how busy this node's replicas are. */
export interface ReplicadSource {
  /** `nicd`, `sockhijack`. */
  readonly name: string;
  readonly path: string;
  readonly state: "up" | "away" | "off";
  readonly why: string | null;
}

/** Answers of replicad's `status`. */
export interface ReplicadStatus extends DaemonStatus {
  readonly mesh: string;
  readonly node: string;
  readonly broker: ReplicadBroker;
  readonly nodes: readonly ReplicadNode[];
  readonly sources: readonly ReplicadSource[];
  readonly services: number;
  readonly replicas: number;
  /** Replicas that are drained or weighted by hand. */
  readonly overrides: number;
  /** Scores in the kernel: of how many replicas, and how often they were written. */
  readonly kernel: {
    readonly state: "up" | "away" | "off";
    readonly replicas: number;
    readonly writes: number;
    readonly why: string | null;
  };
  /** What other daemons read: rows, and how often they were written. */
  readonly reports: { readonly rows: number; readonly writes: number };
  readonly selections: number;
  /** Selections that are waited for an answer of. */
  readonly waiting: number;
  /** Selections that were never answered, and answers to none. */
  readonly forgotten: number;
  readonly unknownTickets: number;
}

/** A replica that may be selected, as `explain` shows it. */
export interface ReplicadCandidate extends ReplicadReplica {
  /** What the selector compares, the least is best; null for selectors that compare nothing. */
  readonly cost: number | null;
  /** Share of the next 1000 selections that it would get if nothing changed, 0 to 1. */
  readonly share: number;
  /** This one was chosen. */
  readonly chosen: boolean;
}

/** Answers of `explain`. */
export interface ReplicadExplanation {
  readonly service: string;
  readonly port: number;
  readonly selector: string;
  readonly options: Readonly<Record<string, number>>;
  /** What costs are in, such as `ms`; null for selectors that compare nothing. */
  readonly unit: string | null;
  /** How many programs send to the service, as far as is known. */
  readonly clients: number;
  /** The best first. */
  readonly candidates: readonly ReplicadCandidate[];
  /** Replicas that are no candidates, and why. */
  readonly left: readonly { readonly replica: ReplicadReplica; readonly why: string }[];
  /** Too few are healthy, so those that fail are candidates as well. */
  readonly panic: boolean;
  /** Why that one, in one sentence. */
  readonly why: string;
}

/** Names one port of a service; the port may be left out where there is one. */
export interface SelectRequest {
  readonly service: string;
  readonly port?: number | undefined;
  /** Requests with the same key go to the same replica while they can. */
  readonly stickyKey?: string | undefined;
}

/** A replica that was selected. */
export interface SelectAnswer {
  /** For `answered`. */
  readonly ticket: number;
  readonly address: string;
  readonly port: number;
  readonly node: string | null;
  readonly here: boolean;
}

/** How a request went; of one that was `cancelled` nothing is known. */
export type SelectOutcome = "ok" | "failed" | "refused" | "cancelled";

/** What an operator says of a replica, over the mesh file, until it is taken back. */
export interface OverrideRequest {
  /** `address:port`. */
  readonly replica: string;
  /** No new requests. */
  readonly draining?: boolean | undefined;
  /** Null for what the mesh file says. */
  readonly weight?: number | null | undefined;
}

type Nothing = Record<string, never>;

/** replicad's methods. */
export interface ReplicadProtocol {
  readonly status: Method<Nothing, ReplicadStatus>;
  readonly replicas: Method<{ readonly service?: string | undefined }, { readonly replicas: readonly ReplicadReplica[] }>;
  readonly explain: Method<SelectRequest, ReplicadExplanation>;
  /** The replica for one request. Whoever asks says how it went by `answered`, within a minute; else it counts as over. */
  readonly select: Method<SelectRequest, SelectAnswer>;
  readonly answered: Method<{ readonly ticket: number; readonly latencyMs: number; readonly outcome: SelectOutcome }, Nothing>;
  /** Holds on this node at once, and on others when the broker has it. @returns Why others do not know yet; null when they do. */
  readonly override: Method<OverrideRequest, { readonly replica: ReplicadReplica; readonly untold: string | null }>;
  readonly metrics: Method<Nothing, { readonly text: string }>;
  /** Reads the mesh file again, as SIGHUP does; an error says what is wrong, and the old one stays. */
  readonly reload: Method<Nothing, Nothing>;
}

const nothing: z.ZodType<Nothing> = z.strictObject({});
const count = z.number().nonnegative();
const figure = z.number().nullable();
const port = z.int().min(0).max(65535);
const counts = z.record(z.string(), count);
const away = z.enum(["up", "away", "off"]);
const replicaFields = {
  service: z.string(),
  port,
  replica: z.string(),
  node: z.string().nullable(),
  here: z.boolean(),
  standing: z.enum(["healthy", "slow-start", "ejected", "dead", "draining"]),
  weight: count,
  overridden: z.boolean(),
  ramp: count,
  inFlight: figure,
  serviceMs: figure,
  latencyMs: figure,
  failures: count,
  ageMs: figure,
  selections: count,
};
const replica: z.ZodType<ReplicadReplica> = z.object(replicaFields);
const name = z.string().min(1).max(63);
const selectRequest: z.ZodType<SelectRequest> = z.strictObject({
  service: name,
  port: z.int().min(1).max(65535).optional(),
  stickyKey: z.string().max(4096).optional(),
});

/** replicad: which replica gets a request. */
export const replicad: ReplicadProtocol = {
  status: method(
    nothing,
    z.object({
      version: z.string(),
      pid: z.int(),
      startedAtMs: z.number(),
      degraded: z.array(z.string()),
      mesh: z.string(),
      node: z.string(),
      broker: z.object({
        url: z.string().nullable(),
        state: z.enum(["up", "down", "none"]),
        connects: count,
        losses: count,
        sent: count,
        dropped: count,
        unsent: count,
        received: count,
        refused: counts,
        intervalMs: count,
      }),
      nodes: z.array(
        z.object({
          name: z.string(),
          here: z.boolean(),
          ageMs: count,
          replicas: count,
          cpus: count,
          figures: z.record(z.string(), z.number()),
          clockErrorMs: figure,
          lost: count,
        }),
      ),
      sources: z.array(z.object({ name: z.string(), path: z.string(), state: away, why: z.string().nullable() })),
      services: count,
      replicas: count,
      overrides: count,
      kernel: z.object({ state: away, replicas: count, writes: count, why: z.string().nullable() }),
      reports: z.object({ rows: count, writes: count }),
      selections: count,
      waiting: count,
      forgotten: count,
      unknownTickets: count,
    }),
  ),
  replicas: method(z.strictObject({ service: name.optional() }), z.object({ replicas: z.array(replica) })),
  explain: method(
    selectRequest,
    z.object({
      service: z.string(),
      port,
      selector: z.string(),
      options: z.record(z.string(), z.number()),
      unit: z.string().nullable(),
      clients: count,
      candidates: z.array(z.object({ ...replicaFields, cost: figure, share: count, chosen: z.boolean() })),
      left: z.array(z.object({ replica, why: z.string() })),
      panic: z.boolean(),
      why: z.string(),
    }),
  ),
  select: method(selectRequest, z.object({ ticket: count, address: z.string(), port, node: z.string().nullable(), here: z.boolean() })),
  answered: method(
    z.strictObject({ ticket: z.int().nonnegative(), latencyMs: count, outcome: z.enum(["ok", "failed", "refused", "cancelled"]) }),
    nothing,
  ),
  override: method(
    z.strictObject({
      replica: z.string().min(1).max(64),
      draining: z.boolean().optional(),
      weight: z.number().min(0).max(65535).nullable().optional(),
    }),
    z.object({ replica, untold: z.string().nullable() }),
  ),
  metrics: method(nothing, z.object({ text: z.string() })),
  reload: method(nothing, nothing),
};
