/** The table of statements is whole and up to date. @module */
import { readFileSync } from "node:fs";
import test from "ava";
import { citedTests, conformancePath, conformanceTable, problems, testsIn } from "../../../../scripts/mqtt-conformance.ts";

test("conformance.md is what `node scripts/mqtt-conformance.ts --write` makes", (t) => {
  t.is(readFileSync(conformancePath, "utf8"), conformanceTable(citedTests()));
});

test("every statement has a test or a reason for none, and every id in a title exists", (t) => {
  t.deepEqual(problems(citedTests()), []);
});

test("testsIn() reads titles and ids of both specifications", (t) => {
  const source = `check.both("One: two. v3.1.1 [MQTT-1.2.3-4] v5 [MQTT-5.6.7-8] [MQTT-9.0.0-1]", async () => {});\ncheck.v5(\n  "Three (§4).", marks, body);`;
  t.deepEqual(testsIn("file", source), [
    { file: "file", title: "One: two", v311: ["1.2.3-4"], v5: ["5.6.7-8", "9.0.0-1"] },
    { file: "file", title: "Three (§4)", v311: [], v5: [] },
  ]);
});

test("problems() notices an id that does not exist", (t) => {
  const found = problems([...citedTests(), { file: "f", title: "t", v311: ["99.1.1-1"], v5: [] }]);
  t.deepEqual(found, ["f: 3.1.1 has no [MQTT-99.1.1-1]: t"]);
});
