/** `sticky` of a cluster: what of a request keeps it at one replica, as written and as parsed. @module */
import { z } from "zod";
import { noOtherFault, wrong } from "../fields.ts";
import type { StickyKey } from "../traffic.ts";
import { cookieName, keyHeader } from "./fields.ts";

/** A sticky key as written: exactly one of the two fields. */
export type StickyEntry = "source" | "off" | { header?: string | undefined; cookie?: string | undefined };

const allowed = "use {header: x-user}, {cookie: session}, source (the client's address) or off";

/** Schema of `sticky`. */
export const stickyEntry: z.ZodType<StickyEntry> = z.union(
  [
    z.enum(["source", "off"]),
    z
      .strictObject({
        header: keyHeader.describe("Name of the header whose value is the key.").optional(),
        cookie: cookieName.describe("Name of the cookie whose value is the key.").optional(),
      })
      .refine(({ header, cookie }) => (header === undefined) !== (cookie === undefined), {
        when: noOtherFault,
        error: ({ input }) => {
          const { header } = input as { header?: unknown };
          return header === undefined ? `says nothing to go by; ${allowed}` : "gives header and cookie; give one of them";
        },
      }),
  ],
  wrong("a sticky key", allowed),
);

/** Null for none. */
export function normaliseSticky(entry: StickyEntry): StickyKey | null {
  if (entry === "off") return null;
  if (entry === "source") return { by: "source" };
  return entry.header === undefined ? { by: "cookie", name: entry.cookie! } : { by: "header", name: entry.header.toLowerCase() };
}
