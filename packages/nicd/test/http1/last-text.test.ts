import test from "ava";
import { LastText } from "../../src/http1/last-text.ts";

test("LastText gives the text of the bytes, whatever it gave before", (t) => {
  const last = new LastText();
  for (const text of [
    "web",
    "web",
    "wex",
    "we",
    "",
    "",
    "caf\xe9",
    "x".repeat(64),
    "x".repeat(64),
    "x".repeat(65),
    "x".repeat(63),
    "web",
  ]) {
    const bytes = Buffer.from(`>${text}<`, "latin1");
    t.is(last.of(bytes, 1, bytes.length - 1), text);
  }
});

test("LastText makes no second text of the same bytes", (t) => {
  const last = new LastText();
  const bytes = Buffer.from("web.mesh");
  let made = 0;
  bytes.toString = () => {
    made++;
    return "web.mesh";
  };
  for (let turn = 0; turn < 3; turn++) t.is(last.of(bytes, 0, 8), "web.mesh");
  t.is(made, 1);
});
