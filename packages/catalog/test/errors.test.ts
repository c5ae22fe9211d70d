import test from "ava";
import { CatalogError, parseCatalog } from "../src/mod.ts";

/** A text, and all the lines of its error. */
const cases: [title: string, text: string, ...lines: string[]][] = [
  ["an empty file", "", "1:1: version: is missing; add `version: 1`"],
  ["a file that is a list", "- a\n", "1:1: a list is not a map; give a map"],
  ["another version", "version: 2\n", "1:10: version: 2 is not a known version; use 1"],
  [
    "an open bracket",
    "version: 1\nservices: [\n",
    "3:1: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  ["a tab as indentation", "version: 1\nservices:\n\tweb:\n", "3:1: not valid YAML: tabs are not allowed as indentation"],
  ["two documents", "version: 1\n---\nversion: 1\n", "2:1: not valid YAML: a file holds one document; remove the `---` and what follows"],
  ["an unknown tag", "version: !one 1\n", "1:10: not valid YAML: unresolved tag: !one"],
  [
    "a key given twice",
    "version: 1\nservices:\n  web:\n  api:\n  web:\n",
    '5:3: services.web: "web" is given twice; the first is in line 3',
  ],
  ["a section given twice", "version: 1\nversion: 1\n", '2:1: version: "version" is given twice; the first is in line 1'],
  ["a key that is a list", "version: 1\n? [a]\n: 1\n", "2:3: a field name must be plain text; quote it"],
  ["an alias to nothing", "version: *one\n", "1:10: no anchor &one before this alias; define it first"],
  [
    "an alias inside its own anchor",
    "version: 1\nnodes: &n { a: *n }\n",
    "2:16: alias *n is inside what it stands for; write the value out",
  ],
  ["bottomless nesting", `version: ${"[".repeat(100)}${"]".repeat(100)}\n`, "1:74: nested too deep; nest at most 64 levels"],
  [
    "an unknown field with a near name",
    "version: 1\nservices:\n  cart:\n    prots: [80]\n",
    '4:5: services.cart.prots: unknown field "prots"; did you mean "ports"? allowed are ports, address, cgroup, replicas, intercept, redirect, tracing, nic, without-nic, protocol, routes, cluster, authorisation, filters',
  ],
  [
    "an unknown section",
    "version: 1\nfrobnicate: 1\n",
    '2:1: frobnicate: unknown field "frobnicate"; allowed are version, mesh, virtual, defaults, nodes, services, policies, authorisation, links, mqtt, filters',
  ],
  [
    "an unknown field in a port",
    "version: 1\nservices: { a: { ports: [{port: 1, targt: 2}] } }\n",
    '2:36: services.a.ports[0].targt: unknown field "targt"; did you mean "target"? allowed are port, target, protocol',
  ],
  [
    "a port too large",
    "version: 1\nservices:\n  cart:\n    ports:\n      - 70000\n",
    "5:9: services.cart.ports[0]: 70000 is not a port; use 1 to 65535",
  ],
  [
    "a port 0 in short form",
    'version: 1\nservices: { a: { ports: ["80:0"] } }\n',
    '2:26: services.a.ports[0]: "80:0" is not a port; use 1 to 65535',
  ],
  [
    "a port that is a word",
    "version: 1\nservices: { a: { ports: [http, 80/sctp] } }\n",
    '2:26: services.a.ports[0]: "http" is not a port; use 80, "80:8080", "53/udp" or {port: 80, target: 8080, protocol: tcp}',
    '2:32: services.a.ports[1]: "80/sctp" is not a port; use 80, "80:8080", "53/udp" or {port: 80, target: 8080, protocol: tcp}',
  ],
  [
    "a protocol there is not",
    "version: 1\nservices: { a: { ports: [{port: 1, protocol: sctp}] } }\n",
    '2:46: services.a.ports[0].protocol: "sctp" is not allowed here; use tcp, udp',
  ],
  [
    "a port without its number",
    "version: 1\nservices: { a: { ports: [{target: 1}] } }\n",
    "2:26: services.a.ports[0].port: is missing; use 1 to 65535",
  ],
  [
    "a port given twice",
    'version: 1\nservices: { a: { ports: [80, "80:81"] } }\n',
    "2:30: services.a.ports[1]: port 80/tcp is already given as 80 in ports[0]; remove one",
  ],
  [
    "a name with capitals",
    "version: 1\nservices:\n  Cart_1:\n",
    '3:3: services.Cart_1: "Cart_1" is not a name; use 1 to 63 lower-case letters, digits and hyphens, as in DNS',
  ],
  [
    "a bad address",
    "version: 1\nnodes: { n1: { address: 10.0.0.256 }, n2: { address: 0.0.0.0 }, n3: {} }\n",
    '2:25: nodes.n1.address: "10.0.0.256" is not an address; use a unicast IPv4 or IPv6 address, such as 10.0.0.1 or "fd00::1"',
    '2:54: nodes.n2.address: "0.0.0.0" is not an address; use a unicast IPv4 or IPv6 address, such as 10.0.0.1 or "fd00::1"',
    '2:69: nodes.n3.address: is missing; use a unicast IPv4 or IPv6 address, such as 10.0.0.1 or "fd00::1"',
  ],
  [
    "bad CIDR",
    'version: 1\nvirtual:\n  ipv4: 198.18.3.0/16\n  ipv6: "fd00::/200"\n',
    '3:9: virtual.ipv4: "198.18.3.0/16" is not an IPv4 prefix; use <address>/<length> with a length up to 30 and no bits after it, such as 198.18.0.0/16',
    '4:9: virtual.ipv6: "fd00::/200" is not an IPv6 prefix; use <address>/<length> with a length up to 126 and no bits after it, such as "fd6d:6974:7375::/64"',
  ],
  [
    "a prefix too small",
    "version: 1\nvirtual: { ipv4: 198.18.0.0/30 }\nservices: { a: , b: , c: }\n",
    "2:18: virtual.ipv4: 198.18.0.0/30 has 2 addresses, too few for 3 services; use a shorter prefix",
  ],
  [
    "a word out of a list",
    "version: 1\ndefaults: { redirect: maybe }\n",
    '2:23: defaults.redirect: "maybe" is not allowed here; use auto, on, off',
  ],
  [
    "a bad weight",
    "version: 1\nservices: { a: { ports: [1], replicas: [{address: 10.0.0.1, weight: -1}] } }\n",
    "2:69: services.a.replicas[0].weight: -1 is not a weight; use 0 (takes no new connections) to 65535",
  ],
  [
    "a relative namespace",
    "version: 1\nservices: { a: { ports: [1], replicas: [{address: 10.0.0.1, netns: a}] } }\n",
    '2:68: services.a.replicas[0].netns: "a" is not a network namespace; use an absolute path, such as /run/netns/a',
  ],
  [
    "a cgroup outside",
    "version: 1\nservices: { a: { cgroup: ../x } }\n",
    '2:26: services.a.cgroup: "../x" is not a cgroup; use a unit or a path below the cgroup v2 root, such as cart.service or "mitsu/cart-*"',
  ],
  ["a list for a map", "version: 1\nservices: [web]\n", "2:11: services: a list is not a map; give a map"],
  ["a map for a list", "version: 1\npolicies: { a: 1 }\n", "2:11: policies: a map is not a list; give a list"],
  [
    "two services with one virtual address",
    "version: 1\nservices:\n  a: { address: 198.18.0.1 }\n  b: { address: 198.18.0.1 }\n",
    "4:17: services.b.address: virtual address 198.18.0.1 is already taken by services.a.address; give each its own",
  ],
  [
    "two spellings of one virtual address",
    'version: 1\nservices:\n  a: { address: "fd00::1" }\n  b: { address: ["FD00:0::01"] }\n',
    "4:17: services.b.address: virtual address fd00::1 is already taken by services.a.address; give each its own",
  ],
  [
    "three addresses",
    "version: 1\nservices: { a: { address: [10.0.0.1, 10.0.0.2, 10.0.0.3] } }\n",
    "2:27: services.a.address: takes one address, or one for each family",
  ],
  [
    "two addresses of one family",
    "version: 1\nservices: { a: { address: [10.0.0.1, 10.0.0.2] } }\n",
    "2:38: services.a.address[1]: a second IPv4 address; give one for each family",
  ],
  [
    "two replicas with one address, port and protocol",
    'version: 1\nservices:\n  a:\n    ports: [80]\n    replicas: [ { address: 10.0.0.1 } ]\n  b:\n    ports: ["81:80"]\n    replicas:\n      - address: 10.0.0.1\n',
    "9:9: services.b.replicas[0]: 10.0.0.1:80/tcp is already taken by services.a.replicas[0]; give each its own",
  ],
  [
    "a virtual address that is a replica's",
    "version: 1\nservices:\n  a: { address: 10.0.0.1 }\n  b: { ports: [80], replicas: [ { address: 10.0.0.1 } ] }\n",
    "3:17: services.a.address: virtual address 10.0.0.1 is the real address of services.b.replicas[0]; choose another or leave it out",
  ],
  [
    "one cgroup twice",
    "version: 1\nservices:\n  a: { cgroup: x.service }\n  b: { cgroup: /x.service }\n",
    '4:16: services.b.cgroup: cgroup "x.service" is already taken by services.a.cgroup; give each its own',
  ],
  [
    "an unknown node",
    "version: 1\nnodes: { node1: { address: 10.0.0.1 } }\nservices: { a: { ports: [80], replicas: [ { node: nod1 } ] } }\n",
    '3:51: services.a.replicas[0].node: no node "nod1"; did you mean "node1"?',
  ],
  [
    "a node where there are none",
    "version: 1\nservices: { a: { ports: [80], replicas: [ { node: n1 } ] } }\n",
    '2:51: services.a.replicas[0].node: no node "n1"; there are none, add it under nodes',
  ],
  [
    "a replica without an address",
    "version: 1\nservices: { a: { ports: [80], replicas: [ {} ] } }\n",
    "2:43: services.a.replicas[0]: has no address; give an address, or a node whose address it has",
  ],
  [
    "a replica of a service without ports",
    "version: 1\nservices: { a: { replicas: [ { address: 10.0.0.1, port: 8080 } ] } }\n",
    "2:30: services.a.replicas[0]: the service has no ports to reach this replica at; add ports: [8080]",
  ],
  [
    "a replica's port where there are several",
    "version: 1\nservices: { a: { ports: [80, 81], replicas: [ { address: 10.0.0.1, port: 8080 } ] } }\n",
    "2:74: services.a.replicas[0].port: the service has several ports; leave this out and give each of them a target",
  ],
  [
    "an unknown service in a policy",
    "version: 1\nservices: { cart: , web: }\npolicies:\n  - { from: [wbe], to: crat, action: allow }\n  - { from: web, to: [nothing-like-it], action: allow }\n",
    '4:14: policies[0].from[0]: no service "wbe"; did you mean "web"?',
    '4:24: policies[0].to: no service "crat"; did you mean "cart"?',
    '5:23: policies[1].to[0]: no service "nothing-like-it"; there are cart, web',
  ],
  [
    "a port no server has",
    "version: 1\nservices: { a: { ports: [80] } }\npolicies: [ { from: a, to: a, ports: [80, 81], action: deny } ]\n",
    "3:43: policies[0].ports[1]: no service in `to` has port 81; there are 80",
  ],
  [
    "a policy without an action",
    "version: 1\npolicies: [ { from: '*', to: '*' } ]\n",
    "2:13: policies[0].action: is missing; use allow, deny",
  ],
  [
    "a policy for nobody",
    "version: 1\npolicies: [ { from: [], to: '*', action: allow } ]\n",
    '2:21: policies[0].from: is empty; name a service, or "*" for all',
  ],
  [
    "one policy name twice",
    "version: 1\npolicies:\n  - { name: p, from: '*', to: '*', action: allow }\n  - { name: p, from: '*', to: '*', action: deny }\n",
    '4:13: policies[1].name: "p" is already the name of policies[0]; give each its own',
  ],
  [
    "tracing of an unknown kind, and a share above 1",
    "version: 1\nservices:\n  a: { tracing: headers }\n  b: { tracing: { sampling: 2 } }\n  c: { tracing: { sample: 1 } }\n",
    '3:17: services.a.tracing: "headers" is not a way to trace; use off, side-band, header or {propagation: header, sampling: 0.1}',
    "4:29: services.b.tracing.sampling: 2 is not a share; use a number from 0 (none) to 1 (all)",
    '5:19: services.c.tracing.sample: unknown field "sample"; allowed are propagation, sampling',
  ],
  [
    "several faults in several services",
    "version: 1\r\nservices:\r\n  a: { ports: [0] }\r\n  b: { redirct: on }\r\n  c: { ports: [80], replicas: [ { node: n9 } ] }\r\npolicies:\r\n  - { from: [a, x], to: c, action: alow }\r\n  - { from: [a, y], to: c, action: allow }\r\n",
    "3:16: services.a.ports[0]: 0 is not a port; use 1 to 65535",
    '4:8: services.b.redirct: unknown field "redirct"; did you mean "redirect"? allowed are ports, address, cgroup, replicas, intercept, redirect, tracing, nic, without-nic, protocol, routes, cluster, authorisation, filters',
    '5:41: services.c.replicas[0].node: no node "n9"; there are none, add it under nodes',
    '7:36: policies[0].action: "alow" is not allowed here; use allow, deny',
    '8:17: policies[1].from[1]: no service "y"; there are a, b, c',
  ],
];

for (const [title, text, ...lines] of cases) {
  test(`parseCatalog() refuses ${title}`, (t) => {
    const error = t.throws(() => parseCatalog(text, { file: "a/mesh.yaml" }), { instanceOf: CatalogError, code: "ERR_CATALOG_INVALID" });
    t.deepEqual(
      error?.message.split("\n"),
      lines.map((line) => `a/mesh.yaml:${line}`),
    );
    t.is(error?.exit, 78);
    t.like(error?.problems[0], { file: "a/mesh.yaml", line: Number(lines[0]?.split(":")[0]), column: Number(lines[0]?.split(":")[1]) });
  });
}

test("CatalogError shows twenty problems and keeps all", (t) => {
  const error = t.throws(() => parseCatalog(`version: 1\nservices: { a: { ports: [${Array(50).fill("0").join(", ")}] } }\n`), {
    instanceOf: CatalogError,
  });
  t.is(error?.problems.length, 50);
  t.is(error?.message.split("\n").length, 21);
  t.true(error?.message.endsWith("\nand 30 more"));
});
