/** One entry of a service's `routes`, as written. @module */
import { z } from "zod";
import { count, name, noOtherFault, oneOf, port, share, wrong } from "../fields.ts";
import { filterNames } from "../filter-entry.ts";
import type { RedirectAnswer } from "../traffic.ts";
import { type FaultEntry, faultEntry } from "./fault.ts";
import { byteSize, duration, host, status, text, urlPath } from "./fields.ts";
import { type HeaderEditEntry, headerEditEntry } from "./header-edit.ts";
import { type RequestMatchEntry, requestMatchEntry } from "./match.ts";
import { type RateLimitEntry, rateLimitEntry } from "./rate-limit.ts";
import { type RetriesEntry, retriesEntry } from "./retries.ts";

/** A new path as written: at most one of the two. */
export interface PathRewriteEntry {
  path?: string | undefined;
  prefix?: string | undefined;
}

/** A route as written. */
export interface RouteEntry {
  name?: string | undefined;
  match?: RequestMatchEntry | undefined;
  to?: string | { service: string; weight?: number | undefined }[] | undefined;
  mirror?: { service: string; share?: number | undefined } | undefined;
  redirect?:
    | (PathRewriteEntry & {
        status?: RedirectAnswer["status"] | undefined;
        scheme?: "http" | "https" | undefined;
        host?: string | undefined;
        port?: number | undefined;
      })
    | undefined;
  respond?: { status: number; body?: string | undefined } | undefined;
  rewrite?: (PathRewriteEntry & { host?: string | undefined }) | undefined;
  headers?: { request?: HeaderEditEntry | undefined; response?: HeaderEditEntry | undefined } | undefined;
  timeout?: string | 0 | undefined;
  retries?: RetriesEntry | undefined;
  fault?: FaultEntry | undefined;
  "rate-limit"?: RateLimitEntry | undefined;
  limits?: { request?: string | number | undefined; response?: string | number | undefined } | undefined;
  filters?: string[] | undefined;
}

const target = z.strictObject(
  {
    service: name.describe("Name of a service."),
    weight: count(0, 1_000_000, "a weight", "use 0 (takes none) to 1000000")
      .describe("Share of the requests relative to the other targets; 1 unless told.")
      .optional(),
  },
  wrong("a target", "use {service: v2, weight: 1}"),
);

const newPath = {
  path: urlPath.describe("The new path, whole; the query stays.").optional(),
  prefix: urlPath.describe("What the prefix of the match is replaced with; the query stays.").optional(),
};
const onePath = ({ path, prefix }: PathRewriteEntry): boolean => path === undefined || prefix === undefined;
const twoPaths = { error: "gives path and prefix; give one of them", when: noOtherFault };
const notEmpty = (entry: object): boolean => Object.values(entry).some((value) => value !== undefined);

const redirectStatus = z.union(
  [z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)],
  wrong("a status of a redirect", "use 301, 302, 303, 307 or 308"),
);
const redirect = z
  .strictObject({
    status: redirectStatus.describe("Status of the answer; 301 unless told.").optional(),
    scheme: oneOf("http", "https").describe("Scheme to use; that of the request unless told.").optional(),
    host: host.describe("Host to go to; that of the request unless told.").optional(),
    port: port.describe("Port to go to; that of the request unless told.").optional(),
    ...newPath,
  })
  .refine(onePath, twoPaths)
  .refine(({ status: _, ...where }) => notEmpty(where), {
    error: "leads where it came from; give scheme, host, port, path or prefix",
    when: noOtherFault,
  });

/** Bodies belong to programs; this is for a line or a short page. */
const longestBody = 4096;
const respond = z
  .strictObject({
    status: status.describe("Status of the answer."),
    body: text
      .max(longestBody, { error: `is longer than ${longestBody} characters; let a service answer` })
      .describe("Text of the answer; none unless told.")
      .optional(),
  })
  .refine(({ status, body }) => ![204, 205, 304].includes(status) || body === undefined, {
    path: ["body"],
    error: "an answer of this status has no body (RFC 9110 §15); leave it out",
  });

/** Schema of one entry of `routes`. */
export const routeEntry: z.ZodType<RouteEntry> = z.strictObject({
  name: name
    .refine((word) => word !== "default", { error: '"default" is the name of the route behind all others; choose another' })
    .describe("Shown in logs, metrics and traces; the route's place in the list unless told.")
    .optional(),
  match: requestMatchEntry.describe("Which requests it is for; all unless told.").optional(),
  to: z
    .union(
      [name, z.array(target).min(1, { error: "is empty; name a service, or leave it out for this one" })],
      wrong("a target", "use the name of a service or a list such as [{service: v1, weight: 9}, {service: v2, weight: 1}]"),
    )
    .describe("Services that the requests go to; this one unless told.")
    .optional(),
  mirror: z
    .strictObject({
      service: name.describe("Name of a service."),
      share: share.describe("Share of the requests; 1 (all) unless told.").optional(),
    })
    .describe("Where a copy goes; its answer is thrown away.")
    .optional(),
  redirect: redirect.describe("Tells the client to ask elsewhere.").optional(),
  respond: respond.describe("Answers without asking a service.").optional(),
  rewrite: z
    .strictObject({ host: host.describe("The new host.").optional(), ...newPath })
    .refine(onePath, twoPaths)
    .refine(notEmpty, { error: "is empty; give host, path or prefix", when: noOtherFault })
    .describe("What the service is asked instead.")
    .optional(),
  headers: z
    .strictObject({
      request: headerEditEntry.describe("Of the request, before it goes on.").optional(),
      response: headerEditEntry.describe("Of the answer, before it goes back.").optional(),
    })
    .describe("Changes of headers.")
    .optional(),
  timeout: duration.describe("Of the whole exchange, all tries included, beyond it 504; 15s unless told, 0 is none.").optional(),
  retries: retriesEntry.describe("How often a failed request is tried again; never unless told.").optional(),
  fault: faultEntry.describe("Errors made on purpose, to test with.").optional(),
  "rate-limit": rateLimitEntry.describe("How many requests this node lets through, beyond them 429; all unless told.").optional(),
  limits: z
    .strictObject({
      request: byteSize.describe("Longest body of a request, beyond it 413; 0 (no limit) unless told.").optional(),
      response: byteSize.describe("Longest answer, beyond it cut off; 0 (no limit) unless told.").optional(),
    })
    .describe("Longest bodies.")
    .optional(),
  filters: filterNames.describe("Filters that its requests pass, before those of the service; none unless told.").optional(),
});
