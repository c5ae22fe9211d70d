import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { emptyCatalog, withServices } from "../src/mesh/effective-catalog.ts";

const file = parseCatalog(
  `version: 1
mesh: shop
defaults: { redirect: off, intercept: balance, deny: prohibit }
services:
  web: { ports: [80], address: 198.18.0.9, redirect: on }
  cart: { ports: ["8080:80"] }
policies:
  - { name: no-cart, from: [web], to: [cart], action: deny }
`,
  { file: "mesh.yaml" },
);

test("withServices() gives back the same catalog when there is nothing to add", (t) => {
  t.is(withServices(file, []), file);
  t.is(withServices(file, [{ name: "web", ports: ["9999"] }]), file);
});

test("withServices() adds services in order of name, with the file's defaults and everything else of the file", (t) => {
  const all = withServices(file, [{ name: "dns", ports: ["53/udp", "80:8080"] }]);
  t.deepEqual(
    all.services.map(({ name }) => name),
    ["cart", "dns", "web"],
  );
  const dns = all.services[1]!;
  t.deepEqual(dns.ports, [
    { port: 53, target: 53, protocol: "udp" },
    { port: 80, target: 8080, protocol: "tcp" },
  ]);
  t.deepEqual([dns.redirect, dns.intercept, dns.replicas], ["off", "balance", []]);
  t.deepEqual({ ...all, services: 0 }, { ...file, services: 0 } as never);
});

test("withServices() leaves the file's services as the file has them", (t) => {
  const all = withServices(file, [
    { name: "web", ports: ["1"], redirect: "off" },
    { name: "dns", ports: ["53"] },
  ]);
  for (const service of file.services)
    t.is(
      all.services.find(({ name }) => name === service.name),
      service,
    );
});

test("withServices() takes a redirect mode that was asked for", (t) => {
  t.is(withServices(file, [{ name: "dns", ports: [], redirect: "on" }]).services[1]?.redirect, "on");
});

test("withServices() gives nobody an address that another service has, and the same one each time", (t) => {
  const names = Array.from({ length: 100 }, (_, n) => ({ name: `s${n}`, ports: ["80"] }));
  const all = withServices(file, names);
  t.is(new Set(all.services.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])).size, 2 * 102);
  t.is(all.services.find(({ name }) => name === "web")?.ipv4, "198.18.0.9");
  t.deepEqual(withServices(file, names.toReversed()), all);
});

test("withServices() on a machine without a file gives virtual addresses of both families", (t) => {
  const [web] = withServices(emptyCatalog, [{ name: "web", ports: ["8080"] }]).services;
  t.regex(web?.ipv4 ?? "", /^198\.1[89]\./);
  t.regex(web?.ipv6 ?? "", /^fd/);
  t.is(web?.redirect, "auto");
});

for (const [name, ports] of [
  ["Web", ["80"]],
  ["web", ["0"]],
  ["web", ["80", "80"]],
  ["web", ["http"]],
] as const) {
  test(`withServices() refuses ${name} with ports ${ports} and says where it came from`, (t) => {
    t.throws(() => withServices(emptyCatalog, [{ name, ports }]), { code: "ERR_CATALOG_INVALID", message: /--service/ });
  });
}

test("withServices() passes over the address that the file gave to another service", (t) => {
  const dns = [{ name: "dns", ports: ["53"] }];
  const { ipv4, ipv6 } = withServices(emptyCatalog, dns).services[0]!;
  const taken = parseCatalog(`version: 1\nservices:\n  web: { address: [${ipv4}, "${ipv6}"] }\n`, { file: "mesh.yaml" });
  const all = withServices(taken, dns).services;
  t.is(new Set(all.flatMap((service) => [service.ipv4, service.ipv6])).size, 4);
});
