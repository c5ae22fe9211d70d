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
