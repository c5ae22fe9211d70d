/** Emits the JSON Schema of `mesh.yaml`, for editors and other tools. @module */
import { z } from "zod";
import { meshFile } from "./schema.ts";

/** The schema as the text of `packages/catalog/mesh.schema.json` (JSON Schema 2020-12, two spaces, a newline at the end). */
export function jsonSchema(): string {
  const schema = z.toJSONSchema(meshFile, { io: "input", reused: "inline" });
  const text = JSON.stringify({ ...schema, title: "Mitsu mesh.yaml" }, null, 2);
  // Lists of words on one line, as Biome formats JSON, so that formatting and regenerating agree.
  const lists = text.replaceAll(/\[\s+("[^[\]{}]*?")\s+\]/g, (_, words: string) => `[${words.replaceAll(/,\s+/g, ", ")}]`);
  return `${lists}\n`;
}

if (import.meta.main) process.stdout.write(jsonSchema());
