/** Faults of a cluster's selector, sticky key, slow start and panic threshold: what the file says, and the one line of the error. */
import test from "ava";
import { CatalogError, parseCatalog } from "../src/mod.ts";

const selectors = "mitsu, round-robin, random, weighted, least-request, p2c, peak-ewma, c3, prequal";
const stickyKeys = "use {header: x-user}, {cookie: session}, source (the client's address) or off";

for (const [title, cluster, column, fault] of [
  [
    "a selector of another name",
    "selector: { name: mitu }",
    52,
    `selector.name: "mitu" is not a selector; did you mean "mitsu"? use ${selectors}`,
  ],
  ["a selector without a name", "selector: { stale-ms: 3 }", 44, `selector.name: is missing; use ${selectors}`],
  [
    "a selector that is a number",
    "selector: 3",
    44,
    `selector: 3 is not a selector; use one of ${selectors}, or {name: mitsu, stale-ms: 150}`,
  ],
  [
    "an option there is not, with those of its own selector",
    "selector: { name: mitsu, stale: 3 }",
    59,
    'selector.stale: unknown field "stale"; allowed are name, remote-cost-ms, stale-ms, failure-penalty',
  ],
  [
    "an option out of range",
    "selector: { name: mitsu, stale-ms: 0 }",
    69,
    "selector.stale-ms: 0 is not a number in range; use 1 to 10000; 150 unless told",
  ],
  [
    "an option that is not whole",
    "selector: { name: prequal, pool: 2.5 }",
    67,
    "selector.pool: 2.5 is not a whole number in range; use a whole number, 2 to 1024; 16 unless told",
  ],
  ["a sticky key of two kinds", "sticky: {header: a, cookie: b}", 42, "sticky: gives header and cookie; give one of them"],
  ["a sticky key of no kind", "sticky: {}", 42, `sticky: says nothing to go by; ${stickyKeys}`],
  ["a sticky key there is not", "sticky: ip", 42, `sticky: "ip" is not a sticky key; ${stickyKeys}`],
  [
    "a sticky pseudo header",
    "sticky: {header: host}",
    51,
    'sticky.header: "host" is not handled as a header; use another header, {cookie: …} or source',
  ],
  [
    "a sticky cookie with a blank",
    "sticky: {cookie: 'a b'}",
    51,
    'sticky.cookie: "a b" is not the name of a cookie; use letters, digits and hyphens, such as session',
  ],
  [
    "a slow start without a unit",
    "slow-start: 3",
    46,
    "slow-start: 3 is not a duration; use a number with ms, s, m or h, such as 250ms or 2s, at most 24 days; 0 is none",
  ],
  ["a panic threshold over 1", "panic-threshold: 2", 51, "panic-threshold: 2 is not a share; use a number from 0 (none) to 1 (all)"],
] as const) {
  test(`parseCatalog() refuses ${title}`, (t) => {
    const text = `version: 1\nservices:\n  web: { ports: [80], cluster: { ${cluster} } }\n`;
    const error = t.throws<CatalogError>(() => parseCatalog(text), { instanceOf: CatalogError });
    t.deepEqual(
      error.problems.map(({ line, column, field, message }) => `${line}:${column}: ${field}: ${message}`),
      [`3:${column}: services.web.cluster.${fault}`],
    );
  });
}
