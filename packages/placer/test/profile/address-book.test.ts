/** Whose an address is. */
import { parseCatalog } from "@mitsu/catalog";
import test from "ava";
import { AddressBook, addressKey, addressText } from "../../src/profile/address-book.ts";

const key = (text: string): number | string => addressKey(text)!;

test("addressText() of addressKey() is the canonical address", (t) => {
  for (const [text, canonical] of [
    ["10.1.2.3", "10.1.2.3"],
    ["fd00:0::1", "fd00::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
  ] as const) {
    t.is(addressText(key(text)), canonical);
  }
  t.is(addressKey("nowhere"), undefined);
});

test("addCatalog() knows replicas' ports, virtual addresses, and no client at a node's address", (t) => {
  const book = new AddressBook();
  const catalog = parseCatalog(`version: 1
nodes: { n1: { address: 10.0.0.9 } }
services:
  web: { ports: [ "80:8080" ], replicas: [ { address: 10.0.0.2 } ] }
  db: { ports: [ 5432 ], replicas: [ { address: 10.0.0.9, node: n1 } ] }
`);
  book.addCatalog(catalog);
  t.deepEqual(book.find(key("10.0.0.2"), 8080, "tcp"), { service: "web", listens: true });
  t.deepEqual(book.find(key("10.0.0.2"), 80, "tcp"), { service: "web", listens: false });
  t.deepEqual(book.find(key(catalog.services.find(({ name }) => name === "web")!.ipv4), 80, "tcp"), { service: "web", listens: true });
  t.deepEqual(book.find(key("10.0.0.9"), 5432, "tcp"), { service: "db", listens: true });
  t.is(book.find(key("10.0.0.9"), 40_000, "tcp"), undefined);
  t.is(book.find(key("10.0.0.9"), 5432, "udp"), undefined);
});

test("add() forgets whose an address is once two services have it, but not whose its ports are", (t) => {
  const book = new AddressBook();
  book.add("a", "127.0.0.1", 1);
  book.add("b", "127.0.0.1", 2);
  t.is(book.find(key("127.0.0.1"), 3, "tcp"), undefined);
  t.is(book.find(key("127.0.0.1"), 2, "tcp")?.service, "b");
});

test("addProblem() reads addresses of replicas' names and of the label `address`", (t) => {
  const book = new AddressBook();
  t.true(book.empty);
  book.addProblem({
    services: [
      { name: "a", replicas: ["10.0.0.1", "[fd00::1]:80", "a-2"], labels: {} },
      { name: "b", replicas: ["b-0"], labels: { address: "10.0.0.2:443, fd00::2" } },
    ] as never,
  });
  t.is(book.find(key("10.0.0.1"), 9, "tcp")?.service, "a");
  t.deepEqual(book.find(key("fd00::1"), 80, "tcp"), { service: "a", listens: true });
  t.deepEqual(book.find(key("10.0.0.2"), 443, "tcp"), { service: "b", listens: true });
  t.is(book.find(key("fd00::2"), 1, "tcp")?.service, "b");
});
