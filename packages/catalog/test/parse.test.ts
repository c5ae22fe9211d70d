import test from "ava";
import { defaultTraffic, parseCatalog } from "../src/mod.ts";

const shop = `version: 1
mesh: shop
virtual: { ipv4: 198.18.0.0/16, ipv6: "fd6d:6974:7375::/64" }
defaults: { policy: deny, redirect: off, intercept: balance, deny: prohibit }
nodes: { n1: { address: 10.0.0.1, zone: a } }
services:
  cart:
    ports: [ { port: 80, target: 8080, protocol: tcp } ]
    address: 198.18.3.7
    cgroup: cart.service
    replicas: [ { address: 10.0.0.2, port: 9090, node: n1, weight: 3, netns: /run/netns/a }, { node: n1 } ]
    intercept: keep
    redirect: on
  db: { ports: ["80:8080", 53/udp, "53:5353/udp", 443] , address: ["FD00::0:1", 10.9.9.9]}
  web:
policies:
  - { name: web-to-cart, from: [web], to: [cart], ports: [80], action: allow }
  - { from: "*", to: db, action: deny }
`.replace(', "53:5353/udp"', "");

test("parseCatalog() fills in every default and writes short forms out", (t) => {
  const catalog = parseCatalog(shop);
  t.is(catalog.mesh, "shop");
  t.deepEqual(catalog.defaults, {
    policy: "deny",
    redirect: "off",
    intercept: "balance",
    deny: "prohibit",
    tracing: { propagation: "off", sampling: 1 },
    traffic: defaultTraffic(),
  });
  t.deepEqual(catalog.nodes, [{ name: "n1", address: "10.0.0.1", zone: "a" }]);
  const [cart, db, web] = catalog.services;
  t.like(cart, { name: "cart", ipv4: "198.18.3.7", cgroup: "cart.service", intercept: "keep", redirect: "on" });
  t.deepEqual(cart?.replicas, [
    { address: "10.0.0.2", node: "n1", netns: "/run/netns/a", weight: 3, ports: [{ port: 80, target: 9090, protocol: "tcp" }] },
    { address: "10.0.0.1", node: "n1", netns: null, weight: 1, ports: [{ port: 80, target: 8080, protocol: "tcp" }] },
  ]);
  t.like(db, { ipv4: "10.9.9.9", ipv6: "fd00::1", intercept: "balance", redirect: "off", cgroup: null });
  t.deepEqual(db?.ports, [
    { port: 80, target: 8080, protocol: "tcp" },
    { port: 53, target: 53, protocol: "udp" },
    { port: 443, target: 443, protocol: "tcp" },
  ]);
  t.like(web, { name: "web", ports: [], replicas: [] });
  t.deepEqual(catalog.policies, [
    { name: "web-to-cart", from: ["web"], to: ["cart"], ports: [80], action: "allow" },
    { name: "policies[1]", from: ["*"], to: ["db"], ports: [], action: "deny" },
  ]);
});

test("parseCatalog() takes the least file: a version", (t) => {
  t.deepEqual(parseCatalog("version: 1"), {
    version: 1,
    mesh: "default",
    virtual: { ipv4: "198.18.0.0/16", ipv6: "fd6d:6974:7375::/64" },
    defaults: {
      policy: "allow",
      redirect: "auto",
      intercept: "keep",
      deny: "refuse",
      tracing: { propagation: "off", sampling: 1 },
      traffic: defaultTraffic(),
    },
    nodes: [],
    services: [],
    policies: [],
    authorisation: [],
    links: { security: "mtls", trustDomain: "default.mesh", port: 15008 },
    filters: [],
  });
  t.notThrows(() => parseCatalog("version: 1\nnodes:\nservices:\npolicies:\nvirtual:\ndefaults:\nauthorisation:\nlinks:\n"));
});

test("parseCatalog() takes tracing as a word or a map, and a service's own before the defaults", (t) => {
  const text =
    "version: 1\ndefaults: { tracing: side-band }\nservices:\n  a:\n  b: { tracing: { sampling: 0.25 } }\n  c: { tracing: off }\n";
  t.deepEqual(
    parseCatalog(text).services.map(({ tracing }) => tracing),
    [
      { propagation: "side-band", sampling: 1 },
      { propagation: "header", sampling: 0.25 },
      { propagation: "off", sampling: 1 },
    ],
  );
});

test("parseCatalog() gives frozen plain data that survives JSON", (t) => {
  const catalog = parseCatalog(shop);
  t.deepEqual(JSON.parse(JSON.stringify(catalog)), catalog);
  t.throws(() => Object.assign(catalog.services[0]!.ports[0]!, { port: 1 }), { instanceOf: TypeError });
});

test("parseCatalog() takes anchors and aliases", (t) => {
  const catalog = parseCatalog("version: 1\nservices:\n  a: { ports: &p [80] }\n  b: { ports: *p }\n");
  t.deepEqual(catalog.services[0]?.ports, catalog.services[1]?.ports);
});

test("parseCatalog() takes names that objects inherit", (t) => {
  const catalog = parseCatalog(
    "version: 1\nservices: { constructor: { ports: [80] }, valueof: }\npolicies: [ { from: valueof, to: constructor, action: allow } ]\n",
  );
  t.deepEqual(
    catalog.services.map(({ name }) => name),
    ["constructor", "valueof"],
  );
});

test("parseCatalog() takes one address twice in two namespaces, and loopback on two nodes", (t) => {
  t.notThrows(() =>
    parseCatalog(`version: 1
nodes: { n1: { address: 10.0.0.1 }, n2: { address: 10.0.0.2 } }
services:
  a: { ports: [80], replicas: [ { address: 10.0.0.1, netns: /run/netns/a }, { address: 10.0.0.1, netns: /run/netns/b }, { address: 10.0.0.1 } ] }
  b: { ports: [81], replicas: [ { address: 127.0.0.1, node: n1 }, { address: 127.0.0.1, node: n2 }, { address: 10.0.0.1 } ] }
  c: { ports: ["80/udp", "81:80/udp"], replicas: [ { address: 10.0.0.1 } ] }
`),
  );
});

test("virtual addresses come from the name: the same whatever else there is, never one that is in use", (t) => {
  const alone = parseCatalog("version: 1\nservices: { web: }\n").services[0]!;
  const among = parseCatalog("version: 1\nservices: { api: , web: , zoo: }\n").services[1]!;
  t.deepEqual([alone.ipv4, alone.ipv6], [among.ipv4, among.ipv6]);
  const pushed = parseCatalog(`version: 1\nservices: { web: , other: { ports: [80], replicas: [ { address: ${alone.ipv4} } ] } }\n`)
    .services[1]!;
  t.not(pushed.ipv4, alone.ipv4);
  t.is(pushed.ipv6, alone.ipv6);
});
