/** The scalar fields of `mesh.yaml` that speak of HTTP, each with a message that names the offending value and what is allowed. @module */
import { RE2JS } from "re2js";
import { z } from "zod";
import { byteSizePattern, largestBytes, parseByteSize } from "../byte-size.ts";
import { durationPattern, parseDuration } from "../duration.ts";
import { count, wrong } from "../fields.ts";
import { show } from "../problem.ts";

const durationText = (least: number, not: ReturnType<typeof wrong>) =>
  z
    .string(not)
    .regex(durationPattern, { ...not, abort: true })
    .refine((text) => (parseDuration(text) ?? -1) >= least, not);
const notPositive = wrong("a duration", "use a number over 0 with ms, s, m or h, such as 250ms or 2s, at most 24 days");
/** A duration of at least 1 ms. */
export const positiveDuration: z.ZodType<string> = durationText(1, notPositive);

const notDuration = wrong("a duration", "use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none");
/** A duration, or 0 for none. */
export const duration: z.ZodType<string | 0> = z.union([z.literal(0), durationText(0, notDuration)], notDuration);

const notSize = wrong("a size", "use bytes or a number with B, kB, KiB, MB, MiB, GB or GiB, such as 64KiB, at most 1024GiB; 0 is no limit");
/** A size in bytes; 0 is no limit. */
export const byteSize: z.ZodType<string | number> = z.union(
  [
    z.int(notSize).min(0, notSize).max(largestBytes, notSize),
    z
      .string()
      .regex(byteSizePattern, { ...notSize, abort: true })
      .refine((text) => parseByteSize(text) !== undefined, notSize),
  ],
  notSize,
);

/** A status that ends an exchange. */
export const status: z.ZodNumber = count(200, 599, "a final status", "use 200 to 599");

const notHost = wrong("a host", "use a name without scheme and port, such as shop.example or [fd00::1]");
const hostName = /^(?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])$/;
/** A host without port. */
export const host: z.ZodString = z.string(notHost).max(253, notHost).regex(hostName, notHost);

const notHostMatch = wrong("a host", "use a name without scheme and port, such as shop.example, *.example.com (all below it) or *");
/** A host without port, `*.` and a name, or `*`. */
export const hostMatch: z.ZodString = z
  .string(notHostMatch)
  .max(253, notHostMatch)
  .regex(/^(?:\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])$/, notHostMatch);

const notMethod = wrong("a method", "use GET, POST or another method of HTTP");
/** An HTTP method, in any case. */
export const method: z.ZodString = z
  .string(notMethod)
  .max(32, notMethod)
  .regex(/^[A-Za-z][A-Za-z-]*$/, notMethod);

const notPath = wrong("a path", "begin it with /, leave ? and # out, and write other than plain ASCII as %XX");
/** A path without query, as it stands in a request line. */
export const urlPath: z.ZodString = z.string(notPath).regex(/^\/[!"$->@-~]*$/, notPath);

/** Longer ones are a slip, or take long to compile. */
const longestRegex = 1024;
/** A regular expression that matches in time linear to the text: RE2's subset. */
export const regex: z.ZodType<string> = z
  .string(wrong("a regular expression", "use text"))
  .min(1, { error: "is empty; leave it out to match all" })
  .max(longestRegex, { error: `is longer than ${longestRegex} characters; split it over several routes`, abort: true })
  .superRefine((text, context) => {
    try {
      RE2JS.compile(text);
    } catch (error) {
      // The message ends with the part that is wrong, which may be all of it.
      const why = (error as Error).message.replace(/^error parsing regexp: /, "").replace(/^(.{100}).+$/s, "$1…");
      const message = `${show(text)} is not a regular expression: ${why}; use RE2's syntax, which has no look-around and no back references`;
      context.addIssue({ code: "custom", message });
    }
  });

/** One literal character to begin with, which no alternative and no repetition makes optional. */
const beginsWithWord = /^\^?[\w-](?![*?{])[^|]*$/;
/** A regular expression for a whole path. */
export const pathRegex: z.ZodType<string> = regex.refine((text) => !beginsWithWord.test(text), {
  error: ({ input }) =>
    `${show(input)} matches no path: every path begins with /, and all of it must match; begin with /, or with .* for any beginning`,
});

const notText = wrong("text", "put it in quotes");
const notHeaderText = wrong("text for a header", "use Latin-1 without control characters, in quotes when it looks like a number");
/** Text that can stand in a header: Latin-1 without control characters (RFC 9110 §5.5). */
export const headerText: z.ZodString = z.string(notHeaderText).regex(/^[\t -~\u00a0-\u00ff]*$/, notHeaderText);

/** A whole header value: no blanks at its ends, which no receiver would see. */
export const headerValue: z.ZodString = headerText.regex(
  /^(?![\t ]).*(?<![\t ])$/s,
  wrong("text for a header", "remove the blanks at its ends"),
);

/** Any text; numbers want quotes. */
export const text: z.ZodString = z.string(notText);

/** What stands in this file for a pseudo header, or for `host`. */
const fieldsInstead: ReadonlyMap<string, string> = new Map([
  [":method", "method"],
  [":path", "path"],
  [":authority", "host"],
  ["host", "host"],
]);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Says what is wrong with a header's name; undefined when it is one. `instead` words what to use for a header that is a field of its own here. */
function headerNameFault(name: string, instead: (field: string) => string): string | undefined {
  const field = fieldsInstead.get(name.toLowerCase());
  if (field !== undefined) return `${show(name)} is not handled as a header; use ${instead(field)}`;
  if (name.startsWith(":")) return `${show(name)} is a pseudo header; it cannot be used here`;
  return token.test(name) && name.length <= 256
    ? undefined
    : `${show(name)} is not the name of a header; use letters, digits and hyphens, such as x-version`;
}

const nameText = z.string(wrong("the name of a header", "use text, such as x-version"));
/** Name of a header that a match looks at. */
export const headerName: z.ZodType<string> = nameText.superRefine((name, context) => {
  const message = headerNameFault(name, (field) => `\`${field}\` of the match`);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

/** Name of a header whose value is a sticky key. */
export const keyHeader: z.ZodType<string> = nameText.superRefine((name, context) => {
  const message = headerNameFault(name, () => "another header, {cookie: …} or source");
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const notCookie = wrong("the name of a cookie", "use letters, digits and hyphens, such as session");
/** Name of a cookie: a token (RFC 6265 §4.1.1). */
export const cookieName: z.ZodString = z.string(notCookie).max(256, notCookie).regex(token, notCookie);

/** Of one connection (RFC 9110 §7.6.1) or of the framing: nicd makes them itself, and another value would break the message. */
const ofConnection = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);
/** Name of a header that an edit may change. */
export const editableHeader: z.ZodType<string> = nameText.superRefine((name, context) => {
  const message = ofConnection.has(name.toLowerCase())
    ? `${show(name)} belongs to one connection or to the framing and is never edited; leave it out`
    : headerNameFault(name, (field) => (field === "method" ? "a route of its own, methods stay" : `\`rewrite: { ${field}: … }\``));
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
