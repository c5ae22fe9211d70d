/** Turns what zod reports into findings with a path and a message for people. @module */
import { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import type { FieldPath, Finding } from "./problem.ts";
import { show } from "./problem.ts";

type Issue = z.core.$ZodIssue;
type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** Checks a value against a schema and lists every finding; `path` is where the value stands in the file. */
export function schemaFindings(schema: z.ZodType, value: unknown, path: FieldPath = []): Finding[] {
  const result = schema.safeParse(value, { error: message });
  return result.success ? [] : result.error.issues.flatMap((issue) => findings({ schema, value }, issue, path, []));
}

/** A schema and what is checked against it. */
interface Checked {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
}

/** @param inside Steps from `checked` to the value that the issue's own path starts from. */
function findings(checked: Checked, issue: Issue, outside: FieldPath, inside: FieldPath): Finding[] {
  const own = [...inside, ...(issue.path as FieldPath)];
  const path = [...outside, ...own];
  if (issue.code === "unrecognized_keys") {
    const allowed = fieldsAt(checked, own);
    return issue.keys.map((key) => ({ path: [...path, key], at: "key", message: unknownField(key, allowed) }));
  }
  if (issue.code === "invalid_key") return issue.issues.map((inner) => ({ path, at: "key", message: inner.message }));
  if (issue.code === "invalid_union") {
    // The branch meant is the one whose type fits; when several or none fit, the union's own message says what is allowed.
    const meant = issue.errors.filter((branch) =>
      branch.every(({ code, path: at }) => at.length > 0 || (code !== "invalid_type" && code !== "invalid_value")),
    );
    if (meant.length === 1) return meant[0]!.flatMap((inner) => findings(checked, inner, outside, own));
  }
  return [{ path, at: "value", message: issue.message }];
}

function unknownField(key: string, allowed: string[]): string {
  const near = didYouMean(key, allowed);
  return `unknown field ${show(key)}; ${near === undefined ? "" : `did you mean ${JSON.stringify(near)}? `}allowed are ${allowed.join(", ")}`;
}

/** Messages for the issues that no field words itself. */
function message(issue: RawIssue): string {
  if (issue.code === "invalid_type") {
    const wanted = { object: "a map", record: "a map", array: "a list", string: "text" }[issue.expected as string] ?? issue.expected;
    return issue.input === undefined ? `is missing; give ${wanted}` : `${show(issue.input)} is not ${wanted}; give ${wanted}`;
  }
  return `${show(issue.input)} is not allowed here`;
}

/** The field names that the schema allows at a path. */
function fieldsAt({ schema, value }: Checked, path: FieldPath): string[] {
  let open: z.core.$ZodType[] = alternatives(schema, value);
  let here = value;
  for (const step of path) {
    here = (here as Record<string | number, unknown> | null | undefined)?.[step];
    open = open.flatMap((at) => {
      if (at instanceof z.ZodObject) return at.shape[step] ? alternatives(at.shape[step], here) : [];
      if (at instanceof z.ZodRecord) return alternatives(at.valueType, here);
      return at instanceof z.ZodArray ? alternatives(at.element, here) : [];
    });
  }
  return open.flatMap((at) => (at instanceof z.ZodObject ? Object.keys(at.shape) : []));
}

/** A schema without its optional, nullable and union wrappings; of maps that one field tells apart, only the one that the value is. */
function alternatives(schema: z.core.$ZodType, value: unknown): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return alternatives(schema.unwrap(), value);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = schema.def;
    const kind = (value as Record<string, unknown> | null | undefined)?.[discriminator];
    const maps = schema.options.filter((one): one is z.ZodObject => one instanceof z.ZodObject);
    return maps.filter(({ shape }) => shape[discriminator] instanceof z.ZodLiteral && shape[discriminator].value === kind);
  }
  return schema instanceof z.ZodUnion ? schema.options.flatMap((one) => alternatives(one, value)) : [schema];
}
