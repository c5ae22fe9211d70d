/** Emits the JSON Schema of a problem file, for editors and other tools. @module */
import { schemaText } from "@mitsu/catalog/document";
import { problemFile } from "./schema.ts";

/** The schema as the text of `packages/placer/problem.schema.json`. */
export function problemSchema(): string {
  return schemaText(problemFile, "Mitsu placer problem");
}

if (import.meta.main) process.stdout.write(problemSchema());
