import test from "ava";
import { diffCatalog, formatChanges, parseCatalog } from "../src/mod.ts";

const base = `version: 1
mesh: shop
defaults: { deny: refuse }
nodes: { n1: { address: 10.0.0.1, zone: a } }
services:
  cart: { ports: [80], replicas: [ { address: 10.0.0.2, weight: 1 }, { address: "fd00::2" } ] }
  web: { redirect: auto }
policies:
  - { name: one, from: web, to: cart, action: allow }
  - { name: two, from: "*", to: cart, action: deny }
  - { name: three, from: "*", to: web, action: deny }
`;

for (const [title, from, to, expected] of [
  ["nothing", "", "", ""],
  [
    "a mesh's name",
    "mesh: shop",
    "mesh: store",
    "~ setting mesh: value shop → store\n~ setting links.trust-domain: value shop.mesh → store.mesh",
  ],
  ["a default", "deny: refuse", "deny: prohibit", "~ setting defaults.deny: value refuse → prohibit"],
  [
    "a service's tracing",
    "redirect: auto",
    "redirect: auto, tracing: { sampling: 0.5 }",
    "~ service web: tracing propagation off sampling 1 → propagation header sampling 0.5",
  ],
  [
    "the tracing of services that do not say",
    "defaults: { deny: refuse }",
    "defaults: { tracing: side-band }",
    "~ setting defaults.tracing: value propagation off sampling 1 → propagation side-band sampling 1\n~ service cart: tracing propagation off sampling 1 → propagation side-band sampling 1\n~ service web: tracing propagation off sampling 1 → propagation side-band sampling 1",
  ],
  ["a node's zone", ", zone: a", "", "~ node n1: zone a → none"],
  ["a service's field", "redirect: auto", "redirect: off, ports: [1]", "~ service web: redirect auto → off, ports none → 1"],
  ["a service", "  web: {", "  api:\n  web: {", "+ service api"],
  ["a replica's weight", "weight: 1", "weight: 5", "~ replica cart 10.0.0.2:80: weight 1 → 5"],
  ["a replica's address", "fd00::2", "fd00::3", "- replica cart [fd00::2]:80\n+ replica cart [fd00::3]:80"],
  ["a policy's action", "to: cart, action: allow", "to: cart, action: deny", "~ policy one: action allow → deny"],
  ["a policy in front", "  - { name: one", "  - { name: zero, from: web, to: web, action: deny }\n  - { name: one", "+ policy zero"],
] as const) {
  test(`diffCatalog() tells a change of ${title}`, (t) => {
    t.is(formatChanges(diffCatalog(parseCatalog(base), parseCatalog(base.replace(from, to)))), expected);
  });
}

test("diffCatalog() tells a service that goes with its replicas, and back", (t) => {
  const without = base.replace(/ {2}cart.*\n/, "").replaceAll("cart", "web");
  const names = diffCatalog(parseCatalog(base), parseCatalog(without)).filter(({ what }) => what !== "policy");
  t.is(formatChanges(names), "- service cart\n- replica cart 10.0.0.2:80\n- replica cart [fd00::2]:80");
  t.deepEqual(diffCatalog(parseCatalog(without), parseCatalog(base))[0], { what: "service", change: "added", name: "cart", fields: [] });
});

test("diffCatalog() tells policies that changed places", (t) => {
  const [, one, two] = /( {2}- { name: one.*\n)( {2}- { name: two.*\n)/.exec(base)!;
  const swapped = base.replace(one! + two!, two! + one!);
  t.is(formatChanges(diffCatalog(parseCatalog(base), parseCatalog(swapped))), "~ policy one: order 1 → 2\n~ policy two: order 2 → 1");
});

const shaped = `version: 1
mesh: shop
services:
  v1: { ports: [80] }
  v2: { ports: [80] }
  web:
    ports: [80]
    routes:
      - { name: canary, match: { header: { x-canary: "1" } }, to: v2 }
      - { name: api, match: { path: /api }, to: v1 }
      - { name: old, match: { path: /old }, redirect: { path: /new } }
authorisation:
  - { name: readers, action: allow, to: web, from: v1, match: { method: GET } }
  - { name: nobody, action: deny, to: web, from: v2 }
`;
const canary = '      - { name: canary, match: { header: { x-canary: "1" } }, to: v2 }\n';
const api = "      - { name: api, match: { path: /api }, to: v1 }\n";

for (const [title, from, to, expected] of [
  [
    "a route's match",
    "{ path: /api }",
    "{ path: { exact: /api }, method: [GET, PUT] }",
    "~ route web api: match path prefix /api → path exact /api method GET|PUT",
  ],
  [
    "a route's conditions",
    '{ x-canary: "1" }',
    "{ x-canary: { present: true, not: true } }, host: ['*.shop'], query: { a: b c }, port: 80",
    '~ route web canary: match header x-canary exact 1 → host *.shop header x-canary not present query a exact "b c" port 80',
  ],
  ["a route's targets", "to: v1", "to: [ { service: v1, weight: 9 }, { service: v2 } ]", "~ route web api: to v1 1 → v1 9 v2 1"],
  ["a route to the service itself", ", to: v1", "", "~ route web api: to v1 1 → itself"],
  [
    "a route's times",
    "to: v1",
    "to: v1, timeout: 2s, retries: 2",
    "~ route web api: timeout 15s → 2s, retries none → 2 on gateway-error|connect-failure|refused-stream|reset per-try-timeout none back-off 25ms budget 0.2 least-in-flight 3",
  ],
  [
    "everything else of a route",
    "to: v1",
    "to: v1, mirror: { service: v2, share: 0.1 }, rewrite: { host: a.b, prefix: / }, headers: { request: { remove: [x-a], set: { x-b: c }, add: { x-d: e f } }, response: { set: { server: m } } }, fault: { delay: { time: 1s }, abort: { status: 503, share: 0.5 } }, rate-limit: 5/m, limits: { request: 1MiB, response: 3 }",
    '~ route web api: mirror none → v2 0.1, rewrite none → host a.b prefix /, headers.request none → remove x-a set x-b c add x-d "e f", headers.response none → set server m, fault none → delay 1s share 1 abort 503 share 0.5, rate-limit none → 5/1m burst 5, limits.request none → 1MiB, limits.response none → 3B',
  ],
  [
    "a redirect",
    "redirect: { path: /new }",
    "redirect: { status: 308, scheme: https, host: a.b, port: 443 }",
    "~ route web old: redirect 301 path /new → 308 https a.b port 443",
  ],
  [
    "a redirect to an answer",
    "redirect: { path: /new }",
    "respond: { status: 410, body: gone }",
    '~ route web old: redirect 301 path /new → none, respond none → 410 "gone"',
  ],
  ["a route", api, "", "- route web api"],
  ["a route in front", api, `      - { name: new, match: { path: /x } }\n${api}`, "+ route web new"],
  ["the order of routes", canary + api, api + canary, "~ route web canary: order 1 → 2\n~ route web api: order 2 → 1"],
  [
    "a rule's action and match",
    "action: allow, to: web, from: v1, match: { method: GET }",
    "action: deny, to: '*', from: [v1, v2], dry-run: true",
    "~ service v1: via nic no → yes\n~ service v2: via nic no → yes\n~ authorisation readers: action allow → deny, to web → *, from v1 → v1 v2, match method GET → all, dry-run false → true",
  ],
  ["a rule", "  - { name: nobody, action: deny, to: web, from: v2 }\n", "", "- authorisation nobody"],
  [
    "a service's nic, protocol, authorisation and cluster",
    "  v1: { ports: [80] }",
    "  v1: { ports: [80], nic: on, without-nic: refuse, protocol: http, authorisation: deny, cluster: { selector: random, connect-timeout: 1s, outlier: { max-ejected: 0.5 } } }",
    "~ service v1: nic auto → on, via nic no → yes, without-nic direct → refuse, protocol auto → http, authorisation allow → deny, cluster.selector mitsu → random, cluster.connect-timeout 5s → 1s, cluster.outlier.max-ejected 0.1 → 0.5",
  ],
  [
    "a cluster's selector with options, sticky key, slow start and panic threshold",
    "  v1: { ports: [80] }",
    "  v1: { ports: [80], nic: off, cluster: { selector: { name: prequal, pool: 4, age-ms: 50 }, sticky: { header: X-User }, slow-start: 0, panic-threshold: 0 } }",
    "~ service v1: nic auto → off, cluster.selector mitsu → prequal pool 4 age-ms 50, cluster.sticky off → header x-user, cluster.slow-start 10s → none, cluster.panic-threshold 0.5 → 0",
  ],
  [
    "defaults of requests",
    "mesh: shop",
    "mesh: shop\ndefaults: { timeout: 1s, cluster: { locality: off } }",
    "~ setting defaults.timeout: value 15s → 1s\n~ setting defaults.cluster.locality: value auto → off\n~ service v1: cluster.locality auto → off\n~ service v2: cluster.locality auto → off\n~ service web: cluster.locality auto → off\n~ route v1 default: timeout 15s → 1s\n~ route v2 default: timeout 15s → 1s\n~ route web canary: timeout 15s → 1s\n~ route web api: timeout 15s → 1s\n~ route web old: timeout 15s → 1s\n~ route web default: timeout 15s → 1s",
  ],
  [
    "links",
    "mesh: shop",
    "mesh: shop\nlinks: { security: plain-text, port: 1 }",
    "~ setting links.security: value mtls → plain-text\n~ setting links.port: value 15008 → 1",
  ],
] as const) {
  test(`diffCatalog() tells a change of ${title}, by name`, (t) => {
    t.true(shaped.includes(from));
    t.is(formatChanges(diffCatalog(parseCatalog(shaped), parseCatalog(shaped.replace(from, to)))), expected);
  });
}

test("diffCatalog() tells a service that comes with its routes, but for the default", (t) => {
  const without = shaped.replace(/ {2}web:[\s\S]*?authorisation/, "authorisation").replaceAll("to: web", "to: v1");
  const names = diffCatalog(parseCatalog(without), parseCatalog(shaped)).filter(({ change }) => change === "added");
  t.is(formatChanges(names), "+ service web\n+ route web canary\n+ route web api\n+ route web old");
});
