import { testEnv } from "@mitsu/cli";
import test from "ava";
import { formatPlacement } from "../src/mod.ts";

test("formatPlacement() shows where, cost, entries in use and why, and who refused what runs nowhere", (t) => {
  const rules = { work: "rules", capability: "match-action", device: "kernel", cost: { ns: 126 }, entries: 65_536, used: 2 };
  const plain = { work: "connections", capability: "redirect", why: "no device takes it: they stay plain TCP", entries: 0, used: 0 };
  const refused = [{ device: "kernel", code: "limit", reason: "this kernel is too old" }];
  const text = formatPlacement(
    {
      work: [
        { ...plain, refused },
        { ...rules, why: "the only one that takes it", refused: [] },
      ],
      notices: ["x: skipped"],
    },
    testEnv().stdout,
  );
  const [head, first, second, ...rest] = text.split("\n");
  t.regex(head!, /^WORK +CAPABILITY +DEVICE +COST \[ns\] +USED +ENTRIES +WHY$/);
  t.regex(first!, /^connections +redirect +- +- +0 +0 +no device takes it: they stay plain TCP$/);
  t.regex(second!, /^rules +match-action +kernel +126 +2 +65536 +the only one that takes it$/);
  t.deepEqual(rest, ["REFUSED connections: kernel: this kernel is too old", "notice: x: skipped", ""]);
});
