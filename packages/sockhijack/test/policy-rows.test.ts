import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { Ids } from "../src/mesh/ids.ts";
import type { Endpoint } from "../src/mesh/listening.ts";
import { PolicyRows } from "../src/mesh/policy-rows.ts";
import { Rules } from "../src/mesh/rules.ts";

const text =
  "version: 1\nservices: { web: { ports: ['80:8080'] }, a: }\npolicies: [{ name: closed, from: a, to: web, ports: [80], action: deny }]\n";
const replica = (target: number): Endpoint => ({ service: "web", port: 80, target }) as unknown as Endpoint;
const deny80 = (name: string): Rules => new Rules([{ name, from: ["*"], to: ["web"], ports: [80], action: "deny" }]);

test("PolicyRows.of() gives the same list while catalog, rules and replicas' ports are the same", (t) => {
  const [rows, services, catalog] = [new PolicyRows(), new Ids(10), parseCatalog(text)];
  const first = rows.of(catalog, Rules.none, [replica(8080)], services);
  t.is(first.length, 2);
  t.is(rows.of(catalog, Rules.none, [replica(8080), replica(8080)], services), first);
});

for (const [what, change] of Object.entries({
  "another catalog": (rows: PolicyRows, services: Ids) => rows.of(parseCatalog(text), Rules.none, [], services),
  "other rules": (rows: PolicyRows, services: Ids) => rows.of(catalogOnce, deny80("all"), [], services),
  "a replica at a port of its own": (rows: PolicyRows, services: Ids) => rows.of(catalogOnce, Rules.none, [replica(9090)], services),
}))
  test(`PolicyRows.of() makes the rows anew for ${what}, as one does that knows nothing of before`, (t) => {
    const [rows, services] = [new PolicyRows(), new Ids(10)];
    const before = rows.of(catalogOnce, Rules.none, [], services);
    const after = change(rows, services);
    t.not(after, before);
    t.deepEqual(after, change(new PolicyRows(), services));
    // And the way back.
    t.deepEqual(rows.of(catalogOnce, Rules.none, [], services), before);
  });
const catalogOnce = parseCatalog(text);

test("PolicyRows.of() does not keep rows of a service that had no number, as all were in use", (t) => {
  const [rows, services] = [new PolicyRows(), new Ids(2, { other: 1 })];
  t.is(rows.of(catalogOnce, Rules.none, [], services)[0]![0].to, 0);
  services.retain(new Set());
  // One of the two has a number now.
  t.not(rows.of(catalogOnce, Rules.none, [], services)[0]![0].from, 0);
});
