/** A rules file as it is written. @module */
import { oneOf, wrong } from "@mitsu/catalog/document";
import { z } from "zod";
import * as fields from "./rule-fields.ts";

/** One item, or a list of them. */
function oneOrMore<T>(item: z.ZodType<T>, not: ReturnType<typeof wrong>): z.ZodType<T | T[]> {
  return z.union([item, z.array(item).min(1, { error: "is empty; leave it out to match all" })], not);
}

/** A path as written: text is a prefix. */
export type PathEntry = string | { exact?: string | undefined; prefix?: string | undefined };

const pathEntry: z.ZodType<PathEntry> = z.union(
  [
    fields.path,
    z
      .strictObject({ exact: fields.path.optional(), prefix: fields.path.optional() })
      .refine(({ exact, prefix }) => (exact === undefined) !== (prefix === undefined), { error: "give exact or prefix, one of them" }),
  ],
  wrong("a path to match", "use a prefix such as /api, {exact: /api} or {prefix: /api}"),
);

/** `match` as written. */
export interface MatchEntry {
  host?: string | string[] | undefined;
  path?: PathEntry | PathEntry[] | undefined;
  method?: string | string[] | undefined;
  header?: Record<string, string | { present: true }> | undefined;
  from?: string | string[] | undefined;
  source?: string | string[] | undefined;
  port?: number | number[] | undefined;
}

const matchEntry: z.ZodType<MatchEntry> = z.strictObject({
  host: oneOrMore(fields.host, wrong("a host", "use a name such as shop.example or *.example.com, or a list of them")).optional(),
  path: oneOrMore(pathEntry, wrong("a path to match", "use a prefix such as /api, {exact: /api}, or a list of them")).optional(),
  method: oneOrMore(fields.method, wrong("a method", "use GET, POST or another method of HTTP, or a list of them")).optional(),
  header: z
    .record(
      fields.headerName,
      z.union(
        [fields.headerValue, z.strictObject({ present: z.literal(true, { error: "takes true; leave the header out otherwise" }) })],
        wrong("a header to match", "use its whole value as text (numbers in quotes), or {present: true}"),
      ),
    )
    .optional(),
  from: oneOrMore(fields.caller, wrong("a caller", "use the name of a service or a SPIFFE id, or a list of them")).optional(),
  source: oneOrMore(fields.source, wrong("a source", "use an address or a prefix such as 10.0.0.0/8, or a list of them")).optional(),
  port: oneOrMore(fields.port, wrong("a port", "use 1 to 65535, or a list of them")).optional(),
});

/** `do` as written, where it is a map. */
export interface ActsEntry {
  allow?: true | undefined;
  deny?: true | number | undefined;
  set?: Record<string, string> | undefined;
  remove?: string | string[] | undefined;
  route?: string | undefined;
  limit?: { requests: number; per: string; burst?: number | undefined } | undefined;
  count?: boolean | undefined;
  sample?: number | undefined;
}

const actsEntry: z.ZodType<ActsEntry> = z.strictObject({
  allow: z.literal(true, { error: "takes true; say deny otherwise" }).optional(),
  deny: fields.denyStatus.optional(),
  set: z.record(fields.editableName, fields.headerValue).optional(),
  remove: oneOrMore(fields.editableName, wrong("the name of a header", "use a name, or a list of them")).optional(),
  route: fields.service.optional(),
  limit: z.strictObject({ requests: fields.requests, per: fields.duration, burst: fields.requests.optional() }).optional(),
  count: z.boolean(wrong("true or false", "use true to count")).optional(),
  sample: fields.share.optional(),
});

/** One rule as written. */
export interface RuleEntry {
  name?: string | undefined;
  match?: MatchEntry | undefined;
  do: "allow" | "deny" | ActsEntry;
}

/** A rules file as written. */
export interface RulesFile {
  version: 1;
  services?: string | string[] | undefined;
  default?: "allow" | "deny" | { deny: true | number } | undefined;
  rules: RuleEntry[];
}

const doEntry: z.ZodType<RuleEntry["do"]> = z.union(
  [oneOf("allow", "deny"), actsEntry],
  wrong("what to do", "use allow, deny, or a map of acts such as {set: {x-a: b}}"),
);

const ruleEntry: z.ZodType<RuleEntry> = z.strictObject({ name: fields.ruleName.optional(), match: matchEntry.optional(), do: doEntry });

/** Schema of a rules file. */
export const rulesFile: z.ZodType<RulesFile> = z.strictObject({
  version: z.literal(1, {
    error: ({ input }) => (input === undefined ? "is missing; write version: 1" : "is not known here; write version: 1"),
  }),
  services: oneOrMore(fields.service, wrong("a service", "use a name, or a list of them")).optional(),
  default: z
    .union([oneOf("allow", "deny"), z.strictObject({ deny: fields.denyStatus })], wrong("a default", "use allow, deny or {deny: 403}"))
    .optional(),
  rules: z.array(ruleEntry, wrong("a list of rules", "give a list, each with match and do")),
});
