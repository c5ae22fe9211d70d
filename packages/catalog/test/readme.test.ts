import { readFile } from "node:fs/promises";
import { selectorOptions } from "@mitsu/selector";
import test from "ava";
import { formatDuration } from "../src/duration.ts";
import { decide, defaultTraffic, jsonSchema, parseCatalog } from "../src/mod.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

test("README.md's first example parses and says what its comments say", (t) => {
  const catalog = parseCatalog(examples[0]!);
  const [cart, dns, web] = catalog.services;
  t.deepEqual(
    cart?.replicas.map(({ address, ports }) => `${address}:${ports[0]?.target}`),
    ["10.0.0.1:80", "10.0.1.7:80", "10.0.1.8:8080"],
  );
  t.like(dns, { ipv4: "198.18.0.53", ipv6: "fd00::53", redirect: "off" });
  t.like(web, { intercept: "keep", redirect: "auto", ports: [] });
  t.deepEqual(decide(catalog, "web", "cart", 80), { action: "allow", rule: "web-to-cart" });
  t.is(decide(catalog, undefined, "cart", 80).action, "deny");
  const { virtual, defaults } = parseCatalog("version: 1");
  t.deepEqual({ virtual: catalog.virtual, defaults: catalog.defaults }, { virtual, defaults });
});

test("README.md's example of requests parses without a warning and says what its comments say", (t) => {
  t.is(examples.length, 4);
  const catalog = parseCatalog(examples[1]!, { warn: ({ message }) => t.fail(message) });
  const { traffic } = catalog.services.find(({ name }) => name === "cart")!;
  t.deepEqual(
    traffic.routes.map(({ name, timeoutMs, retries }) => [name, timeoutMs, retries.attempts]),
    [
      ["tester", 5000, 1],
      ["api", 2000, 2],
      ["moved", 5000, 1],
      ["closed", 5000, 1],
      ["chaos", 5000, 1],
      ["default", 5000, 1],
    ],
  );
  t.deepEqual(traffic.routes[1]?.rewrite.path, { kind: "prefix", value: "/" });
  t.like(traffic, { viaNic: true, withoutNic: "refuse", authorisation: "deny" });
  t.like(traffic.cluster, {
    selector: "mitsu",
    selectorOptions: { "stale-ms": 50 },
    stickyKey: { by: "cookie", name: "session" },
    connectTimeoutMs: 1000,
    maxPending: 1024,
  });
  t.deepEqual(
    catalog.authorisation.map(({ name, action, dryRun }) => `${name} ${action}${dryRun ? " dry" : ""}`),
    ["shoppers allow", "admins allow", "no-trace deny", "maybe deny dry"],
  );
  t.deepEqual(catalog.links, { security: "mtls", trustDomain: "shop.example", port: 15008 });
});

test("README.md's example of the broker parses without a warning and says what its comments say", (t) => {
  const { mqtt } = parseCatalog(examples[2]!, { warn: ({ message }) => t.fail(message) });
  t.deepEqual(
    mqtt?.listeners?.map(({ address, port, path }) => path ?? `${address ?? "*"}:${port}`),
    ["0.0.0.0:1883", "/run/mitsu/mqtt.sock", "*:8883", "*:9001"],
  );
  t.deepEqual(
    mqtt?.mesh?.nodes.map(({ host, port }) => `${host}:${port}`),
    ["10.0.0.1:1883", "10.0.0.2:1884"],
  );
  t.like(mqtt?.bridges[0], { name: "cloud", protocol: "5.0", restartMs: [5000, 30_000] });
});

test("README.md names every field, in a table or an example", (t) => {
  const names = new Set<string>();
  const visit = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("properties" in schema) for (const name of Object.keys(schema.properties as object)) names.add(name);
    for (const part of Object.values(schema)) visit(part);
  };
  visit(JSON.parse(jsonSchema()));
  t.true(names.size > 80);
  t.deepEqual(
    [...names].filter((name) => !readme.includes(`\`${name}\``) && !new RegExp(`[\\s{\\x60]${name}:`).test(readme)),
    [],
  );
});

test("README.md's tables name the defaults that hold", (t) => {
  const { routes, cluster } = defaultTraffic();
  const { timeoutMs, retries } = routes[0]!;
  const row = (field: string) =>
    new RegExp(`^\\| [^|\n]*\`${field}\`[^|\n]*\\|[ ]*([^|\n]*?)[ ]*\\|`, "m").exec(readme.slice(readme.indexOf("### A route")))?.[1];
  t.is(row("timeout"), formatDuration(timeoutMs));
  t.is(row("back-off"), formatDuration(retries.backOffMs));
  t.is(row("budget"), `${retries.budget}, ${retries.leastInFlight}`);
  t.is(row("selector"), `\`${cluster.selector}\``);
  t.is(row("sticky"), cluster.stickyKey === null ? "off" : "");
  t.is(row("slow-start"), formatDuration(cluster.slowStartMs));
  t.is(row("panic-threshold"), String(cluster.panicThreshold));
  t.is(row("locality"), `\`${cluster.locality}\``);
  t.is(row("connect-timeout"), formatDuration(cluster.connectTimeoutMs));
  t.is(row("idle-timeout"), formatDuration(cluster.idleTimeoutMs));
  t.is(row("max-connections"), String(cluster.maxConnections));
  t.is(row("max-pending"), String(cluster.maxPending));
  t.is(row("max-requests"), String(cluster.maxRequests));
  t.is(row("consecutive-errors"), String(cluster.outlier.consecutiveErrors));
  t.is(row("ejection"), formatDuration(cluster.outlier.ejectionMs));
  t.is(row("max-ejected"), String(cluster.outlier.maxEjected));
});

for (const [name, options] of Object.entries(selectorOptions)) {
  test(`README.md has ${name} with its options' defaults`, (t) => {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? (name === "weighted" ? "none" : "");
    for (const [option, { default: usual }] of Object.entries(options))
      t.true(row.includes(`\`${option}: ${Number(usual.toPrecision(3))}\``), option);
    t.is(row.includes("none"), Object.keys(options).length === 0);
  });
}

test("README.md's example of filters parses without a warning and says what its comments say", (t) => {
  const { filters, services } = parseCatalog(examples[3]!, { warn: ({ message }) => t.fail(message) });
  t.like(filters[0], {
    name: "tag",
    configuration: '{"header":"x-tag"}',
    capabilities: ["http-call", "shared-data"],
    key: "filters/team.pub",
  });
  t.deepEqual(services[0]!.traffic.routes[0]!.filters, ["tag"]);
});
