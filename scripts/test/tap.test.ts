import test from "ava";
import { readTap, type TestResult } from "../tap.ts";

async function read(text: string): Promise<TestResult[]> {
  const results: TestResult[] = [];
  for await (const result of readTap(text.split("\n"))) results.push(result);
  return results;
}

test("readTap() tells passed, failed and skipped apart", async (t) => {
  const results = await read(
    "TAP version 13\nok 1 - a › adds\nnot ok 2 - a › divides\nok 3 - a › waits # SKIP\nnot ok 4 - a › later # TODO\n\n1..4\n",
  );
  t.deepEqual(
    results.map(({ title, outcome }) => [title, outcome]),
    [
      ["a › adds", "passed"],
      ["a › divides", "failed"],
      ["a › waits", "skipped"],
      ["a › later", "skipped"],
    ],
  );
});

test("readTap() counts a test that logged why it cannot run as skipped, with the reason", async (t) => {
  const [result] = await read("ok 1 - loads\n#   skipped: no BTF here\n\n1..1");
  t.like(result, { outcome: "skipped", reason: "no BTF here" });
});

test("readTap() never takes a failure for a skip", async (t) => {
  const [result] = await read("not ok 1 - loads\n#   skipped: no BTF here\n\n1..1");
  t.is(result?.outcome, "failed");
});

test("readTap() keeps a failure's lines with the test they belong to", async (t) => {
  const text =
    "not ok 1 - a\n#   said before\n  ---\n    name: AssertionError\n    details: |-\n      ok 9 - not a result\n  ...\nok 2 - b\n1..2";
  const [a, b] = await read(text);
  t.deepEqual(a?.failure, ["name: AssertionError", "details: |-", "  ok 9 - not a result"]);
  t.deepEqual(a?.logs, ["said before"]);
  t.like(b, { title: "b", outcome: "passed", failure: [] });
});

test("readTap() gives the last result when the output breaks off", async (t) => {
  t.like(await read("ok 1 - a\nnot ok 2 - b\n  ---\n    name: Error"), [
    { title: "a", outcome: "passed" },
    { title: "b", outcome: "failed", failure: ["name: Error"] },
  ]);
});
