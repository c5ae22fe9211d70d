import test from "ava";
import { json, print, table, testEnv } from "../src/mod.ts";

const rows = [
  { name: "web", bytes: 5 },
  { name: "a-longer-name", bytes: 12345 },
];
const columns = [
  { header: "service", value: (row: (typeof rows)[number]) => row.name },
  { header: "sent [B]", value: (row: (typeof rows)[number]) => row.bytes },
];

test("table() aligns text left and numbers right below their headers", (t) => {
  t.is(table(rows, columns, testEnv().stdout), "service        sent [B]\nweb                   5\na-longer-name     12345\n");
});

test("table() of no rows is its header", (t) => {
  t.is(table([], columns, testEnv().stdout), "service  sent [B]\n");
});

test("table() cuts lines for a terminal only", (t) => {
  const narrow = table(rows, columns, testEnv({ isTTY: true, columns: 12 }).stdout);
  t.deepEqual(
    narrow
      .trimEnd()
      .split("\n")
      .map((line) => line.length),
    [12, 12, 12],
  );
  t.true(narrow.includes("…"));
  t.false(table(rows, columns, testEnv({ columns: 12 }).stdout).includes("…"));
});

test("table() lets no control character through", (t) => {
  t.false(table([{ name: "\x1b[2J", bytes: 1 }], columns, testEnv().stdout).includes("\x1b"));
});

test("json() keeps key order and every digit of a BigInt", (t) => {
  t.is(json({ b: 1n, a: 2n ** 60n }), '{\n  "b": 1,\n  "a": "1152921504606846976"\n}\n');
});

test("print() is JSON with --json and text without", (t) => {
  for (const [asJson, expected] of [
    [true, "[\n  1\n]\n"],
    [false, "one\n"],
  ] as const) {
    const env = testEnv();
    print({ env, json: asJson }, [1], () => "one\n");
    t.is(env.out(), expected);
  }
});
