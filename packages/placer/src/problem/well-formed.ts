/** The parts of a problem file that are well-formed, so that units and references are checked even when other parts are not. @module */
import { z } from "zod";
import type { ProblemFile } from "./file-form.ts";
import { nodeEntry, problemFile, serviceEntry, trafficEntry } from "./schema.ts";

/** Takes fields, and entries of maps, that are not well-formed out; entries of lists keep their index. */
export function wellFormed(value: unknown): ProblemFile {
  const root = asMap(value);
  const list = (field: string, entry: z.ZodType) => (Array.isArray(root[field]) ? root[field].map((item) => goodFields(item, entry)) : []);
  const lists = { nodes: list("nodes", nodeEntry), services: list("services", serviceEntry), traffic: list("traffic", trafficEntry) };
  return { ...goodFields(root, problemFile), ...lists } as unknown as ProblemFile;
}

function goodFields(value: unknown, form: z.ZodType): Record<string, unknown> {
  if (!(form instanceof z.ZodObject)) throw new TypeError("a form is an object");
  const fields = Object.entries(asMap(value)).flatMap(([name, inner]): [string, unknown][] => {
    const field = Object.hasOwn(form.shape, name) ? (form.shape[name] as z.ZodType) : undefined;
    if (field?.safeParse(inner).success) return [[name, inner]];
    const map = field instanceof z.ZodOptional ? field.unwrap() : field;
    if (!(map instanceof z.ZodRecord)) return [];
    return [[name, Object.fromEntries(Object.entries(asMap(inner)).filter(([key, entry]) => map.safeParse({ [key]: entry }).success))]];
  });
  return Object.fromEntries(fields);
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
