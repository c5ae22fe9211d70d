/** `fault`: errors made on purpose, as written and as parsed. @module */
import { z } from "zod";
import { parseDuration } from "../duration.ts";
import { noOtherFault, share } from "../fields.ts";
import type { Fault } from "../traffic.ts";
import { positiveDuration, status } from "./fields.ts";

/** A fault as written. */
export interface FaultEntry {
  delay?: { share?: number | undefined; time: string } | undefined;
  abort?: { share?: number | undefined; status: number } | undefined;
}

const shareOfRequests = share.describe("Share of the requests; 1 (all) unless told.").optional();

/** Schema of `fault`. */
export const faultEntry: z.ZodType<FaultEntry> = z
  .strictObject({
    delay: z
      .strictObject({ share: shareOfRequests, time: positiveDuration.describe("How long a request is held back.") })
      .describe("Holds requests back.")
      .optional(),
    abort: z
      .strictObject({ share: shareOfRequests, status: status.describe("Status of the answer.") })
      .describe("Answers requests with an error.")
      .optional(),
  })
  .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, {
    error: "is empty; give delay, abort or both",
    when: noOtherFault,
  });

/** Writes a fault out in full. */
export function normaliseFault({ delay, abort }: FaultEntry = {}): Fault {
  return {
    delay: delay === undefined ? null : { share: delay.share ?? 1, ms: parseDuration(delay.time)! },
    abort: abort === undefined ? null : { share: abort.share ?? 1, status: abort.status },
  };
}
