import { readFile } from "node:fs/promises";
import test from "ava";
import { jsonSchema } from "../src/mod.ts";

test("mesh.schema.json is what jsonSchema() emits; if not: node packages/catalog/src/json-schema.ts > packages/catalog/mesh.schema.json", async (t) => {
  t.is(await readFile(new URL("../mesh.schema.json", import.meta.url), "utf8"), jsonSchema());
});

test("jsonSchema() describes every field and forbids unknown ones", (t) => {
  let fields = 0;
  const visit = (schema: Record<string, unknown>, path: string): void => {
    const properties = schema.properties as Record<string, Record<string, unknown>> | undefined;
    if (properties) t.is(schema.additionalProperties, false, path);
    for (const [name, field] of Object.entries(properties ?? {})) {
      fields++;
      t.regex((field.description as string) ?? "", /^[A-Z].*\.$/, `${path}.${name}`);
    }
    for (const value of Object.values(schema))
      if (typeof value === "object" && value !== null) visit(value as Record<string, unknown>, path);
    for (const [name, field] of Object.entries(properties ?? {})) visit(field, `${path}.${name}`);
  };
  visit(JSON.parse(jsonSchema()), "");
  t.true(fields > 30);
});
