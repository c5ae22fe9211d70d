/** `match`: which requests a route or an authorisation rule is about, as written and as parsed. @module */
import { z } from "zod";
import { noOtherFault, port, wrong } from "../fields.ts";
import type { FieldPath, Finding } from "../problem.ts";
import type { FieldMatch, RequestMatch, TextMatch } from "../traffic.ts";
import { headerName, headerText, headerValue, hostMatch, method, pathRegex, regex, text, urlPath } from "./fields.ts";

/** How text is compared, as written: exactly one of the four. */
interface TextMatchEntry {
  exact?: string | undefined;
  prefix?: string | undefined;
  regex?: string | undefined;
  present?: true | undefined;
}

/** A condition on a header or query parameter as written: text is `exact`. */
export type FieldMatchEntry = string | (TextMatchEntry & { not?: boolean | undefined });

/** A match as written. */
export interface RequestMatchEntry {
  host?: string | string[] | undefined;
  path?: string | Omit<TextMatchEntry, "present"> | undefined;
  method?: string | string[] | undefined;
  header?: Record<string, FieldMatchEntry> | undefined;
  query?: Record<string, FieldMatchEntry> | undefined;
  port?: number | number[] | undefined;
}

const kinds = ["exact", "prefix", "regex", "present"] as const;

/** Refuses a comparison of no kind or of several; a field there is not is fault enough by itself. */
function oneKind<T extends z.ZodType<TextMatchEntry>>(schema: T, allowed: string): T {
  const given = (entry: TextMatchEntry) => kinds.filter((kind) => entry[kind] !== undefined);
  return schema.refine((entry) => given(entry).length === 1, {
    when: noOtherFault,
    error: ({ input }) => {
      const kindsGiven = given(input as TextMatchEntry);
      if (kindsGiven.length === 0) return `says nothing to compare with; give ${allowed}`;
      return `gives ${kindsGiven.join(" and ")}; give one of them`;
    },
  });
}

function oneOrMore<T>(item: z.ZodType<T>, not: ReturnType<typeof wrong>): z.ZodType<T | T[]> {
  return z.union([item, z.array(item).min(1, { error: "is empty; leave it out to match all" })], not);
}

const pathMatch = z.union(
  [
    urlPath,
    oneKind(
      z.strictObject({
        exact: urlPath.describe("The whole path.").optional(),
        prefix: urlPath.describe("Its first steps: `/a` matches `/a` and `/a/b`, not `/ab`.").optional(),
        regex: pathRegex.describe("A regular expression (RE2) for the whole path.").optional(),
      }),
      "exact, prefix or regex",
    ),
  ],
  wrong("a path to match", "use a prefix such as /api, {exact: /api}, {prefix: /api} or {regex: …}"),
);

const emptyPrefix = { error: "is empty; use present: true to match any value" };
const fieldMatch = (what: string, value: z.ZodString, part: z.ZodString): z.ZodType<FieldMatchEntry> =>
  z.union(
    [
      value,
      oneKind(
        z.strictObject({
          exact: value.describe("The whole value.").optional(),
          prefix: part.min(1, emptyPrefix).describe("How the value begins.").optional(),
          regex: regex.describe("A regular expression (RE2) for the whole value.").optional(),
          present: z
            .literal(true, { error: "takes true; for absence use {present: true, not: true}" })
            .describe("There, whatever its value.")
            .optional(),
          not: z
            .boolean(wrong("true or false", "use true to turn the condition round"))
            .describe("Turns the condition round; then a missing one matches too.")
            .optional(),
        }),
        "exact, prefix, regex or present",
      ),
    ],
    wrong(
      what,
      "use text (numbers in quotes), {exact: …}, {prefix: …}, {regex: …} or {present: true}, each with not: true to turn it round",
    ),
  );

const notPorts = wrong("a port", "use 1 to 65535, or a list of them");
/** Schema of `match`. */
export const requestMatchEntry: z.ZodType<RequestMatchEntry> = z.strictObject({
  host: oneOrMore(hostMatch, wrong("a host", "use a name such as shop.example or *.example.com, or a list of them"))
    .describe("Host asked for, without port; `*.example.com` is all below it. One or a list.")
    .optional(),
  path: pathMatch.describe("Path without query; text is a prefix.").optional(),
  method: oneOrMore(method, wrong("a method", "use GET, POST or another method of HTTP, or a list of them"))
    .describe("One or a list.")
    .optional(),
  header: z
    .record(headerName, fieldMatch("a header to match", headerValue, headerText))
    .describe("Headers by name, all of which must match; text is the exact value.")
    .optional(),
  query: z
    .record(text.min(1, { error: "is empty; name a parameter" }), fieldMatch("a parameter to match", text, text))
    .describe("Query parameters by name, all of which must match; text is the exact value.")
    .optional(),
  port: z
    .union([port, z.array(port).min(1, { error: "is empty; leave it out to match all" })], notPorts)
    .describe("Port at the virtual address. One or a list.")
    .optional(),
});

/** Writes a match out in full; appends header names that differ only in case to `findings`. */
export function normaliseMatch(entry: RequestMatchEntry, path: FieldPath, findings: Finding[]): RequestMatch {
  const headers = Object.entries(entry.header ?? {});
  const seen = new Set<string>();
  for (const [name] of headers) {
    const lower = name.toLowerCase();
    if (seen.has(lower))
      findings.push({
        path: [...path, "header", name],
        at: "key",
        message: `${JSON.stringify(lower)} is given twice; case does not matter`,
      });
    seen.add(lower);
  }
  return {
    hosts: [entry.host ?? []].flat().map((host) => host.toLowerCase()),
    path: entry.path === undefined ? null : pathMatchOf(entry.path),
    methods: [entry.method ?? []].flat().map((word) => word.toUpperCase()),
    headers: headers.map(([name, match]) => fieldMatchOf(name.toLowerCase(), match)),
    query: Object.entries(entry.query ?? {}).map(([name, match]) => fieldMatchOf(name, match)),
    ports: [entry.port ?? []].flat(),
  };
}

function pathMatchOf(entry: NonNullable<RequestMatchEntry["path"]>): TextMatch {
  const match: TextMatch = typeof entry === "string" ? { kind: "prefix", value: entry } : textMatchOf(entry);
  return match.kind === "prefix" ? { kind: "prefix", value: withoutTrailingSlash(match.value) } : match;
}

/** `/a/` as a prefix is `/a`; `/` stays. */
export function withoutTrailingSlash(path: string): string {
  return path.replace(/\/+$/, "") || "/";
}

function fieldMatchOf(name: string, entry: FieldMatchEntry): FieldMatch {
  if (typeof entry === "string") return { name, match: { kind: "exact", value: entry }, invert: false };
  return { name, match: textMatchOf(entry), invert: entry.not ?? false };
}

/** @param entry Checked by the schema: exactly one kind. */
function textMatchOf(entry: TextMatchEntry): TextMatch {
  if (entry.exact !== undefined) return { kind: "exact", value: entry.exact };
  if (entry.prefix !== undefined) return { kind: "prefix", value: entry.prefix };
  return entry.regex === undefined ? { kind: "present" } : { kind: "regex", value: entry.regex };
}
