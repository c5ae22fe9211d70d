import { createSelector, selectorNames, selectorOptions } from "@mitsu/selector";
import test from "ava";
import { type Catalog, defaultRoute, defaultTraffic, parseCatalog, type Route, type Traffic, targetPort } from "../src/mod.ts";

/** Two services to refer to, and what a test says of `web`. */
function mesh(web: string, rest = ""): Catalog {
  return parseCatalog(`version: 1\nservices:\n  v1: { ports: [80] }\n  v2: { ports: [80] }\n  web: { ports: [80, 81], ${web} }\n${rest}`);
}

function traffic(web: string, rest = ""): Traffic {
  return mesh(web, rest).services.find(({ name }) => name === "web")!.traffic;
}

/** The only route in the file. */
function route(text: string, rest = ""): Route {
  const { routes } = traffic(`routes: [ { ${text} } ]`, rest);
  if (routes.length !== 2) throw new Error("not one route");
  return routes[0]!;
}

/** How one route begins, and what of it is not as of a route that says nothing. */
const cases: [text: string, part: Partial<Route>][] = [
  ["name: canary", { name: "canary" }],
  ["match: {}", {}],
  ["to: v2", { to: [{ service: "v2", weight: 1 }] }],
  [
    "to: [ { service: v1, weight: 90 }, { service: v2 } ]",
    {
      to: [
        { service: "v1", weight: 90 },
        { service: "v2", weight: 1 },
      ],
    },
  ],
  ["mirror: { service: v2 }", { mirror: { service: "v2", share: 1 } }],
  ["mirror: { service: v2, share: 0.1 }", { mirror: { service: "v2", share: 0.1 } }],
  ["redirect: { scheme: https }", { redirect: { status: 301, scheme: "https", host: null, port: null, path: null } }],
  [
    "redirect: { status: 308, scheme: http, host: Shop.Example, port: 8443, path: /new }",
    { redirect: { status: 308, scheme: "http", host: "shop.example", port: 8443, path: { kind: "full", value: "/new" } } },
  ],
  ["respond: { status: 404 }", { respond: { status: 404, body: "" } }],
  ["respond: { status: 503, body: back soon }", { respond: { status: 503, body: "back soon" } }],
  ["rewrite: { host: V1.internal }", { rewrite: { host: "v1.internal", path: null } }],
  ["rewrite: { path: /all }", { rewrite: { host: null, path: { kind: "full", value: "/all" } } }],
  [
    "headers: { request: { remove: [X-A, x-b], set: { X-C: one }, add: { x-c: two, x-d: '' } } }",
    {
      requestHeaders: {
        remove: ["x-a", "x-b"],
        set: [["x-c", "one"]],
        add: [
          ["x-c", "two"],
          ["x-d", ""],
        ],
      },
    },
  ],
  ["headers: { response: { set: { Server: mitsu } } }", { responseHeaders: { remove: [], set: [["server", "mitsu"]], add: [] } }],
  ["timeout: 2s", { timeoutMs: 2000 }],
  ["timeout: 0", { timeoutMs: 0 }],
  ["retries: 2", { retries: { ...defaultRoute().retries, attempts: 2 } }],
  ["retries: { attempts: 1 }", { retries: { ...defaultRoute().retries, attempts: 1 } }],
  [
    "retries: { attempts: 3, on: [5xx, reset, 5xx], per-try-timeout: 500ms, back-off: 1s, budget: 1, least-in-flight: 0 }",
    { retries: { attempts: 3, on: ["5xx", "reset"], perTryTimeoutMs: 500, backOffMs: 1000, budget: 1, leastInFlight: 0 } },
  ],
  [
    "retries: { attempts: 3, on: retriable-4xx, back-off: 0 }",
    { retries: { ...defaultRoute().retries, attempts: 3, on: ["retriable-4xx"], backOffMs: 0 } },
  ],
  ["fault: { delay: { time: 1s } }", { fault: { delay: { share: 1, ms: 1000 }, abort: null } }],
  [
    "fault: { delay: { share: 0.5, time: 1ms }, abort: { share: 0, status: 503 } }",
    { fault: { delay: { share: 0.5, ms: 1 }, abort: { share: 0, status: 503 } } },
  ],
  ["rate-limit: 100/s", { rateLimit: { requests: 100, perMs: 1000, burst: 100 } }],
  ["rate-limit: 5/10m", { rateLimit: { requests: 5, perMs: 600_000, burst: 5 } }],
  ["rate-limit: { requests: 10 }", { rateLimit: { requests: 10, perMs: 1000, burst: 10 } }],
  ["rate-limit: { requests: 10, per: 1m, burst: 20 }", { rateLimit: { requests: 10, perMs: 60_000, burst: 20 } }],
  ["limits: { request: 1MiB }", { maxRequestBytes: 1_048_576 }],
  ["limits: { request: 0, response: 2000 }", { maxRequestBytes: 0, maxResponseBytes: 2000 }],
];

for (const [text, part] of cases) {
  test(`parseCatalog() reads the route { ${text} }`, (t) => {
    t.deepEqual(route(text), defaultRoute({ name: "routes[0]", ...part }));
  });
}

const all = { hosts: [], path: null, methods: [], headers: [], query: [], ports: [] };

for (const [text, part] of [
  ["host: Shop.Example", { hosts: ["shop.example"] }],
  ["host: ['*', '*.shop.example', '[fd00::1]', 10.0.0.1]", { hosts: ["*", "*.shop.example", "[fd00::1]", "10.0.0.1"] }],
  ["path: /api", { path: { kind: "prefix", value: "/api" } }],
  ["path: /api/", { path: { kind: "prefix", value: "/api" } }],
  ["path: /", { path: { kind: "prefix", value: "/" } }],
  ["path: { prefix: /a/b// }", { path: { kind: "prefix", value: "/a/b" } }],
  ["path: { exact: /a/ }", { path: { kind: "exact", value: "/a/" } }],
  ["path: { regex: '/v[0-9]+/.*' }", { path: { kind: "regex", value: "/v[0-9]+/.*" } }],
  ["path: { regex: 'a?/b|c' }", { path: { kind: "regex", value: "a?/b|c" } }],
  ["method: get", { methods: ["GET"] }],
  ["method: [PUT, M-SEARCH]", { methods: ["PUT", "M-SEARCH"] }],
  ["header: { X-Version: v2 }", { headers: [{ name: "x-version", match: { kind: "exact", value: "v2" }, invert: false }] }],
  [
    "header: { a: { exact: '' }, b: { prefix: 'Bearer ' }, c: { regex: '[0-9]+', not: true }, d: { present: true }, e: { present: true, not: true } }",
    {
      headers: [
        { name: "a", match: { kind: "exact", value: "" }, invert: false },
        { name: "b", match: { kind: "prefix", value: "Bearer " }, invert: false },
        { name: "c", match: { kind: "regex", value: "[0-9]+" }, invert: true },
        { name: "d", match: { kind: "present" }, invert: false },
        { name: "e", match: { kind: "present" }, invert: true },
      ],
    },
  ],
  [
    "query: { Debug: '1', q: { prefix: a, not: false } }",
    {
      query: [
        { name: "Debug", match: { kind: "exact", value: "1" }, invert: false },
        { name: "q", match: { kind: "prefix", value: "a" }, invert: false },
      ],
    },
  ],
  ["port: 80", { ports: [80] }],
  ["port: [81, 80]", { ports: [81, 80] }],
] as const) {
  test(`parseCatalog() reads the match { ${text} }, of a route and of a rule`, (t) => {
    t.deepEqual(route(`match: { ${text} }`).match, { ...all, ...part } as never);
    const { authorisation } = mesh("", `authorisation: [ { action: allow, to: web, from: '*', match: { ${text} } } ]\n`);
    t.deepEqual(authorisation[0]?.match, { ...all, ...part } as never);
  });
}

test("parseCatalog() takes a prefix rewrite and redirect where the match is a prefix", (t) => {
  t.deepEqual(route("match: { path: /a }, rewrite: { prefix: /b/ }").rewrite, { host: null, path: { kind: "prefix", value: "/b" } });
  t.deepEqual(route("match: { path: { prefix: /a } }, redirect: { prefix: / }").redirect?.path, { kind: "prefix", value: "/" });
});

test("parseCatalog() keeps routes in order and puts one named default behind them", (t) => {
  const { routes } = traffic("routes: [ { match: { path: /b } }, { name: a, match: { path: /a } }, { timeout: 1s } ]");
  t.deepEqual(
    routes.map(({ name }) => name),
    ["routes[0]", "a", "routes[2]", "default"],
  );
  t.deepEqual(routes.at(-1), defaultRoute());
});

test("a service that says nothing of its requests has defaultTraffic()", (t) => {
  t.deepEqual(traffic(""), defaultTraffic());
});

test("parseCatalog() reads nic, without-nic, protocol and authorisation", (t) => {
  t.like(traffic("nic: on, without-nic: refuse, protocol: http, authorisation: deny"), {
    nic: "on",
    viaNic: true,
    withoutNic: "refuse",
    protocol: "http",
    authorisation: "deny",
  });
});

test("parseCatalog() reads a cluster, and fills in the fields that it leaves out", (t) => {
  const { cluster } = traffic(
    "cluster: { selector: round-robin, sticky: source, locality: off, slow-start: 0, panic-threshold: 0, connect-timeout: 1s, idle-timeout: 1m, max-connections: 1, max-pending: 0, max-requests: 3, outlier: { consecutive-errors: 0, ejection: 1s, max-ejected: 1 } }",
  );
  t.deepEqual(cluster, {
    selector: "round-robin",
    selectorOptions: {},
    stickyKey: { by: "source" },
    locality: "off",
    slowStartMs: 0,
    panicThreshold: 0,
    connectTimeoutMs: 1000,
    idleTimeoutMs: 60_000,
    maxConnections: 1,
    maxPending: 0,
    maxRequests: 3,
    outlier: { consecutiveErrors: 0, ejectionMs: 1000, maxEjected: 1 },
  });
  const built = defaultTraffic().cluster;
  t.deepEqual(traffic("cluster: { selector: random, outlier: { ejection: 1s } }").cluster, {
    ...built,
    selector: "random",
    outlier: { ...built.outlier, ejectionMs: 1000 },
  });
});

test("parseCatalog() reads a selector as a name or as a map with options; another name inherits no options", (t) => {
  for (const name of selectorNames) {
    t.like(traffic(`cluster: { selector: ${name} }`).cluster, { selector: name, selectorOptions: {} });
    const options = Object.fromEntries(Object.entries(selectorOptions[name]).map(([option, { most }]) => [option, most]));
    const written = Object.entries({ name, ...options }).map(([field, value]) => `${field}: ${value}`);
    const { cluster } = traffic(`cluster: { selector: { ${written.join(", ")} } }`);
    t.deepEqual([cluster.selector, cluster.selectorOptions], [name, options]);
    t.notThrows(() => createSelector(cluster.selector, cluster.selectorOptions));
  }
  const defaults = "defaults: { cluster: { selector: { name: mitsu, stale-ms: 50 }, sticky: source, slow-start: 1s } }\n";
  const inherited = { selector: "mitsu", selectorOptions: { "stale-ms": 50 }, stickyKey: { by: "source" }, slowStartMs: 1000 };
  t.like(traffic("", defaults).cluster, inherited as object);
  t.like(traffic("cluster: { sticky: off }", defaults).cluster, { ...inherited, stickyKey: null } as object);
  t.deepEqual(traffic("cluster: { selector: p2c }", defaults).cluster.selectorOptions, {});
  t.deepEqual(traffic("cluster: { selector: mitsu }", defaults).cluster.selectorOptions, {});
});

test("parseCatalog() reads a sticky key: the name of a header in lower case, of a cookie as it is", (t) => {
  for (const [written, key] of [
    ["source", { by: "source" }],
    ["off", null],
    ["{ header: X-User }", { by: "header", name: "x-user" }],
    ["{ cookie: Session }", { by: "cookie", name: "Session" }],
  ] as const)
    t.deepEqual(traffic(`cluster: { sticky: ${written} }`).cluster.stickyKey, key);
});

for (const [web, rest, viaNic] of [
  ["", "", false],
  ["nic: on", "", true],
  ["routes: []", "", false],
  ["routes: [ { timeout: 1s } ]", "", true],
  ["cluster: { selector: random }", "", true],
  ["protocol: auto", "", false],
  ["protocol: http", "", true],
  ["authorisation: allow", "", false],
  ["authorisation: deny", "", true],
  ["routes: [ { timeout: 1s } ], nic: off", "", false],
  ["", "authorisation: [ { action: deny, to: web, from: v1 } ]", true],
  ["", "authorisation: [ { action: deny, to: '*', from: v1 } ]", true],
  ["", "authorisation: [ { action: deny, to: v1, from: web } ]", false],
  ["", "defaults: { authorisation: deny }", true],
  ["", "defaults: { cluster: { selector: random }, timeout: 1s, retries: 2 }", false],
] as const) {
  test(`connections pass nicd: ${viaNic}, with ${web || "nothing of the service's own"} and ${rest || "nothing else"}`, (t) => {
    t.is(traffic(web, rest).viaNic, viaNic);
  });
}

test("connections of a service with UDP ports only do not pass nicd, whatever a rule for all says", (t) => {
  const { services, defaults } = parseCatalog(
    "version: 1\nservices: { dns: { ports: [53/udp] }, web: { ports: [53/udp, 80] } }\nauthorisation: [ { action: deny, to: '*', from: dns } ]\n",
  );
  t.deepEqual(
    services.map((service) => service.traffic.viaNic),
    [false, true],
  );
  t.true(defaults.traffic.viaNic);
});

test("defaults hold for services and routes that do not say, field by field", (t) => {
  const rest =
    "defaults: { cluster: { selector: random, outlier: { ejection: 1s } }, timeout: 3s, retries: { attempts: 1, budget: 0.5 }, authorisation: deny, without-nic: refuse }\n";
  const { defaults } = mesh("", rest);
  const expected = defaults.traffic.routes[0]!;
  t.like(expected, { name: "default", timeoutMs: 3000, retries: { ...defaultRoute().retries, attempts: 1, budget: 0.5 } });
  t.like(defaults.traffic, { authorisation: "deny", withoutNic: "refuse", viaNic: true });
  t.deepEqual(traffic("", rest), defaults.traffic);

  const own = traffic(
    "cluster: { locality: off, outlier: { max-ejected: 0.5 } }, authorisation: allow, without-nic: direct, routes: [ { retries: 4 }, { timeout: 1s, retries: { attempts: 2, on: reset } } ]",
    rest,
  );
  t.like(own, { authorisation: "allow", withoutNic: "direct" });
  t.like(own.cluster, { selector: "random", locality: "off", outlier: { consecutiveErrors: 5, ejectionMs: 1000, maxEjected: 0.5 } });
  t.like(own.routes[0], { timeoutMs: 3000, retries: { ...expected.retries, attempts: 4 } });
  t.like(own.routes[1], { timeoutMs: 1000, retries: { ...expected.retries, attempts: 2, on: ["reset"] } });
  t.deepEqual(own.routes[2], expected);
});

test("parseCatalog() reads authorisation rules", (t) => {
  const { authorisation } = mesh(
    "",
    "authorisation:\n  - { name: readers, action: allow, to: [web], from: [v1, v2], match: { method: GET } }\n  - { action: deny, to: '*', from: '*', dry-run: true }\n",
  );
  t.deepEqual(authorisation, [
    { name: "readers", action: "allow", to: ["web"], from: ["v1", "v2"], match: { ...all, methods: ["GET"] }, dryRun: false },
    { name: "authorisation[1]", action: "deny", to: ["*"], from: ["*"], match: all, dryRun: true },
  ]);
});

test("parseCatalog() reads links, and takes the trust domain from the mesh's name", (t) => {
  t.deepEqual(mesh("", "mesh: shop\n").links, { security: "mtls", trustDomain: "shop.mesh", port: 15008 });
  t.deepEqual(mesh("", "links: { security: plain-text, trust-domain: shop.example, port: 9000 }\n").links, {
    security: "plain-text",
    trustDomain: "shop.example",
    port: 9000,
  });
});

test("targetPort() takes the TCP port of the same number, else the only one, else none", (t) => {
  const ports = (text: string) => parseCatalog(`version: 1\nservices: { a: { ports: [${text}] } }\n`).services[0]!.ports;
  t.is(targetPort(ports("79, 80"), 80)?.port, 80);
  t.is(targetPort(ports("80/udp, 8080"), 80)?.port, 8080);
  t.is(targetPort(ports("81, 82"), 80), undefined);
  t.is(targetPort(ports("80/udp"), 80), undefined);
});

test("the defaults are frozen: nobody changes them for all", (t) => {
  t.throws(() => Object.assign(defaultTraffic().cluster.outlier, { maxEjected: 1 }), { instanceOf: TypeError });
  t.throws(() => (defaultRoute().match.hosts as string[]).push("x"), { instanceOf: TypeError });
});
