import { type Policy, parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { ipBytes, ipText, isMapped } from "../src/kernel/ip.ts";
import { Ids } from "../src/mesh/ids.ts";
import type { Endpoint } from "../src/mesh/listening.ts";
import { Rules } from "../src/mesh/rules.ts";
import { replicaName, type TableIds, tablesOf } from "../src/mesh/tables.ts";

const ids = (): TableIds => ({ services: new Ids(100), replicas: new Ids(100), frontends: new Ids(100) });
const endpoint = (ip: string, fields: Partial<Endpoint> = {}): Endpoint => ({
  service: "web",
  port: 80,
  protocol: "tcp",
  target: 8080,
  ip: ipBytes(ip),
  local: ipBytes("127.0.0.1"),
  netns: 1n,
  weight: 1,
  addresses: [ipBytes("127.0.0.1"), ipBytes(ip)],
  up: true,
  ...fields,
});

interface Options {
  readonly rest: string;
  readonly numbers: TableIds;
  readonly attached: readonly string[];
  readonly nic: Endpoint;
}

function tables(
  services: string,
  endpoints: readonly Endpoint[],
  { rest = "", numbers = ids(), attached = ["web"], nic }: Partial<Options> = {},
) {
  const catalog = parseCatalog(`version: 1\n${rest}services:\n${services.replace(/^/gm, "  ")}\n`, { file: "test" });
  return { ...tablesOf(catalog, endpoints, new Set(attached), numbers, nic), catalog, numbers };
}
type Made = ReturnType<typeof tables>;
/** `address[:port]/protocol netns` → `service replica frontend`. */
const addresses = (made: Made): Record<string, string> =>
  Object.fromEntries(
    made.addresses.map(([{ ip, port, protocol, netns }, { service, replica, frontend }]) => [
      `${ipText(ip)} ${port}/${protocol}${netns ? ` in ${netns}` : ""}`,
      `${service} ${replica} ${frontend}`,
    ]),
  );
/** `from to:port` → action and rule, with names and rule names. */
const policies = ({ policies: list, numbers, catalog }: Made): Record<string, string> =>
  Object.fromEntries(
    list.map(([{ from, to, port }, { action, rule }]) => [
      `${numbers.services.name(from) || "*"} ${numbers.services.name(to)}:${port}`,
      `${action === 1 ? "deny" : "allow"} ${catalog.policies[rule - 1]?.name}`,
    ]),
  );

test("tablesOf() claims both virtual addresses: each port leads to its frontend, every other port to nothing", (t) => {
  const made = tables('web: { ports: ["80:8080", "53/udp"], address: [198.18.0.9, "fd6d::9"] }', []);
  t.deepEqual(addresses(made), {
    "198.18.0.9 80/6": "1 0 1",
    "fd6d::9 80/6": "1 0 1",
    "198.18.0.9 53/17": "1 0 2",
    "fd6d::9 53/17": "1 0 2",
    "198.18.0.9 0/6": "1 0 0",
    "198.18.0.9 0/17": "1 0 0",
    "fd6d::9 0/6": "1 0 0",
    "fd6d::9 0/17": "1 0 0",
  });
  t.deepEqual(made.frontends, [
    [1, { backends: 0, pad: 0 }],
    [2, { backends: 0, pad: 0 }],
  ]);
});

test("tablesOf() numbers a frontend's backends from 0, without replicas of weight 0", (t) => {
  const own = [endpoint("10.0.0.1"), endpoint("10.0.0.2", { weight: 0 }), endpoint("10.0.0.3", { weight: 5 })];
  const made = tables('web: { ports: ["80:8080"] }', own);
  t.deepEqual(made.frontends, [[1, { backends: 2, pad: 0 }]]);
  const chosen = made.backends.map(([key, replica]) => [key.frontend, key.index, made.numbers.replicas.name(replica)]);
  t.deepEqual(chosen, [
    [1, 0, replicaName(own[0]!)],
    [1, 1, replicaName(own[2]!)],
  ]);
  t.deepEqual(
    made.weights.map(([, weight]) => weight),
    [100, 0, 500],
  );
});

test("tablesOf() gives a port only the replicas of that port and protocol", (t) => {
  const own = [
    endpoint("10.0.0.1"),
    endpoint("10.0.0.2", { port: 81 }),
    endpoint("10.0.0.3", { protocol: "udp" }),
    endpoint("10.0.0.4", { service: "db" }),
  ];
  t.deepEqual(tables('web: { ports: ["80:8080"] }', own).frontends, [[1, { backends: 1, pad: 0 }]]);
});

test("tablesOf() says where a replica is reached from its namespace, from others, and over IPv6 alone", (t) => {
  const dual = endpoint("10.0.0.1", { addresses: ["127.0.0.1", "::1", "10.0.0.1", "fd00::1"].map(ipBytes) });
  const [[id, replica] = [0, undefined]] = tables("web: { ports: [80] }", [dual]).replicas;
  t.is(id, 1);
  t.deepEqual([replica!.ip, replica!.local, replica!.ip6, replica!.local6].map(ipText), ["10.0.0.1", "127.0.0.1", "fd00::1", "::1"]);
  t.like(replica, { netns: 1n, port: 8080, service: 1 });
  const [[, only] = [0, undefined]] = tables("web: { ports: [80] }", [endpoint("10.0.0.1")]).replicas;
  t.deepEqual([ipText(only!.ip6), ipText(only!.local6)], ["::", "::"]);
  t.false(isMapped(only!.ip6));
});

for (const [intercept, to] of [
  ["keep", "1 1 0"],
  ["balance", "1 1 1"],
  ["off", undefined],
] as const) {
  test(`tablesOf() with intercept: ${intercept} ${to ? "recognises" : "leaves alone"} real addresses, loopback only in its namespace`, (t) => {
    const found = addresses(tables(`web: { ports: ["80:8080"], intercept: ${intercept} }`, [endpoint("10.0.0.1")]));
    t.is(found["10.0.0.1 8080/6"], to);
    t.is(found["127.0.0.1 8080/6 in 1"], to);
    t.is(found["127.0.0.1 8080/6"], undefined);
    t.is(found["10.0.0.1 80/6"], undefined, "the service's port is not the replica's");
  });
}

test("tablesOf() gives an address that two services claim to the first in order of name", (t) => {
  const made = tables('a: { ports: ["80:8080"] }\nb: { ports: ["80:8080"] }', [
    endpoint("10.0.0.1", { service: "a" }),
    endpoint("10.0.0.1", { service: "b" }),
  ]);
  t.is(made.addresses.filter(([{ ip }]) => ipText(ip) === "10.0.0.1").length, 1);
  t.is(addresses(made)["10.0.0.1 8080/6"]?.[0], "1");
});

const untraced = { trace: 0, sampling: 0xffff_ffff, nic: 0 };

test("tablesOf() writes how services are traced, sampling in 2^-32", (t) => {
  const made = tables(
    "a: { tracing: header }\nb: { tracing: { propagation: side-band, sampling: 0.5 } }\nc: { tracing: { sampling: 0 } }",
    [],
  );
  t.deepEqual(
    made.services.map(([, { trace, sampling }]) => [trace, sampling]),
    [
      [2, 0xffff_ffff],
      [1, 0x8000_0000],
      [2, 0],
    ],
  );
});

test("tablesOf() writes redirect modes, the error of a denied connect, and who is attached", (t) => {
  const made = tables("a: { redirect: off }\nb: { redirect: on }\nc: {}", [], { rest: "defaults: { deny: prohibit }\n", attached: ["b"] });
  t.deepEqual(made.services, [
    [1, { redirect: 2, deny_errno: 1, attached: 0, ...untraced }],
    [2, { redirect: 1, deny_errno: 1, attached: 1, ...untraced }],
    [3, { redirect: 0, deny_errno: 1, attached: 0, ...untraced }],
  ]);
  t.is(tables("a: {}", []).services[0]?.[1].deny_errno, 111);
});

/** Addresses of a service that goes to nicd, with what happens else. */
const toNic = ({ addresses }: Made) =>
  addresses.flatMap(([{ ip, port, protocol }, { nic }]) => (nic === 0 ? [] : [`${ipText(ip)} ${port}/${protocol} ${nic}`]));
const nicd = endpoint("10.0.0.9", { service: "nicd", port: 15_001, target: 15_001 });

test("tablesOf() sends virtual addresses to nicd, and with intercept: balance real ones too; no other port, and no datagram", (t) => {
  const web = (more: string) =>
    tables(`web: { ports: ["80:8080", "53/udp"], address: [198.18.0.9, "fd6d::9"], nic: on${more} }`, [endpoint("10.0.0.1")]);
  t.deepEqual(toNic(web("")), ["198.18.0.9 80/6 1", "fd6d::9 80/6 1"]);
  t.deepEqual(toNic(web(", without-nic: refuse")), ["198.18.0.9 80/6 2", "fd6d::9 80/6 2"]);
  const balanced = toNic(web(", intercept: balance"));
  t.deepEqual(balanced, ["198.18.0.9 80/6 1", "fd6d::9 80/6 1", "127.0.0.1 8080/6 1", "10.0.0.1 8080/6 1"]);
  t.deepEqual(toNic(tables("web: { ports: [80] }", [], { nic: nicd })), []);
});

test("tablesOf() makes nicd the one backend of frontend 0 while it is there, and its service one that is sent nowhere else", (t) => {
  const services = "nicd: {}\nweb: { ports: [80], nic: on }";
  const without = tables(services, [endpoint("10.0.0.1", { target: 80 })]);
  const numbers = without.numbers;
  const made = tables(services, [endpoint("10.0.0.1", { target: 80 })], { nic: nicd, numbers });
  const id = numbers.replicas.of(replicaName(nicd));
  t.deepEqual(
    made.backends.filter(([{ frontend }]) => frontend === 0),
    [[{ frontend: 0, index: 0 }, id]],
  );
  t.like(made.replicas.find(([replica]) => replica === id)?.[1], { port: 15_001, service: numbers.services.of("nicd") });
  t.deepEqual(
    made.services.map(([, { nic }]) => nic),
    [1, 0],
  );
  t.deepEqual(made.addresses, without.addresses, "who comes and goes changes no address");
  t.deepEqual(
    without.backends.filter(([{ frontend }]) => frontend === 0),
    [],
  );
  t.deepEqual(
    without.services.map(([, { nic }]) => nic),
    [0, 0],
  );
});

test("tablesOf() gives no number to the service of a nicd that belongs to none", (t) => {
  const made = tables("web: { ports: [80], nic: on }", [], { nic: { ...nicd, service: "" } });
  t.deepEqual(
    made.replicas.map(([, { service }]) => service),
    [0],
  );
  t.deepEqual(
    made.services.map(([, { nic }]) => nic),
    [0],
  );
});

const rule = (text: string) => `policies:\n  - ${text}\n`;

test("tablesOf() writes no policies where there are none", (t) => t.deepEqual(tables("web: { ports: [80] }", []).policies, []));

test("tablesOf() spells a rule out for the virtual port and for the replica's", (t) => {
  const made = tables('web: { ports: ["80:8080"] }\ndb: {}', [], {
    rest: rule("{ name: closed, from: [db], to: [web], ports: [80], action: deny }"),
  });
  t.deepEqual(policies(made), { "db web:80": "deny closed", "db web:8080": "deny closed" });
});

test("tablesOf() spells a rule out for a replica with a port of its own, and for programs of no service", (t) => {
  const made = tables('web: { ports: ["80:8080"] }', [endpoint("10.0.0.1", { target: 9090 })], {
    rest: rule('{ name: none, from: ["*"], to: ["*"], action: deny }'),
  });
  const ports = [80, 8080, 9090];
  t.deepEqual(
    Object.keys(policies(made)).toSorted(),
    ["*", "web"].flatMap((from) => ports.map((port) => `${from} web:${port}`)),
  );
});

test("tablesOf() lets the first rule decide, as decide() does", (t) => {
  const made = tables("web: { ports: [80, 443] }\ndb: {}\nadmin: {}", [], {
    rest: `policies:
  - { name: admin, from: [admin], to: [web], action: allow }
  - { name: tls, from: ["*"], to: [web], ports: [443], action: allow }
  - { name: rest, from: [db, admin], to: [web], action: deny }
`,
  });
  t.deepEqual(policies(made), {
    "* web:443": "allow tls",
    "admin web:80": "allow admin",
    "admin web:443": "allow admin",
    "db web:80": "deny rest",
    "db web:443": "allow tls",
    "web web:443": "allow tls",
  });
});

test("tablesOf() lets a virtual port win over a target of the same number", (t) => {
  const made = tables('web: { ports: ["80:443", "443:8443"] }\ndb: {}', [], {
    rest: rule("{ name: tls, from: [db], to: [web], ports: [443], action: deny }"),
  });
  t.deepEqual(policies(made), { "db web:443": "deny tls", "db web:8443": "deny tls" });
});

test("tablesOf() keeps its numbers from one time to the next, whatever else comes and goes", (t) => {
  const numbers = ids();
  const own = [endpoint("10.0.0.1")];
  const before = tables("web: { ports: [80] }", own, { numbers });
  tables("a: { ports: [80] }\nweb: { ports: [80] }", [endpoint("10.0.0.9", { service: "a" }), ...own], { numbers });
  const after = tables("web: { ports: [80] }", own, { numbers });
  t.deepEqual(after.replicas, before.replicas);
  t.deepEqual(after.backends, before.backends);
});

test("tablesOf() denies what rules deny, numbered behind the policies, and leaves the rest to these", (t) => {
  const policy = (name: string, from: string, ports: number[], action: "allow" | "deny"): Policy => ({
    name,
    from: [from],
    to: ["*"],
    ports,
    action,
  });
  const rules = new Rules([policy("a-80", "a", [80], "allow"), policy("no-a", "a", [], "deny"), policy("no-81", "*", [81], "deny")]);
  const catalog = parseCatalog(
    "version: 1\nservices: { web: { ports: [80, 81] }, a: , b: }\npolicies: [{ name: own, from: a, to: web, ports: [80], action: deny }]\n",
  );
  const numbers = ids();
  const made = tablesOf(catalog, [], new Set(), numbers, undefined, rules);
  const shown = made.policies.map(
    ([{ from, port }, { action, rule }]) => `${numbers.services.name(from) || "*"} ${port} ${action} ${rule}`,
  );
  // `a-80` lets pass, so the catalog's own policy, number 1, decides there.
  t.deepEqual(shown.sort(), ["* 81 1 4", "a 80 1 1", "a 81 1 3", "b 81 1 4", "web 81 1 4"]);
  t.deepEqual(new Rules([policy("x", "gone", [], "deny")]).unknown(catalog), ["gone"]);
});
