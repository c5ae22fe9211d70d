import { readdirSync, readFileSync } from "node:fs";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import { stringify } from "yaml";
import { parseCatalog } from "../src/mod.ts";

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
);
const scalar = fc.oneof(
  word,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 8 }),
  fc.constantFrom("10.0.0.1", "::1", "80:8080", "allow", 1, 80),
);
const tree = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie("value"), { maxLength: 4 }), fc.dictionary(word, tie("value"), { maxKeys: 5 })),
})).value;

test("parseCatalog() throws nothing but MitsuError on any text", (t) => {
  const yamlish = fc.string({ unit: fc.constantFrom(..."abc: \n-[]{}#&*!|>'\"%@`,?0 9\t\r\0", "\ufeff", "é"), maxLength: 60 });
  fc.assert(
    fc.property(yamlish, (text) => void survives(text)),
    { seed: 1, numRuns: 3000 },
  );
  t.pass();
});

test("parseCatalog() throws nothing but MitsuError on any tree of familiar words", (t) => {
  fc.assert(
    fc.property(tree, (value) => void survives(stringify(value))),
    { seed: 2, numRuns: 3000 },
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
    { seed: 3, numRuns: 300 },
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
    { seed: 4, numRuns: 1500 },
  );
  t.true(refused > 700, `only ${refused} of 1500 were refused`);
});
