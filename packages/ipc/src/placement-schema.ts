/** Where a daemon's pieces of work run, as `status` tells: the placement report of `@mitsu/hal`, on the wire. @module */
import { z } from "zod";

/** One piece of work; `ReportRow` of `@mitsu/hal`. */
export interface PlacementRow {
  readonly work: string;
  readonly capability: string;
  readonly policy: "auto" | "hardware-only" | "software-only";
  /** Not there for work that runs nowhere. */
  readonly device?: string | undefined;
  readonly kind?: "hardware" | "software" | undefined;
  readonly why: string;
  /** Of one operation. */
  readonly cost?: { readonly ns: number; readonly cycles?: number | undefined } | undefined;
  /** Reserved for it. */
  readonly entries: number;
  /** Of them in use now; not there where nobody counts. */
  readonly used?: number | undefined;
  readonly moves: number;
  readonly refused: readonly { readonly device: string; readonly code: string; readonly reason: string }[];
}

/** All of it. */
export interface PlacementStatus {
  readonly work: readonly PlacementRow[];
  /** Offers and requests that were skipped. */
  readonly notices: readonly string[];
}

const count = z.number().nonnegative();

/** Its schema. */
export const placementStatus: z.ZodType<PlacementStatus> = z.object({
  work: z.array(
    z.object({
      work: z.string(),
      capability: z.string(),
      policy: z.enum(["auto", "hardware-only", "software-only"]),
      device: z.string().optional(),
      kind: z.enum(["hardware", "software"]).optional(),
      why: z.string(),
      cost: z.object({ ns: count, cycles: count.optional() }).optional(),
      entries: count,
      used: count.optional(),
      moves: count,
      refused: z.array(z.object({ device: z.string(), code: z.string(), reason: z.string() })),
    }),
  ),
  notices: z.array(z.string()),
});
