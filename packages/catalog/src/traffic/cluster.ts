/** `cluster`: how a service's replicas are called, as written and as parsed. @module */
import { z } from "zod";
import { parseDuration } from "../duration.ts";
import { count, oneOf, share } from "../fields.ts";
import type { ClusterPolicy } from "../traffic.ts";
import { duration, positiveDuration } from "./fields.ts";
import { normaliseSelector, type SelectorEntry, selectorEntry } from "./selector-entry.ts";
import { normaliseSticky, type StickyEntry, stickyEntry } from "./sticky-entry.ts";

/** A cluster as written. */
export interface ClusterEntry {
  selector?: SelectorEntry | undefined;
  sticky?: StickyEntry | undefined;
  locality?: "auto" | "prefer" | "off" | undefined;
  "slow-start"?: string | 0 | undefined;
  "panic-threshold"?: number | undefined;
  "connect-timeout"?: string | undefined;
  "idle-timeout"?: string | undefined;
  "max-connections"?: number | undefined;
  "max-pending"?: number | undefined;
  "max-requests"?: number | undefined;
  outlier?: { "consecutive-errors"?: number | undefined; ejection?: string | undefined; "max-ejected"?: number | undefined } | undefined;
}

const limit = (least: number) => count(least, 1_000_000, "a limit", `use ${least} to 1000000`);

/** Schema of `cluster`. */
export const clusterEntry: z.ZodType<ClusterEntry> = z.strictObject({
  selector: selectorEntry
    .describe("How the replica of a request is chosen: a name, or a map of a name and its options; mitsu unless told.")
    .optional(),
  sticky: stickyEntry
    .describe(
      "What keeps requests at one replica, while it can take them: a header, a cookie, or the client's address (source); off unless told.",
    )
    .optional(),
  locality: oneOf("auto", "prefer", "off")
    .describe(
      "Whether replicas on the same node come first while one of them is healthy; auto unless told: they do, but for selector mitsu, to which the way is a cost (remote-cost-ms). Requests with a sticky key go by that.",
    )
    .optional(),
  "slow-start": duration
    .describe("How long a new or recovered replica takes to get its full share, 0 for at once; 10s unless told.")
    .optional(),
  "panic-threshold": share
    .describe("When a smaller share of the replicas is healthy, those that fail are asked too, 0 for never; 0.5 unless told.")
    .optional(),
  "connect-timeout": positiveDuration.describe("Of connecting to a replica; 5s unless told.").optional(),
  "idle-timeout": positiveDuration.describe("An unused connection to a replica is closed after it; 1h unless told.").optional(),
  "max-connections": limit(1).describe("Connections to one replica from one worker; 1024 unless told.").optional(),
  "max-pending": limit(0).describe("Requests that may wait for a connection, beyond them 503; 1024 unless told.").optional(),
  "max-requests": limit(1).describe("Requests in flight to the service from one worker, beyond them 503; 1024 unless told.").optional(),
  outlier: z
    .strictObject({
      "consecutive-errors": limit(0)
        .describe("Answers of 500 and above, failed connects and resets in a row that take a replica out, 0 for never; 5 unless told.")
        .optional(),
      ejection: positiveDuration.describe("How long a replica is out, n times that the nth time in a row; 30s unless told.").optional(),
      "max-ejected": share.describe("Share of the replicas that may be out at a time; 0.1 unless told, and one always may.").optional(),
    })
    .describe("When a replica that fails is left out for a while.")
    .optional(),
});

/** Fills in what an entry leaves out from `defaults`, field by field. */
export function normaliseCluster(entry: ClusterEntry | undefined, defaults: ClusterPolicy): ClusterPolicy {
  if (entry === undefined) return defaults;
  const ms = (field: string | undefined, otherwise: number) => (field === undefined ? otherwise : parseDuration(field)!);
  // Options belong to the name beside them: another one inherits none.
  const { selector, selectorOptions } = entry.selector === undefined ? defaults : normaliseSelector(entry.selector);
  return {
    selector,
    selectorOptions,
    stickyKey: entry.sticky === undefined ? defaults.stickyKey : normaliseSticky(entry.sticky),
    locality: entry.locality ?? defaults.locality,
    slowStartMs: entry["slow-start"] === 0 ? 0 : ms(entry["slow-start"], defaults.slowStartMs),
    panicThreshold: entry["panic-threshold"] ?? defaults.panicThreshold,
    connectTimeoutMs: ms(entry["connect-timeout"], defaults.connectTimeoutMs),
    idleTimeoutMs: ms(entry["idle-timeout"], defaults.idleTimeoutMs),
    maxConnections: entry["max-connections"] ?? defaults.maxConnections,
    maxPending: entry["max-pending"] ?? defaults.maxPending,
    maxRequests: entry["max-requests"] ?? defaults.maxRequests,
    outlier: {
      consecutiveErrors: entry.outlier?.["consecutive-errors"] ?? defaults.outlier.consecutiveErrors,
      ejectionMs: ms(entry.outlier?.ejection, defaults.outlier.ejectionMs),
      maxEjected: entry.outlier?.["max-ejected"] ?? defaults.outlier.maxEjected,
    },
  };
}
