/** What placer's daemon can be asked: see `schema.ts`, which this is a part of. @module */
import { z } from "zod";
import { type Method, method } from "./protocol.ts";
import type { DaemonStatus } from "./schema.ts";

/** A sockhijack whose matrix is read. */
export interface PlacerSource {
  readonly socket: string;
  readonly state: "up" | "away";
  /** Readings that were taken into the estimate, since the daemon's start. */
  readonly readings: number;
  /** Readings that told of no traffic because counters began anew. */
  readonly resets: number;
  /** Milliseconds since 1970; null before the first. */
  readonly lastReadMs: number | null;
  /** How much of the half-life's horizon it has told of, 0 to 1; one half-life is 0.5. */
  readonly coverage: number;
  /** Why it is away; null when it is up. */
  readonly lastError: string | null;
}

/** Answers of placer's `status`; counters are since the start. */
export interface PlacerStatus extends DaemonStatus {
  readonly problem: { readonly file: string; readonly nodes: number; readonly services: number; readonly replicas: number };
  readonly sources: readonly PlacerSource[];
  /** The estimate rests on at least one half-life of readings. */
  readonly warm: boolean;
  /** Milliseconds since the youngest reading; null before the first. */
  readonly estimateAgeMs: number | null;
  /** Pairs of the problem's services that talk. */
  readonly edges: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Services of the matrix that the problem does not have, the busiest first, at most 20; their traffic is left out. */
  readonly unknown: readonly string[];
  /** The objective under the present estimate: where replicas run now, of the last plan, of the proposal; null when there is none. */
  readonly objective: { readonly present: number | null; readonly plan: number | null; readonly proposal: number | null };
  /** By how much the last plan is better than the present placement; null when there is none. */
  readonly gain: number | null;
  /** The same of the proposal. */
  readonly proposalGain: number | null;
  /** `holding`: the gain is above the threshold, and not yet for long enough. */
  readonly state: "none" | "holding" | "proposed";
  /** Milliseconds since 1970: since when it is in that state. */
  readonly sinceMs: number;
  readonly planning: boolean;
  readonly plans: number;
  readonly planFailures: number;
  /** Wall clock that plans have taken. */
  readonly planningSeconds: number;
  /** Proposals that were made, replaced by better ones, and withdrawn. */
  readonly proposed: number;
  readonly replaced: number;
  readonly withdrawn: number;
}

/** One ordered pair of services, as the estimate has it. */
export interface PlacerEdge {
  readonly from: string;
  readonly to: string;
  /** Both ways. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

type Nothing = Record<string, never>;

/** placer's methods. */
export interface PlacerProtocol {
  readonly status: Method<Nothing, PlacerStatus>;
  /** The estimate, the busiest pair first. */
  readonly traffic: Method<Nothing, { readonly edges: readonly PlacerEdge[] }>;
  /** What it proposes, as a plan file's JSON; null with the reason when it proposes nothing. */
  readonly proposal: Method<Nothing, { readonly plan: string | null; readonly why: string }>;
  readonly metrics: Method<Nothing, { readonly text: string }>;
  /** Reads the problem again, as SIGHUP does; an error says what is wrong, and the old one stays. */
  readonly reload: Method<Nothing, Nothing>;
}

const nothing: z.ZodType<Nothing> = z.strictObject({});
const count = z.number().nonnegative();
const figure = z.number().nullable();

/** placer: where replicas should run. */
export const placer: PlacerProtocol = {
  status: method(
    nothing,
    z.object({
      version: z.string(),
      pid: z.int(),
      startedAtMs: z.number(),
      degraded: z.array(z.string()),
      problem: z.object({ file: z.string(), nodes: count, services: count, replicas: count }),
      sources: z.array(
        z.object({
          socket: z.string(),
          state: z.enum(["up", "away"]),
          readings: count,
          resets: count,
          lastReadMs: figure,
          coverage: count,
          lastError: z.string().nullable(),
        }),
      ),
      warm: z.boolean(),
      estimateAgeMs: figure,
      edges: count,
      messagesPerSecond: count,
      bytesPerSecond: count,
      unknown: z.array(z.string()),
      objective: z.object({ present: figure, plan: figure, proposal: figure }),
      gain: figure,
      proposalGain: figure,
      state: z.enum(["none", "holding", "proposed"]),
      sinceMs: z.number(),
      planning: z.boolean(),
      plans: count,
      planFailures: count,
      planningSeconds: count,
      proposed: count,
      replaced: count,
      withdrawn: count,
    }),
  ),
  traffic: method(
    nothing,
    z.object({
      edges: z.array(z.object({ from: z.string(), to: z.string(), messagesPerSecond: count, bytesPerSecond: count })),
    }),
  ),
  proposal: method(nothing, z.object({ plan: z.string().nullable(), why: z.string() })),
  metrics: method(nothing, z.object({ text: z.string() })),
  reload: method(nothing, nothing),
};
