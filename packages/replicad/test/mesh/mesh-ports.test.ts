import { parseCatalog } from "@mitsu/catalog";
import type { NumberedReplica } from "@mitsu/ipc";
import test from "ava";
import { meshPorts } from "../../src/mesh/mesh-ports.ts";

const catalog = parseCatalog(`
version: 1
nodes: { a: { address: 10.0.0.1 }, b: { address: 10.0.0.2 } }
services:
  web:
    ports: ["80:8080", "53/udp", 90]
    replicas: [{ node: a }, { node: b, weight: 3 }, { address: "fd00::1" }]
  idle: {}
`);

const found = (fields: Partial<NumberedReplica>): NumberedReplica => ({
  id: 1,
  service: "web",
  port: 80,
  protocol: "tcp",
  frontend: 1,
  address: "10.1.0.9",
  target: 3000,
  weight: 1,
  up: true,
  here: true,
  ...fields,
});

test("meshPorts: each TCP port of a service, with the mesh file's replicas at its target", (t) => {
  const ports = meshPorts(catalog, "a", []);
  t.deepEqual(
    ports.map(({ service, port }) => `${service} ${port}`),
    ["web 80", "web 90"],
  );
  t.deepEqual(
    ports[0]!.replicas.map(({ key, node, here, weight }) => [key, node, here, weight]),
    [
      ["10.0.0.1:8080", "a", true, 1],
      ["10.0.0.2:8080", "b", false, 3],
      ["[fd00::1]:8080", null, true, 1],
    ],
  );
  t.is(ports[1]!.replicas[0]!.key, "10.0.0.1:90");
});

test("meshPorts: what sockhijack found comes on top when it listens, and never twice", (t) => {
  const [web] = meshPorts(catalog, "a", [
    found({}),
    found({ address: "10.1.0.8", up: false }),
    found({ address: "10.0.0.2", target: 8080 }),
    found({ address: "10.1.0.7", protocol: "udp" }),
    found({ address: "10.1.0.6", here: false }),
  ]);
  t.deepEqual(
    web!.replicas.slice(3).map(({ key, node, here }) => [key, node, here]),
    [
      ["10.1.0.9:3000", "a", true],
      ["10.1.0.6:3000", null, false],
    ],
  );
  t.is(web!.replicas[1]!.weight, 3);
});
