import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { ipText } from "../src/kernel/ip.ts";
import type { SockRecord } from "../src/kernel/layout.ts";
import { endpointsOf } from "../src/mesh/listening.ts";
import type { Namespace, Namespaces } from "../src/mesh/namespaces.ts";
import { listener } from "./scan-lines.ts";

const names = ["", "web", "dns"];
const namespace = (cookie: bigint, ...addresses: string[]): Namespace => ({ cookie, fd: -1, addresses, inode: `net:[${cookie}]` });
const host = namespace(1n, "10.0.0.1", "fd00::1");
const pod = namespace(2n, "10.1.0.2");
const namespaces = {
  ofPid: () => host,
  ofPath: (path: string) => (path === "/run/netns/pod" ? pod : undefined),
} as unknown as Namespaces;

/** What is found for a service `web` on port 80 → 8080, in short form: `local ip up addresses`. */
function found(presences: readonly Namespace[], records: readonly SockRecord[], service = 'web: { ports: ["80:8080"] }'): string[] {
  const catalog = parseCatalog(`version: 1\nservices:\n  ${service}\n`, { file: "test" });
  const here = presences.map((where) => ({ service: "web", namespace: where }));
  return endpointsOf(catalog, here, records, (id) => names[id] ?? "", namespaces).map(
    ({ local, ip, up, addresses, netns, port, target }) =>
      `${netns}: ${ipText(local)} ${ipText(ip)} ${port}→${target} ${up ? "up" : "expected"} [${addresses.map(ipText).join(" ")}]`,
  );
}
const web = (ip: string, fields: Partial<SockRecord> = {}) => listener(ip, 8080, { service: 1, ...fields });

test("endpointsOf() finds nothing where nobody is attached and nothing is declared", (t) => t.deepEqual(found([], [web("0.0.0.0")]), []));

test("endpointsOf() takes a wildcard IPv4 listener for one on loopback and every IPv4 address", (t) => {
  t.deepEqual(found([pod], [web("0.0.0.0", { netns: 2n })]), ["2: 127.0.0.1 10.1.0.2 80→8080 up [127.0.0.1 10.1.0.2]"]);
});

test("endpointsOf() takes a wildcard IPv6 listener for one on both families", (t) => {
  t.deepEqual(found([host], [web("::")]), ["1: 127.0.0.1 10.0.0.1 80→8080 up [127.0.0.1 ::1 10.0.0.1 fd00::1]"]);
});

test("endpointsOf() takes a listener on one address for a replica there only", (t) => {
  t.deepEqual(found([host], [web("10.0.0.1")]), ["1: 10.0.0.1 10.0.0.1 80→8080 up [10.0.0.1]"]);
  t.deepEqual(found([host], [web("127.0.0.1")]), ["1: 127.0.0.1 127.0.0.1 80→8080 up [127.0.0.1]"]);
  t.deepEqual(found([host], [web("127.0.0.1"), web("fd00::1")]), ["1: 127.0.0.1 fd00::1 80→8080 up [127.0.0.1 fd00::1]"]);
});

test("endpointsOf() expects a replica where a service lives but nothing listens yet", (t) => {
  const expected = ["1: 127.0.0.1 10.0.0.1 80→8080 expected [127.0.0.1 ::1 10.0.0.1 fd00::1]"];
  t.deepEqual(found([host], []), expected);
  t.deepEqual(found([host], [web("0.0.0.0", { local_port: 80 })]), expected, "another port");
  t.deepEqual(found([host], [web("0.0.0.0", { netns: 2n })]), expected, "another namespace");
  t.deepEqual(found([host], [web("0.0.0.0", { service: 2 })]), expected, "another service's");
});

test("endpointsOf() expects nothing elsewhere once one replica listens", (t) => {
  t.deepEqual(found([host, pod], [web("0.0.0.0", { netns: 2n })]), ["2: 127.0.0.1 10.1.0.2 80→8080 up [127.0.0.1 10.1.0.2]"]);
});

test("endpointsOf() keeps expecting UDP replicas, whose sockets the scan does not show", (t) => {
  t.is(found([host, pod], [], 'web: { ports: ["53:8080/udp"] }').length, 2);
});

test("endpointsOf() gives several replicas of a service, one for each namespace", (t) => {
  t.deepEqual(
    found([host, pod], [web("0.0.0.0"), web("0.0.0.0", { netns: 2n })]).map((line) => line[0]),
    ["1", "2"],
  );
});

test("endpointsOf() takes the catalog's replicas with their weights, netns and own ports", (t) => {
  const catalog = parseCatalog(
    `version: 1
services:
  web:
    ports: ["80:8080"]
    replicas:
      - { address: 10.1.0.2, netns: /run/netns/pod, weight: 3 }
      - { address: 192.0.2.9, port: 9090 }
      - { address: 192.0.2.8, netns: /run/netns/gone }
`,
    { file: "test" },
  );
  const [a, b, c, ...rest] = endpointsOf(catalog, [], [], () => "", namespaces);
  t.like(a, { netns: 2n, weight: 3, target: 8080, up: true });
  t.like(b, { netns: 1n, weight: 1, target: 9090, port: 80 });
  t.like(c, { netns: 0n });
  t.is(rest.length, 0);
  t.deepEqual([ipText(b!.ip), ipText(b!.local), b!.addresses.map(ipText)], ["192.0.2.9", "192.0.2.9", ["192.0.2.9"]]);
});

test("endpointsOf() does not count a declared replica again when it is seen listening", (t) => {
  const declared = "web: { ports: [8080], replicas: [{ address: 10.0.0.1 }] }";
  t.deepEqual(found([host], [web("0.0.0.0")], declared), ["1: 10.0.0.1 10.0.0.1 8080→8080 up [10.0.0.1]"]);
  t.is(found([host, pod], [web("0.0.0.0"), web("0.0.0.0", { netns: 2n })], declared).length, 2);
});
