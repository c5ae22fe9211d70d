import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { problemSchema } from "../../src/problem/json-schema.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";
import { problems } from "./support/problem-arbitrary.ts";

const schemaFile = new URL("../../problem.schema.json", import.meta.url);
const corpus = new URL("../corpus/problem/", import.meta.url);
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(JSON.parse(readFileSync(schemaFile, "utf8")) as object);

test("problem.schema.json is what problemSchema() emits; if not: node packages/placer/src/problem/json-schema.ts > packages/placer/problem.schema.json", (t) => {
  t.is(readFileSync(schemaFile, "utf8"), problemSchema());
});

for (const name of readdirSync(corpus).filter((one) => one.startsWith("good"))) {
  test(`problem.schema.json takes corpus/problem/${name}`, (t) => {
    const text = readFileSync(new URL(name, corpus), "utf8").replace("\ufeff", "");
    t.true(validate(parse(text)), JSON.stringify(validate.errors));
  });
}

for (const name of ["bad-fields.yaml", "bad-types.yaml", "bad-empty-lists.yaml", "bad-list.yaml"]) {
  test(`problem.schema.json refuses corpus/problem/${name}`, (t) => {
    t.false(validate(parse(readFileSync(new URL(name, corpus), "utf8"))));
  });
}

test("problem.schema.json takes what writeProblem() writes", (t) => {
  fc.assert(
    fc.property(problems, (problem) => validate(JSON.parse(writeProblem(problem, "json")))),
    { seed: 1, numRuns: 100 },
  );
  t.pass();
});

test("problemSchema() describes every field and forbids unknown ones", (t) => {
  let fields = 0;
  const visit = (schema: Record<string, unknown>, path: string): void => {
    const properties = schema.properties as Record<string, Record<string, unknown>> | undefined;
    if (properties) t.is(schema.additionalProperties, false, path);
    for (const [name, field] of Object.entries(properties ?? {})) {
      fields++;
      t.regex((field.description as string) ?? "", /^[A-Z0-9].*\.$/, `${path}.${name}`);
    }
    for (const value of Object.values(schema))
      if (typeof value === "object" && value !== null) visit(value as Record<string, unknown>, path);
  };
  visit(JSON.parse(problemSchema()) as Record<string, unknown>, "");
  t.true(fields > 60);
});
