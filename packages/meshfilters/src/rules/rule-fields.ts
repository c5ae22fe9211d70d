/** The scalar fields of a rules file, each with a message that names the offending value and what is allowed. @module */
import { wrong } from "@mitsu/catalog/document";
import { z } from "zod";
import { parsePrefix } from "./ip-prefix.ts";

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const notName = wrong("a name", "use 1 to 63 lower-case letters, digits and hyphens");
/** Name of a rule. */
export const ruleName: z.ZodString = z.string(notName).regex(label, notName);

const notService = wrong("a service", "use its name: 1 to 63 lower-case letters, digits and hyphens");
/** Name of a service. */
export const service: z.ZodString = z.string(notService).regex(label, notService);

const notCaller = wrong("a caller", "use the name of a service, or a SPIFFE id such as spiffe://mesh.local/ns/mesh/sa/cart");
/** A service, or a SPIFFE id (SPIFFE-ID §2). */
export const caller: z.ZodString = z
  .string(notCaller)
  .max(2048, notCaller)
  .refine((text) => label.test(text) || /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[a-zA-Z0-9._-]+)+$/.test(text), notCaller);

const notSource = wrong("a source", "use an address or a prefix without bits after it, such as 10.0.0.0/8 or fd00::/8");
/** An address or prefix. */
export const source: z.ZodString = z.string(notSource).refine((text) => parsePrefix(text) !== undefined, notSource);

const notPort = wrong("a port", "use 1 to 65535, or a list of them");
/** A port. */
export const port: z.ZodNumber = z.int(notPort).min(1, notPort).max(65_535, notPort);

const notHost = wrong("a host", "use a name without scheme and port, such as shop.example, or *.example.com for all below it");
/** A host to match. */
export const host: z.ZodString = z
  .string(notHost)
  .max(253, notHost)
  .regex(/^(?:\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])$/, notHost);

const notMethod = wrong("a method", "use GET, POST or another method of HTTP");
/** An HTTP method, in any case. */
export const method: z.ZodString = z
  .string(notMethod)
  .max(32, notMethod)
  .regex(/^[A-Za-z][A-Za-z-]*$/, notMethod);

const notPath = wrong("a path", "begin it with /, leave ? and # out, and write other than plain ASCII as %XX");
/** A path without query. */
export const path: z.ZodString = z
  .string(notPath)
  .max(4096, notPath)
  .regex(/^\/[!"$->@-~]*$/, notPath);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const notHeader = wrong(
  "the name of a header",
  "use letters, digits and hyphens, such as x-version; of host, path and method there are fields of their own",
);
/** Name of a header to match. */
export const headerName: z.ZodString = z.string(notHeader).refine((text) => token.test(text) && text.toLowerCase() !== "host", notHeader);

const framing = ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host"];
const notEditable = wrong(
  "a header that a rule may change",
  "leave out what belongs to the connection or the framing, host, and what begins with : or x-mitsu-",
);
/** Name of a header to set or remove. */
export const editableName: z.ZodString = z
  .string(notEditable)
  .refine((text) => token.test(text) && !framing.includes(text.toLowerCase()) && !text.toLowerCase().startsWith("x-mitsu-"), notEditable);

const notValue = wrong(
  "text for a header",
  "use Latin-1 without control characters and without blanks at its ends, in quotes when it looks like a number",
);
/** Value of a header. */
export const headerValue: z.ZodString = z
  .string(notValue)
  .max(8192, notValue)
  .regex(/^(?![\t ])[\t -~\u00a0-\u00ff]*(?<![\t ])$/, notValue);

const notStatus = wrong("a status", "use true, or an HTTP status from 400 to 599");
/** Whether, or by which status, a request is refused. */
export const denyStatus: z.ZodType<true | number> = z.union(
  [z.literal(true), z.int(notStatus).min(400, notStatus).max(599, notStatus)],
  notStatus,
);

const notShare = wrong("a share", "use a number over 0, at most 1 (all)");
/** A share of the requests. */
export const share: z.ZodNumber = z.number(notShare).gt(0, notShare).max(1, notShare);

const notRequests = wrong("a number of requests", "use a whole number from 1 to 1000000000");
/** A number of requests. */
export const requests: z.ZodNumber = z.int(notRequests).min(1, notRequests).max(1e9, notRequests);

const notDuration = wrong("a duration", "use a number with ms, s, m or h, such as 250ms or 1s, at most 24 days");
const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const mostMs = 24 * 24 * 3_600_000;
/** A duration of 1 ms and more. */
export const duration: z.ZodString = z.string(notDuration).refine((text) => {
  const ms = durationMs(text);
  return ms >= 1 && ms <= mostMs;
}, notDuration);

/** Milliseconds of a duration; NaN for what is none. */
export function durationMs(text: string): number {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(figure) * (unitsMs[unit as keyof typeof unitsMs] ?? Number.NaN);
}
