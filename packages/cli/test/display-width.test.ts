import test from "ava";
import { fitted } from "../src/display-width.ts";
import { displayWidth, table, testEnv } from "../src/mod.ts";

test("displayWidth() is two for what is wide, none for what combines, one for the rest", (t) => {
  for (const [text, width] of [
    ["", 0],
    ["node-1 …█▏·", 11],
    ["Zürich", 6],
    ["Zu\u0308rich", 6],
    ["節点", 4],
    ["노드", 4],
    ["ノード", 6],
    ["Ｎ１", 4],
    ["🚀1", 3],
    ["👩‍💻", 2],
    ["Ω≤", 2],
  ] as const)
    t.is(displayWidth(text), width, text);
});

test("fitted() leaves what fits, and never cuts a character in two", (t) => {
  t.is(fitted("節点", 4), "節点");
  t.is(fitted("節点1", 4), "節…");
  t.is(fitted("🚀🚀", 3), "🚀…");
  t.is(fitted("node-1", 4), "nod…");
  t.is(fitted("node-1", 0), "…");
});

test("table() aligns wide names", (t) => {
  const rows = [
    { name: "節点", replicas: 1 },
    { name: "n2", replicas: 12 },
  ];
  const columns = [
    { header: "NODE", value: ({ name }: (typeof rows)[number]) => name },
    { header: "REPLICAS", value: ({ replicas }: (typeof rows)[number]) => replicas },
  ];
  t.is(table(rows, columns, testEnv().stdout), "NODE  REPLICAS\n節点         1\nn2          12\n");
});
