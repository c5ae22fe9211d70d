/** Emits the JSON Schema of `mesh.yaml`, for editors and other tools. @module */
import { meshFile } from "./schema.ts";
import { schemaText } from "./schema-text.ts";

/** The schema as the text of `packages/catalog/mesh.schema.json`. */
export function jsonSchema(): string {
  return schemaText(meshFile, "Mitsu mesh.yaml");
}

if (import.meta.main) process.stdout.write(jsonSchema());
