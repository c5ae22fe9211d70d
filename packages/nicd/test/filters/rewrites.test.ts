import { defaultRoute, type PathRewrite, type RedirectAnswer, type TextMatch } from "@mitsu/catalog";
import test from "ava";
import { DirectAnswer } from "../../src/filters/direct-answer.ts";
import { RequestHeaderEdit, ResponseHeaderEdit } from "../../src/filters/header-edit.ts";
import { Redirect, redirectLocation } from "../../src/filters/redirect.ts";
import { Rewrite } from "../../src/filters/rewrite.ts";
import { rewrittenPath } from "../../src/filters/rewritten-path.ts";
import { flag, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";
import { RequestDouble, ResponseDouble } from "./head-double.ts";

const prefix = (value: string): PathRewrite & TextMatch => ({ kind: "prefix", value });

// The table of Gateway API's HTTPPathModifier, ReplacePrefixMatch, and more.
for (const [path, match, value, rewritten] of [
  ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
  ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
  ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
  ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
  ["/foo", "/foo", "/xyz", "/xyz"],
  ["/foo/", "/foo", "/xyz", "/xyz/"],
  ["/foo/bar", "/foo", "", "/bar"],
  ["/foo/", "/foo", "", "/"],
  ["/foo", "/foo", "", "/"],
  ["/foo/", "/foo", "/", "/"],
  ["/foo", "/foo", "/", "/"],
  ["/foo?a=/foo", "/foo", "/xyz", "/xyz?a=/foo"],
  ["/a/b?c", "/", "/v1", "/v1/a/b?c"],
] as const) {
  test(`rewrittenPath() of ${path} with ${JSON.stringify(value)} for ${match} is ${rewritten}`, (t) => {
    t.is(rewrittenPath(prefix(value), prefix(match), path), rewritten);
  });
}

test("rewrittenPath() replaces all of a path but its query, and puts a prefix before it where none matched", (t) => {
  t.is(rewrittenPath({ kind: "full", value: "/new" }, null, "/a/b?c=d"), "/new?c=d");
  t.is(rewrittenPath(prefix("/v1"), null, "/a"), "/v1/a");
  t.is(rewrittenPath(prefix("/v1"), { kind: "exact", value: "/a" }, "/a"), "/v1/a");
});

test("Rewrite changes host and path, but not the target *", (t) => {
  const route = defaultRoute({ rewrite: { host: "inner", path: { kind: "full", value: "/x" } } });
  const x = new ExchangeDouble(new RequestDouble("/a?b"));
  t.is(new Rewrite(route).onRequestHead(x), verdict.continue);
  t.deepEqual([x.request.authority, x.request.path], ["inner", "/x?b"]);
  const star = new ExchangeDouble(new RequestDouble("*", { method: "OPTIONS" }));
  new Rewrite(route).onRequestHead(star);
  t.is(star.request.path, "*");
});

const same: RedirectAnswer = { status: 302, scheme: null, host: null, port: null, path: null };
for (const [what, answer, authority, location] of [
  ["another host", { host: "b.example" }, "a.example", "http://b.example/p?q"],
  ["another host, at the request's port", { host: "b.example" }, "a.example:8080", "http://b.example:8080/p?q"],
  ["https", { scheme: "https" }, "a.example:8080", "https://a.example/p?q"],
  ["https at a port", { scheme: "https", port: 8443 }, "a.example:8080", "https://a.example:8443/p?q"],
  ["https at its usual port", { scheme: "https", port: 443 }, "a.example", "https://a.example/p?q"],
  ["another port", { port: 81 }, "a.example", "http://a.example:81/p?q"],
  ["port 80", { port: 80 }, "a.example:8080", "http://a.example/p?q"],
  ["a path", { path: { kind: "full", value: "/new" } }, "a.example", "http://a.example/new?q"],
  ["an IPv6 host", { host: "::1" }, "a.example", "http://[::1]/p?q"],
  ["the request's IPv6 host", { port: 81 }, "[::1]:80", "http://[::1]:81/p?q"],
] satisfies [string, Partial<RedirectAnswer>, string, string][]) {
  test(`redirectLocation() with ${what} is ${location}`, (t) => {
    t.is(redirectLocation({ ...same, ...answer }, null, authority, "/p?q"), location);
  });
}

test("Redirect answers with the place to look at", (t) => {
  const x = new ExchangeDouble(new RequestDouble("/old/a", { authority: "a.example" }));
  t.is(new Redirect({ ...same, status: 308, path: prefix("/new") }, prefix("/old")).onRequestHead(x), verdict.respond);
  t.deepEqual(x.answers, [{ status: 308, flag: flag.none, body: "", headers: [["location", "http://a.example/new/a"]] }]);
});

test("DirectAnswer answers with the route's status and body", (t) => {
  const x = new ExchangeDouble();
  t.is(new DirectAnswer({ status: 200, body: "ok" }).onRequestHead(x), verdict.respond);
  t.deepEqual(x.answers, [{ status: 200, flag: flag.none, body: "ok" }]);
});

const edit = {
  remove: ["a"],
  set: [["b", "new"]],
  add: [
    ["a", "again"],
    ["c", "2"],
  ],
} as const;
const before = [
  ["a", "1"],
  ["b", "1"],
  ["b", "2"],
  ["c", "1"],
] as const;
const after = [
  ["c", "1"],
  ["b", "new"],
  ["a", "again"],
  ["c", "2"],
];

test("RequestHeaderEdit removes, sets and adds, in this order", (t) => {
  const x = new ExchangeDouble(new RequestDouble("/", { fields: before }));
  t.is(new RequestHeaderEdit(edit).onRequestHead(x), verdict.continue);
  t.deepEqual(x.request.fields, after);
});

test("ResponseHeaderEdit does so for answers", (t) => {
  const x = new ExchangeDouble();
  const response = new ResponseDouble(200, before);
  x.response = response;
  t.is(new ResponseHeaderEdit(edit).onResponseHead(x), verdict.continue);
  t.deepEqual(response.fields, after);
});
