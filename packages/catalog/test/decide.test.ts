import test from "ava";
import { decide, parseCatalog } from "../src/mod.ts";

const catalog = parseCatalog(`version: 1
defaults: { policy: allow }
services: { web: , cart: { ports: [80, 81] }, db: { ports: [5432] } }
policies:
  - { name: web-to-cart, from: [web], to: [cart], ports: [80], action: allow }
  - { name: cart-closed, from: ["*"], to: cart, action: deny }
  - { from: [web], to: ["*"], action: deny }
`);

for (const [from, to, port, action, rule] of [
  ["web", "cart", 80, "allow", "web-to-cart"],
  ["web", "cart", 81, "deny", "cart-closed"],
  ["db", "cart", 80, "deny", "cart-closed"],
  [undefined, "cart", 80, "deny", "cart-closed"],
  ["web", "db", 5432, "deny", "policies[2]"],
  ["cart", "db", 5432, "allow", "default"],
  [undefined, "db", 5432, "allow", "default"],
] as const) {
  test(`decide() ${from ?? "nobody"} → ${to}:${port} is ${action} by ${rule}`, (t) => {
    t.deepEqual(decide(catalog, from, to, port), { action, rule });
  });
}

test("decide() falls back to the mesh's default", (t) => {
  t.deepEqual(decide(parseCatalog("version: 1\ndefaults: { policy: deny }\n"), "a", "b", 1), { action: "deny", rule: "default" });
});
