import test from "ava";
import { stickyKeyOf } from "../../src/cluster/sticky-key.ts";
import { RequestDouble } from "../filters/head-double.ts";

const head = new RequestDouble("/", {
  fields: [
    ["x-user", "ann"],
    ["cookie", 'a=1; session="s 1";b=2'],
    ["cookie", "late=x"],
    ["x-empty", ""],
  ],
});

test("stickyKeyOf() takes a header's value, a cookie's, or the client's address", (t) => {
  t.is(stickyKeyOf({ by: "header", name: "x-user" }, head, "10.0.0.9"), "ann");
  t.is(stickyKeyOf({ by: "cookie", name: "session" }, head, "10.0.0.9"), "s 1");
  t.is(stickyKeyOf({ by: "cookie", name: "b" }, head, "10.0.0.9"), "2");
  t.is(stickyKeyOf({ by: "cookie", name: "late" }, head, "10.0.0.9"), "x");
  t.is(stickyKeyOf({ by: "source" }, head, "10.0.0.9"), "10.0.0.9");
});

test("stickyKeyOf() is null for a request without it, and for a connection that is no HTTP", (t) => {
  t.is(stickyKeyOf({ by: "header", name: "x-none" }, head, ""), null);
  t.is(stickyKeyOf({ by: "header", name: "x-empty" }, head, ""), null);
  t.is(stickyKeyOf({ by: "cookie", name: "sess" }, head, ""), null);
  t.is(stickyKeyOf({ by: "cookie", name: "session" }, null, ""), null);
  t.is(stickyKeyOf({ by: "source" }, null, "10.0.0.9"), "10.0.0.9");
});
