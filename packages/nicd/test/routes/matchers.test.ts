import type { FieldMatch, RequestMatch, TextMatch } from "@mitsu/catalog";
import { defaultRoute } from "@mitsu/catalog";
import test from "ava";
import fc from "fast-check";
import { FieldMatcher } from "../../src/routes/field-matcher.ts";
import { hostName } from "../../src/routes/host-name.ts";
import { queryValues } from "../../src/routes/query-values.ts";
import { RequestMatcher } from "../../src/routes/request-matcher.ts";
import { compilePath, compileText } from "../../src/routes/text-matcher.ts";
import { WeightedTargets } from "../../src/routes/weighted-targets.ts";
import { RequestDouble } from "../filters/head-double.ts";

const all = defaultRoute().match;

for (const [authority, host] of [
  ["web.mesh", "web.mesh"],
  ["WEB.Mesh:8080", "web.mesh"],
  ["web.mesh.", "web.mesh"],
  ["web.mesh.:80", "web.mesh"],
  ["[2001:DB8::1]:80", "[2001:db8::1]"],
  ["[::1]", "[::1]"],
  ["", ""],
] as const) {
  test(`hostName() of ${JSON.stringify(authority)} is ${JSON.stringify(host)}`, (t) => {
    t.is(hostName(authority), host);
  });
}

for (const [path, values] of [
  ["/", []],
  ["/?q", [""]],
  ["/?q=", [""]],
  ["/?a=1&q=2&q=3", ["2", "3"]],
  ["/?q=a%20b+c", ["a b+c"]],
  ["/?%71=1", ["1"]],
  ["/?q=%E2%82%AC", ["€"]],
  ["/?q=%ff%", ["\ufffd%"]],
  ["/?qq=1&=2&&", []],
  ["/?q=a=b", ["a=b"]],
  ["/?x=1?q=2", []],
] as const) {
  test(`queryValues() of ${path} has ${JSON.stringify(values)} for q`, (t) => {
    t.deepEqual(queryValues(path, "q"), [...values]);
  });
}

test("queryValues() reads any text without throwing, and what URLSearchParams wrote but for spaces", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      queryValues(`/?${text}`, "q");
    }),
    { seed: 4, numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("q", "p", "é"), fc.string({ unit: "grapheme" }))), (pairs) => {
      const query = new URLSearchParams(pairs).toString().replaceAll("+", "%20");
      const wanted = pairs.filter(([name]) => name === "q").map(([, value]) => value.toWellFormed());
      t.deepEqual(queryValues(`/?${query}`, "q"), wanted);
    }),
    { seed: 4, numRuns: 500 },
  );
});

const paths: readonly [TextMatch, string, boolean][] = [
  [{ kind: "exact", value: "/a" }, "/a", true],
  [{ kind: "exact", value: "/a" }, "/a/", false],
  [{ kind: "exact", value: "/caf\u00e9" }, "/caf%C3%A9", true],
  [{ kind: "exact", value: "/x/../%61" }, "/a", true],
  [{ kind: "prefix", value: "/a" }, "/a", true],
  [{ kind: "prefix", value: "/a" }, "/a/b", true],
  [{ kind: "prefix", value: "/a" }, "/ab", false],
  [{ kind: "prefix", value: "/a/" }, "/a", true],
  [{ kind: "prefix", value: "/a/" }, "/a/b", true],
  [{ kind: "prefix", value: "/a/" }, "/ab", false],
  [{ kind: "prefix", value: "/" }, "/x", true],
  [{ kind: "prefix", value: "/" }, "*", false],
  [{ kind: "regex", value: "/v[0-9]+/.*" }, "/v12/x", true],
  [{ kind: "regex", value: "/v[0-9]+" }, "/v1/x", false],
  [{ kind: "regex", value: "v1" }, "/v1", false],
  [{ kind: "regex", value: "/a|/b" }, "/b", true],
  [{ kind: "regex", value: "/a|/b" }, "/bc", false],
];
for (const [match, path, holds] of paths) {
  test(`compilePath() ${JSON.stringify(match)} ${holds ? "takes" : "refuses"} ${path}`, (t) => {
    t.is(compilePath(match)(path), holds);
  });
}

test("compileText() compares beginnings anywhere, and takes what is present", (t) => {
  t.true(compileText({ kind: "prefix", value: "Bear" })("Bearer x"));
  t.false(compileText({ kind: "prefix", value: "Bear" })("bearer x"));
  t.true(compileText({ kind: "present" })(""));
});

test("compileText() takes linear time for an expression that makes backtracking engines hang", (t) => {
  t.false(compileText({ kind: "regex", value: "(a+)+b" })("a".repeat(20_000)));
});

const isA: FieldMatch = { name: "x", match: { kind: "exact", value: "a" }, invert: false };
for (const [values, plain, some, every] of [
  [[], false, false, false],
  [["a"], true, true, true],
  [["b"], false, false, false],
  [["a", "b"], true, true, false],
] as const) {
  test(`FieldMatcher.holds() of [${values}] is ${plain}, ${some} for deny rules, ${every} for allow rules`, (t) => {
    t.is(new FieldMatcher(isA, "plain").holds(values), plain);
    t.is(new FieldMatcher(isA, "some").holds(values), some);
    t.is(new FieldMatcher(isA, "every").holds(values), every);
  });
}
for (const [values, plain, some, every] of [
  [[], true, true, true],
  [["a"], false, false, false],
  [["b"], true, true, true],
  [["a", "b"], false, true, false],
] as const) {
  test(`FieldMatcher.holds() inverted of [${values}] is ${plain}, ${some} for deny rules, ${every} for allow rules`, (t) => {
    const isNotA = { ...isA, invert: true };
    t.is(new FieldMatcher(isNotA, "plain").holds(values), plain);
    t.is(new FieldMatcher(isNotA, "some").holds(values), some);
    t.is(new FieldMatcher(isNotA, "every").holds(values), every);
  });
}

for (const [hosts, host, holds] of [
  [[], "any", true],
  [["*"], "any", true],
  [["a.example"], "a.example", true],
  [["a.example"], "b.example", false],
  [["*.example"], "a.example", true],
  [["*.example"], "b.a.example", true],
  [["*.example"], "example", false],
  [["*.example"], ".example", false],
  [["*.example"], "aexample", false],
] as const) {
  test(`RequestMatcher.host() with [${hosts}] ${holds ? "takes" : "refuses"} ${host}`, (t) => {
    t.is(new RequestMatcher({ ...all, hosts }, "plain").host(host), holds);
  });
}

const rests: readonly [string, Partial<RequestMatch>, RequestDouble, boolean][] = [
  ["a method", { methods: ["GET", "HEAD"] }, new RequestDouble("/", { method: "HEAD" }), true],
  ["a method in another case", { methods: ["GET"] }, new RequestDouble("/", { method: "get" }), false],
  ["a port", { ports: [80, 81] }, new RequestDouble(), true],
  ["another port", { ports: [81] }, new RequestDouble(), false],
  ["a header", { headers: [isA] }, new RequestDouble("/", { fields: [["x", "a"]] }), true],
  ["a missing header", { headers: [isA] }, new RequestDouble(), false],
  ["a header that must be missing", { headers: [{ name: "x", match: { kind: "present" }, invert: true }] }, new RequestDouble(), true],
  ["a parameter", { query: [isA] }, new RequestDouble("/?x=%61"), true],
  ["a parameter of another value", { query: [isA] }, new RequestDouble("/?x=b"), false],
];
for (const [what, match, request, holds] of rests) {
  test(`RequestMatcher.rest() ${holds ? "takes" : "refuses"} ${what}`, (t) => {
    t.is(new RequestMatcher({ ...all, ...match }, "plain").rest(request, 80), holds);
  });
}

test("WeightedTargets.pick() gives each service its share, and none to weight 0", (t) => {
  const targets = new WeightedTargets([
    { service: "none", weight: 0 },
    { service: "a", weight: 1 },
    { service: "b", weight: 3 },
    { service: "never", weight: 0 },
  ]);
  const picks = Array.from({ length: 400 }, (_, index) => targets.pick(index / 400));
  t.is(picks.filter((name) => name === "a").length, 100);
  t.is(picks.filter((name) => name === "b").length, 300);
  t.is(targets.pick(1 - Number.EPSILON / 2), "b");
});
