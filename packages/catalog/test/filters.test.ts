import test from "ava";
import { CatalogError, diffCatalog, formatChanges, parseCatalog } from "../src/mod.ts";

const mesh = (filters: string, web = "filters: [tag]") => `version: 1
filters:
  ${filters}
services:
  web: { ports: [80], ${web} }
`;

test("parseCatalog() fills a filter's defaults in, and takes its service past nicd", (t) => {
  const catalog = parseCatalog(mesh("tag: { module: a.wasm }"));
  t.deepEqual(catalog.filters, [
    {
      name: "tag",
      module: "a.wasm",
      configuration: "",
      rootId: "",
      vmId: "",
      capabilities: null,
      onFailure: "closed",
      limits: { fuel: 5_000_000, memoryBytes: 2 ** 25, bodyBytes: 2 ** 20 },
      canary: { share: 0.05, forMs: 30_000 },
      key: null,
    },
  ]);
  const { traffic } = catalog.services[0]!;
  t.true(traffic.viaNic);
  t.deepEqual(traffic.filters, ["tag"]);
  t.false(parseCatalog(mesh("tag: { module: a.wasm }", "filters: []")).services[0]!.traffic.viaNic, "an empty list wants nothing");
});

test("parseCatalog() gives a filter its configuration as JSON, or text as it is", (t) => {
  const of = (config: string) => parseCatalog(mesh(`tag: { module: a.wasm, config: ${config} }`)).filters[0]!.configuration;
  t.is(of("{ header: x-tag, deep: { list: [1, true] } }"), '{"header":"x-tag","deep":{"list":[1,true]}}');
  t.is(of('"as it is"'), "as it is");
});

test("parseCatalog() gives a route filters of its own", (t) => {
  const catalog = parseCatalog(mesh("tag: { module: a.wasm }", "routes: [{ match: { path: { prefix: /a } }, filters: [tag] }]"));
  t.deepEqual(
    catalog.services[0]!.traffic.routes.map(({ filters }) => filters),
    [["tag"], []],
  );
});

const faults: [title: string, text: string, ...lines: string[]][] = [
  [
    "an unknown filter, with the nearest one",
    mesh("tag: { module: a.wasm }", "filters: [tga]"),
    'mesh.yaml:5:33: services.web.filters[0]: no filter "tga"; did you mean "tag"?',
  ],
  [
    "an unknown filter of a route",
    mesh("tag: { module: a.wasm }", "routes: [{ filters: [x] }]"),
    'mesh.yaml:5:44: services.web.routes[0].filters[0]: no filter "x"; there are tag',
  ],
  [
    "a filter twice",
    mesh("tag: { module: a.wasm }", "filters: [tag, tag]"),
    'mesh.yaml:5:38: services.web.filters[1]: "tag" is already [0] of this list; name each filter once',
  ],
  [
    "a filter without a module",
    mesh("tag: { config: a }"),
    "mesh.yaml:3:8: filters.tag.module: is missing; use a path, absolute or relative to this file, such as filters/tag.wasm",
  ],
  [
    "limits out of range",
    mesh("tag: { module: a.wasm, limits: { fuel: 1, memory: 2GiB, body: 0 } }"),
    "mesh.yaml:3:42: filters.tag.limits.fuel: 1 is not a number of instructions; use 10000 to 1000000000",
    'mesh.yaml:3:53: filters.tag.limits.memory: "2GiB" is not within the bounds; use 64KiB to 1GiB',
    "mesh.yaml:3:65: filters.tag.limits.body: 0 is not within the bounds; use 1B to 256MiB",
  ],
  [
    "a service of UDP only",
    'version: 1\nfilters: { tag: { module: a.wasm } }\nservices: { dns: { ports: ["53/udp"], filters: [tag] } }\n',
    "mesh.yaml:3:39: services.dns.filters: nicd takes TCP only, and all ports of the service are UDP; remove this",
  ],
];

for (const [title, text, ...lines] of faults)
  test(`parseCatalog() names ${title}`, (t) => {
    const error = t.throws(() => parseCatalog(text), { instanceOf: CatalogError });
    t.deepEqual(error.message.split("\n").slice(-lines.length), lines);
  });

test("parseCatalog() names an unknown capability and what there is", (t) => {
  const error = t.throws(() => parseCatalog(mesh("tag: { module: a.wasm, capabilities: [http-cal] }")), { instanceOf: CatalogError });
  t.regex(error.message, /3:41: filters\.tag\.capabilities\[0\]: "http-cal" is not allowed here; use log, headers, .*, random$/);
});

test("diffCatalog() tells a filter's change, also far into a long configuration", (t) => {
  const long = (end: string) => parseCatalog(mesh(`tag: { module: a.wasm, config: "${"x".repeat(100)}${end}" }`));
  t.regex(formatChanges(diffCatalog(long("a"), long("b"))), /^~ filter tag: config "x+… \([0-9a-f]{8}\) → "x+… \([0-9a-f]{8}\)$/);
  const before = parseCatalog(mesh("tag: { module: a.wasm }"));
  const after = parseCatalog(mesh("tag: { module: b.wasm, limits: { memory: 1MiB } }\n  tug: { module: c.wasm }", "filters: [tag, tug]"));
  t.is(
    formatChanges(diffCatalog(before, after)),
    "~ service web: filters tag → tag tug\n~ filter tag: module a.wasm → b.wasm, limits.memory 32MiB → 1MiB\n+ filter tug",
  );
});
