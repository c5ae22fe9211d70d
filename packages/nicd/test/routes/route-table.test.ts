import { defaultRoute, type RequestMatch, type Route, type TextMatch } from "@mitsu/catalog";
import { Timers } from "@mitsu/reactor/timers";
import test from "ava";
import fc from "fast-check";
import { RE2JS } from "re2js";
import type { ChainParts } from "../../src/filters/build-chain.ts";
import { compileRoutes } from "../../src/routes/compile-routes.ts";
import { RequestDouble } from "../filters/head-double.ts";

const all = defaultRoute().match;
const parts: ChainParts = { trace: null, authorise: null, timers: new Timers(0), random: () => 0, workers: 1, filters: [] };
const table = (...routes: Route[]) => compileRoutes("web", { routes }, parts);
const route = (name: string, match: Partial<RequestMatch> = {}, rest: Partial<Route> = {}) =>
  defaultRoute({ name, match: { ...all, ...match }, ...rest });
const exact = (value: string): TextMatch => ({ kind: "exact", value });
const prefix = (value: string): TextMatch => ({ kind: "prefix", value });

/** A head that must not be looked at. */
const untouchable = new Proxy(new RequestDouble(), {
  get: (_target, name) => {
    throw new TypeError(`looked at ${String(name)}`);
  },
});

test("RouteTable.find() does not look at the head when the first route matches all", (t) => {
  t.is(table(route("default"), route("b", { path: exact("/b") })).find(untouchable, 80)?.route.name, "default");
});

test("RouteTable.find() returns null when nothing matches", (t) => {
  t.is(table(route("a", { path: exact("/a") })).find(new RequestDouble("/b"), 80), null);
});

test("RouteTable.find() keeps the order between exact paths, prefixes and expressions", (t) => {
  const routes = table(
    route("only POST", { path: exact("/a/b"), methods: ["POST"] }),
    route("below a", { path: prefix("/a") }),
    route("a/b", { path: exact("/a/b") }),
    route("rest"),
  );
  t.is(routes.find(new RequestDouble("/a/b", { method: "POST" }), 80)?.route.name, "only POST");
  t.is(routes.find(new RequestDouble("/a/b"), 80)?.route.name, "below a");
  t.is(routes.find(new RequestDouble("/c"), 80)?.route.name, "rest");
});

test("RouteTable.find() cannot be led past a route by another spelling of the path, and leaves the path it judged", (t) => {
  const routes = table(route("admin", { path: prefix("/admin") }), route("rest"));
  for (const path of ["/x/../admin", "//admin", "/%2e/admin", "/%61dmin/", "/x\\..\\admin/y", "/admin?x"]) {
    t.is(routes.find(new RequestDouble(path), 80)?.route.name, "admin", path);
  }
  const request = new RequestDouble("/x/../admin?y=/../z");
  routes.find(request, 80);
  t.is(request.path, "/admin?y=/../z");
});

test("RouteTable.findForConnection() goes by server name and port alone", (t) => {
  const routes = table(
    route("requests", { path: prefix("/a") }),
    route("posts", { methods: ["POST"] }),
    route("named", { hosts: ["a.test", "*.b.test"] }),
    route("port", { ports: [5432] }),
    route("rest"),
  );
  const named = (serverName: string, port = 443) => routes.findForConnection(serverName, port)?.route.name;
  t.is(named("a.test"), "named");
  t.is(named("x.B.test"), "named");
  t.is(named("b.test"), "rest");
  t.is(named("", 5432), "port");
  t.is(named("a.test", 5432), "named");
  t.is(table(route("a", { path: exact("/a") })).findForConnection("a.test", 443), null);
});

test("CompiledRoute.pick() is the service itself for a route without targets", (t) => {
  t.is(table(route("a")).routes[0]?.pick(0.5), "web");
  t.is(table(route("a", {}, { to: [{ service: "cart", weight: 1 }] })).routes[0]?.pick(0.5), "cart");
});

test("compileRoutes() keeps the tokens of a limit that did not change, by the route's name", (t) => {
  const limited = (requests: number) => route("a", { path: exact("/a") }, { rateLimit: { requests, perMs: 1000, burst: 5 } });
  const first = table(limited(1), route("rest"));
  const same = compileRoutes("web", { routes: [route("new"), limited(1)] }, parts, first);
  t.is(same.routes[1]?.bucket, first.routes[0]?.bucket);
  t.not(compileRoutes("web", { routes: [limited(2)] }, parts, first).routes[0]?.bucket, first.routes[0]?.bucket);
  t.not(compileRoutes("web", { routes: [limited(1)] }, { ...parts, workers: 2 }, first).routes[0]?.bucket, first.routes[0]?.bucket);
  t.is(first.routes[1]?.bucket, null);
});

/** The model: every part of the match asked in turn, no index; of plain paths only, so that it needs no normal form. */
function modelFind(routes: readonly Route[], request: RequestDouble, port: number): string | undefined {
  const host = request.authority.split(":")[0]!;
  const [path = "", query = ""] = request.path.split("?");
  const text = (match: TextMatch, value: string, isPath: boolean) => {
    if (match.kind === "present") return true;
    if (match.kind === "exact") return value === match.value;
    if (match.kind === "regex") return RE2JS.matches(match.value, value);
    return isPath ? `${value}/`.startsWith(`${match.value}/`) : value.startsWith(match.value);
  };
  return routes.find(
    ({ match }) =>
      (match.hosts.length === 0 ||
        match.hosts.some((one) => one === "*" || one === host || (one[0] === "*" && host.endsWith(one.slice(1))))) &&
      (match.path === null || text(match.path, path, true)) &&
      (match.methods.length === 0 || match.methods.includes(request.method)) &&
      (match.ports.length === 0 || match.ports.includes(port)) &&
      match.headers.every(({ name, match: one, invert }) => request.all(name).some((value) => text(one, value, false)) !== invert) &&
      match.query.every(
        ({ name, match: one, invert }) => new URLSearchParams(query).getAll(name).some((value) => text(one, value, false)) !== invert,
      ),
  )?.name;
}

const pathText = fc.constantFrom("/a", "/a/b", "/ab", "/b", "/a/b/c");
const valueMatch = fc.oneof(
  fc.constantFrom<TextMatch>({ kind: "present" }, { kind: "regex", value: "[12]+" }),
  fc.record({ kind: fc.constantFrom("exact" as const, "prefix" as const), value: fc.constantFrom("1", "2", "12") }),
);
const fieldMatch = fc.record({ name: fc.constantFrom("x", "y"), match: valueMatch, invert: fc.boolean() });
const anyMatch: fc.Arbitrary<RequestMatch> = fc.record({
  hosts: fc.subarray(["a.example", "b.example", "*.example", "*"], { maxLength: 2 }),
  path: fc.option(
    fc.oneof(
      fc.record({ kind: fc.constantFrom("exact" as const, "prefix" as const), value: pathText }),
      fc.constantFrom<TextMatch>({ kind: "regex", value: "/a/.*" }, { kind: "regex", value: "/.b?" }),
    ),
  ),
  methods: fc.subarray(["GET", "POST"], { maxLength: 1 }),
  headers: fc.array(fieldMatch, { maxLength: 1 }),
  query: fc.array(fieldMatch, { maxLength: 1 }),
  ports: fc.subarray([80, 81], { maxLength: 1 }),
});
const fields = fc.array(fc.tuple(fc.constantFrom("x", "y"), fc.constantFrom("1", "2", "12", "3")), { maxLength: 3 });
const anyRequest = fc
  .record({
    path: pathText,
    query: fields,
    fields,
    method: fc.constantFrom("GET", "POST"),
    authority: fc.constantFrom("a.example", "b.example:80", "c.example", "other"),
  })
  .map(
    ({ path, query, ...rest }) =>
      new RequestDouble(query.length === 0 ? path : `${path}?${query.map((pair) => pair.join("=")).join("&")}`, rest),
  );

test("RouteTable.find() finds what asking all routes in turn finds", (t) => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(anyMatch, { maxLength: 8 }),
      fc.array(anyRequest, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(80, 81),
      (matches, requests, port) => {
        const routes = matches.map((match, index) => route(String(index), match));
        const compiled = table(...routes);
        for (const request of requests) {
          const wanted = modelFind(routes, request, port);
          if (wanted !== undefined) found++;
          t.is(compiled.find(request, port)?.route.name, wanted);
        }
      },
    ),
    { seed: 4, numRuns: 3000 },
  );
  t.true(found > 1000);
});
