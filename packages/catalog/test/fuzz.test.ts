import { readdirSync, readFileSync } from "node:fs";
import { MitsuError } from "@mitsu/cli/error";
import { createSelector, selectorNames, selectorOptions } from "@mitsu/selector";
import test from "ava";
import fc from "fast-check";
import { stringify } from "yaml";
import { diffCatalog, parseCatalog } from "../src/mod.ts";

/** A third of the cases without MITSU_TEST_ALL=1. */
const share = process.env.MITSU_TEST_ALL === "1" ? 1 : 1 / 3;
const corpus = new URL("corpus/", import.meta.url);

/** Parses; anything but a catalog or a MitsuError with places in it is a bug. Tells whether the text was good. */
function survives(text: string): boolean {
  try {
    const catalog = parseCatalog(text);
    if (catalog.version !== 1) throw new TypeError("not a catalog");
    return true;
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    if (!/^mesh\.yaml:[1-9]\d*:[1-9]\d*: ./.test(error.message)) throw new TypeError(`no place in: ${error.message}`);
    return false;
  }
}

for (const name of readdirSync(corpus)) {
  test(`parseCatalog() ${name.startsWith("good") ? "takes" : "refuses"} corpus/${name}`, (t) => {
    t.is(survives(readFileSync(new URL(name, corpus), "utf8")), name.startsWith("good"));
  });
}

const word = fc.constantFrom(
  "version",
  "mesh",
  "services",
  "web",
  "cart",
  "ports",
  "replicas",
  "address",
  "port",
  "target",
  "policies",
  "from",
  "to",
  "action",
  "nodes",
  "n1",
  "virtual",
  "ipv4",
  "__proto__",
  "constructor",
  "*",
  "<<",
  "routes",
  "match",
  "path",
  "prefix",
  "regex",
  "header",
  "retries",
  "attempts",
  "timeout",
  "cluster",
  "outlier",
  "selector",
  "name",
  "mitsu",
  "stale-ms",
  "sticky",
  "cookie",
  "authorisation",
  "links",
);
const scalar = fc.oneof(
  word,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 8 }),
  fc.constantFrom("10.0.0.1", "::1", "80:8080", "allow", 1, 80, "/a", "2s", "100/s", "1MiB", "("),
);
const tree = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie("value"), { maxLength: 4 }), fc.dictionary(word, tie("value"), { maxKeys: 5 })),
})).value;

test("parseCatalog() throws nothing but MitsuError on any text", (t) => {
  const yamlish = fc.string({ unit: fc.constantFrom(..."abc: \n-[]{}#&*!|>'\"%@`,?0 9\t\r\0", "\ufeff", "é"), maxLength: 60 });
  fc.assert(
    fc.property(yamlish, (text) => void survives(text)),
    { seed: 1, numRuns: Math.ceil(3000 * share) },
  );
  t.pass();
});

test("parseCatalog() throws nothing but MitsuError on any tree of familiar words", (t) => {
  fc.assert(
    fc.property(tree, (value) => void survives(stringify(value))),
    { seed: 2, numRuns: Math.ceil(2000 * share) },
  );
  t.pass();
});

/** Good files, and the same with one line damaged. */
const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const good = fc
  .uniqueArray(name, { minLength: 1, maxLength: 6 })
  .chain((services) =>
    fc.tuple(
      fc.constant(services),
      fc.array(
        fc.record({ from: fc.constantFrom("*", ...services), to: fc.constantFrom(...services), action: fc.constantFrom("allow", "deny") }),
        { maxLength: 3 },
      ),
    ),
  )
  .map(([services, policies]) => ({
    version: 1,
    services: Object.fromEntries(
      services.map((service, index) => [service, { ports: [80 + index], replicas: [{ address: `10.0.0.${index + 1}`, weight: index }] }]),
    ),
    policies,
  }));

test("parseCatalog() takes good files and gives each service its own addresses", (t) => {
  fc.assert(
    fc.property(good, (file) => {
      const { services } = parseCatalog(stringify(file));
      const addresses = new Set(services.flatMap(({ ipv4, ipv6, replicas }) => [ipv4, ipv6, ...replicas.map(({ address }) => address)]));
      if (addresses.size !== 3 * Object.keys(file.services).length) throw new Error("two of one address");
    }),
    { seed: 3, numRuns: Math.ceil(300 * share) },
  );
  t.pass();
});

test("parseCatalog() throws nothing but MitsuError on good files with damage, and finds some", (t) => {
  let refused = 0;
  fc.assert(
    fc.property(good, fc.nat(2000), fc.nat(3), scalar, (file, at, remove, insert) => {
      const text = stringify(file);
      const place = at % text.length;
      if (!survives(text.slice(0, place) + String(insert) + text.slice(place + remove))) refused++;
    }),
    { seed: 4, numRuns: Math.ceil(700 * share) },
  );
  t.true(refused > 300 * share, `only ${refused} of ${700 * share} were refused`);
});

const host = fc.constantFrom("a", "*.b", "*");
const path = fc.constantFrom("/", "/a", "/a/b");
const fieldMatch = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 3 }),
  fc.record({ regex: fc.constantFrom("[a-c]+", "(a|b)*", "x{1,20}") }),
  fc.record({ present: fc.constant(true), not: fc.boolean() }),
);
const match = fc.record(
  {
    host: fc.oneof(host, fc.array(host, { minLength: 1, maxLength: 3 })),
    path: fc.oneof(path, fc.record({ exact: path }), fc.record({ regex: fc.constantFrom("/.*", "/(a|b)+") })),
    method: fc.constantFrom("get", "POST"),
    header: fc.dictionary(fc.constantFrom("x-a", "X-B", "cookie"), fieldMatch),
    query: fc.dictionary(fc.constantFrom("a", "A"), fieldMatch),
    port: fc.constantFrom(80, [80]),
  },
  { requiredKeys: [] },
);
const duration = fc.constantFrom("250ms", "2s", "1.5m", 0);
const common = {
  match,
  headers: fc.record({ response: fc.record({ set: fc.dictionary(fc.constantFrom("x-a", "Server"), fc.constantFrom("a", "")) }) }),
  fault: fc.record({ abort: fc.record({ status: fc.integer({ min: 200, max: 599 }), share: fc.constantFrom(0, 0.5, 1) }) }),
  "rate-limit": fc.constantFrom("10/s", "5/10m", { requests: 3, burst: 9 }),
  limits: fc.record({ request: fc.constantFrom(0, "1MiB", 77) }),
};
const route = fc.oneof(
  fc.record({ ...common, respond: fc.record({ status: fc.constantFrom(404, 503), body: fc.string() }) }, { requiredKeys: ["respond"] }),
  fc.record({ ...common, redirect: fc.record({ scheme: fc.constant("https") }) }, { requiredKeys: ["redirect"] }),
  fc.record(
    {
      ...common,
      to: fc.constantFrom("web", [{ service: "web", weight: 3 }, { service: "cart" }]),
      mirror: fc.record({ service: fc.constant("cart") }),
      rewrite: fc.record({ path }),
      timeout: duration,
      retries: fc.oneof(
        fc.nat(10),
        fc.record({ attempts: fc.nat(10), on: fc.constantFrom("5xx", ["reset", "5xx"]), "back-off": duration }),
      ),
    },
    { requiredKeys: [] },
  ),
);
const selector: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...selectorNames),
  ...selectorNames.map((name) => {
    const options = Object.entries(selectorOptions[name]).map(([option, { least, most, whole }]) => [
      option,
      whole ? fc.integer({ min: least, max: most }) : fc.double({ min: least, max: most, noNaN: true }),
    ]);
    const fields: Record<string, fc.Arbitrary<unknown>> = { name: fc.constant(name), ...Object.fromEntries(options) };
    return fc.record(fields, { requiredKeys: ["name"] });
  }),
);
const cluster = fc.record(
  {
    selector,
    sticky: fc.constantFrom("source", "off", { header: "X-A" }, { cookie: "a" }),
    locality: fc.constantFrom("auto", "prefer", "off"),
    "slow-start": duration,
    "panic-threshold": fc.constantFrom(0, 0.5, 1),
    "connect-timeout": fc.constantFrom("1s", "5ms"),
  },
  { requiredKeys: [] },
);
const party = fc.constantFrom("*", "web", ["cart", "web"]);
const goodTraffic = fc.record({
  version: fc.constant(1),
  services: fc.record({
    cart: fc.record({
      ports: fc.constant([80]),
      routes: fc.array(route, { maxLength: 4 }),
      authorisation: fc.constantFrom("allow", "deny"),
    }),
    web: fc.record({ ports: fc.constant([80]), cluster }),
  }),
  authorisation: fc.array(fc.record({ action: fc.constantFrom("allow", "deny"), to: party, from: party, match }), { maxLength: 3 }),
});

test("parseCatalog() takes good routes and rules, whole and frozen, and compares them with themselves", (t) => {
  fc.assert(
    fc.property(goodTraffic, (file) => {
      const catalog = parseCatalog(stringify(file));
      const [cart] = catalog.services;
      if (cart?.traffic.routes.length !== file.services.cart.routes.length + 1) throw new Error("a route is missing");
      for (const { traffic } of catalog.services) createSelector(traffic.cluster.selector, traffic.cluster.selectorOptions);
      if (catalog.authorisation.length !== file.authorisation.length) throw new Error("a rule is missing");
      if (JSON.stringify(JSON.parse(JSON.stringify(catalog))) !== JSON.stringify(catalog)) throw new Error("not plain data");
      const thawed = (value: unknown): boolean =>
        typeof value === "object" && value !== null && (!Object.isFrozen(value) || Object.values(value).some(thawed));
      if (thawed(catalog)) throw new Error("not frozen");
      if (diffCatalog(catalog, parseCatalog(stringify(file))).length > 0) throw new Error("differs from itself");
    }),
    { seed: 5, numRuns: Math.ceil(200 * share) },
  );
  t.pass();
});

test("parseCatalog() throws nothing but MitsuError on good routes and rules with damage, and finds some", (t) => {
  let refused = 0;
  fc.assert(
    fc.property(goodTraffic, fc.nat(4000), fc.nat(3), scalar, (file, at, remove, insert) => {
      const text = stringify(file);
      const place = at % text.length;
      if (!survives(text.slice(0, place) + String(insert) + text.slice(place + remove))) refused++;
    }),
    { seed: 6, numRuns: Math.ceil(700 * share) },
  );
  t.true(refused > 300 * share, `only ${refused} of ${700 * share} were refused`);
});
