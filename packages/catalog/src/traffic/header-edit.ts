/** `headers`: changes of headers, as written and as parsed. @module */
import { z } from "zod";
import type { FieldPath, Finding } from "../problem.ts";
import type { HeaderEdit } from "../traffic.ts";
import { editableHeader, headerValue } from "./fields.ts";

/** Changes of one message's headers as written. */
export interface HeaderEditEntry {
  remove?: string[] | undefined;
  set?: Record<string, string> | undefined;
  add?: Record<string, string> | undefined;
}

/** Schema of `headers.request` and `headers.response`. */
export const headerEditEntry: z.ZodType<HeaderEditEntry> = z.strictObject({
  remove: z.array(editableHeader).describe("Names of headers that are taken out, first of all.").optional(),
  set: z.record(editableHeader, headerValue).describe("Headers by name, each in the place of all of that name.").optional(),
  add: z.record(editableHeader, headerValue).describe("Headers by name that come behind those there are, last of all.").optional(),
});

/** Writes the changes out in full; appends names given twice, and headers removed for nothing, to `findings`. */
export function normaliseHeaderEdit(entry: HeaderEditEntry | undefined, path: FieldPath, findings: Finding[]): HeaderEdit {
  const { remove = [], set = {}, add = {} } = entry ?? {};
  const twice = (field: "remove" | "set" | "add", names: string[]) => {
    const seen = new Set<string>();
    for (const [index, name] of names.entries()) {
      const lower = name.toLowerCase();
      const place: Pick<Finding, "path" | "at"> =
        field === "remove" ? { path: [...path, field, index], at: "value" } : { path: [...path, field, name], at: "key" };
      if (seen.has(lower)) findings.push({ ...place, message: `${JSON.stringify(lower)} is given twice; case does not matter` });
      seen.add(lower);
    }
    return seen;
  };
  const removed = twice("remove", remove);
  for (const [field, names] of [
    ["set", Object.keys(set)],
    ["add", Object.keys(add)],
  ] as const) {
    twice(field, names);
    for (const name of names)
      if (removed.has(name.toLowerCase()))
        findings.push({
          path: [...path, field, name],
          at: "key",
          message: `${JSON.stringify(name)} is also in \`remove\`; \`set\` alone replaces it`,
        });
  }
  const pairs = (map: Record<string, string>) => Object.entries(map).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return { remove: [...removed], set: pairs(set), add: pairs(add) };
}
