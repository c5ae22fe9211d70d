import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { Ids } from "../src/mesh/ids.ts";
import { Nics, nicEndpoint } from "../src/mesh/nics.ts";
import { replicaName } from "../src/mesh/tables.ts";
import { nicDegraded, nicView, nicWay } from "../src/nic-view.ts";

const catalog = parseCatalog(
  "version: 1\nservices:\n  db: { ports: [1], nic: on, without-nic: refuse }\n  plain: { ports: [3] }\n  shop: { ports: [2], nic: on }\n  web: { ports: [2], nic: on }\n",
  { file: "test" },
);
const [db, plain, shop] = catalog.services;
const one = { pid: 4711, port: 15_001, addresses: ["::"] };

function meshWith(service: string | undefined, of = catalog) {
  const nics = new Nics();
  if (service !== undefined) nics.add(one);
  return {
    catalog: of,
    nics,
    nic: service === undefined ? undefined : nicEndpoint(one, service, undefined),
    ids: { replicas: new Ids(10), services: new Ids(10), frontends: new Ids(10) },
  };
}

test("nicDegraded() names the services that go straight to replicas, and those that are refused", (t) => {
  t.deepEqual(nicDegraded(meshWith(undefined)), [
    "no nicd is registered: connections to shop, web go straight to replicas",
    "no nicd is registered: connections to db are refused",
  ]);
  t.deepEqual(nicDegraded(meshWith("nicd")), []);
  t.regex(nicDegraded(meshWith("")).join(), /pid 4711.*belongs to no service/);
  const nobody = parseCatalog("version: 1\nservices: { web: { ports: [80] } }\n", { file: "test" });
  t.deepEqual([nicDegraded(meshWith(undefined, nobody)), nicDegraded(meshWith("", nobody))], [[], []]);
});

test("nicWay() says how a service's connections come", (t) => {
  const { nic } = meshWith("nicd");
  t.deepEqual(
    [db!, plain!, shop!].map((service) => nicWay(service, nic)),
    ["via", "off", "via"],
  );
  t.deepEqual(
    [db!, plain!, shop!].map((service) => nicWay(service, undefined)),
    ["refused", "off", "direct"],
  );
});

test("nicView() shows where it listens and how many connections it has, never fewer than none", (t) => {
  const mesh = meshWith("nicd");
  const id = mesh.ids.replicas.of(replicaName(mesh.nic!));
  const kernel = (active: bigint) =>
    ({ maps: { loads: { get: (at: number) => (at === id ? { active, total: 9n } : undefined) } } }) as never;
  t.deepEqual(nicView(mesh, kernel(3n)), { pid: 4711, service: "nicd", port: 15_001, addresses: ["::"], active: 3, total: 9 });
  t.is(nicView(mesh, kernel(-1n))?.active, 0);
  t.is(nicView(meshWith(undefined), kernel(0n)), null);
});
