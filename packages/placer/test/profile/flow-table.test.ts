/** Packets to pairs of services. */
import test from "ava";
import { AddressBook } from "../../src/profile/address-book.ts";
import { FlowTable } from "../../src/profile/flow-table.ts";
import { emptySegment, type Segment } from "../../src/profile/segment.ts";

function book(): AddressBook {
  const known = new AddressBook();
  known.add("client", "10.0.0.1");
  known.add("web", "10.0.0.2", 80);
  known.add("dns", "10.0.0.3", 53, "udp");
  return known;
}

const client = 0x0a000001;
const web = 0x0a000002;
const up = (parts: Partial<Segment>): Segment => ({
  ...emptySegment(),
  source: client,
  sourcePort: 40_000,
  destination: web,
  destinationPort: 80,
  flags: 16,
  ...parts,
});
const down = (parts: Partial<Segment>): Segment => ({
  ...up({}),
  source: web,
  sourcePort: 80,
  destination: client,
  destinationPort: 40_000,
  ...parts,
});

function table(...segments: Segment[]): FlowTable {
  const flows = new FlowTable(book());
  for (const segment of segments) flows.add(segment);
  return flows;
}

test("add() counts a change of direction as a message, and payload of both", (t) => {
  const flows = table(
    up({ flags: 2, sequence: 0 }),
    down({ flags: 18, sequence: 9 }),
    up({ sequence: 1, payload: 100 }),
    up({ sequence: 101, payload: 50 }),
    down({ sequence: 10, payload: 1000 }),
    down({ sequence: 1010, payload: 1000 }),
    up({ sequence: 151 }),
    up({ sequence: 151, payload: 100 }),
    down({ sequence: 2010, payload: 7 }),
  );
  t.deepEqual(flows.pairs(), [{ from: "client", to: "web", messages: 4, bytes: 2257 }]);
  t.is(flows.counts().flows, 1);
});

test("add() counts a retransmission neither as a message nor as bytes", (t) => {
  const request = up({ sequence: 1, payload: 100 });
  const flows = table(request, down({ sequence: 1, payload: 10 }), { ...request }, down({ sequence: 11, payload: 10 }));
  t.deepEqual(flows.pairs(), [{ from: "client", to: "web", messages: 2, bytes: 120 }]);
  t.is(flows.counts().repeatedBytes, 100);
});

test("add() tells the client by SYN, whatever the ports say", (t) => {
  const odd = { sourcePort: 80, destinationPort: 50_000 };
  const known = book();
  known.add("web", "10.0.0.2", 50_000);
  const flows = new FlowTable(known);
  flows.add(up({ ...odd, flags: 2 }));
  flows.add(up({ ...odd, sequence: 1, payload: 5 }));
  t.like(flows.pairs()[0], { from: "client", to: "web" });
  const back = table(down({ flags: 18 }), down({ sequence: 1, payload: 5 }));
  t.like(back.pairs()[0], { from: "client", to: "web" });
});

test("add() tells the client by the service's port when the capture began later", (t) => {
  t.like(table(down({ payload: 5 })).pairs()[0], { from: "client", to: "web" });
  t.like(table(up({ payload: 5, sourcePort: 7 })).pairs()[0], { from: "client", to: "web" });
});

test("add() counts a datagram as a message, also an empty one", (t) => {
  const ask = up({ protocol: "udp", destination: 0x0a000003, destinationPort: 53, payload: 30 });
  const answer: Segment = { ...ask, source: 0x0a000003, sourcePort: 53, destination: client, destinationPort: 40_000, payload: 90 };
  t.deepEqual(table(ask, { ...ask }, answer, { ...ask, payload: 0 }).pairs(), [{ from: "client", to: "dns", messages: 4, bytes: 150 }]);
});

test("add() begins anew when ports are used again", (t) => {
  const flows = table(
    up({ flags: 2, sequence: 5_000_000 }),
    up({ sequence: 5_000_001, payload: 10 }),
    up({ flags: 2, sequence: 1000 }),
    up({ sequence: 1001, payload: 10 }),
  );
  t.like(flows.pairs()[0], { bytes: 20 });
});

test("add() counts TCP fragments by the first one's numbers, and UDP by its length", (t) => {
  const first = up({ sequence: 1000, payload: 100, headerBytes: 20, fragmentOf: "a" });
  const rest = { ...emptySegment(), source: client, destination: web, fragmentOf: "a", fragmentAt: 120, payload: 200 };
  const flows = table(first, rest, { ...rest }, up({ sequence: 1300, payload: 1 }));
  t.like(flows.pairs()[0], { bytes: 301, messages: 1 });
  const datagram = up({ protocol: "udp", destination: 0x0a000003, destinationPort: 53, payload: 3000, fragmentOf: "b" });
  const part = {
    ...emptySegment(),
    protocol: "udp" as const,
    source: client,
    destination: 0x0a000003,
    fragmentOf: "b",
    fragmentAt: 1480,
    payload: 1480,
  };
  const datagrams = table(datagram, part, { ...part, fragmentOf: "never seen" });
  t.like(datagrams.pairs()[0], { bytes: 3000, messages: 1 });
  t.is(datagrams.counts().orphanFragments, 1);
});

test("unknown() tells whose addresses nobody knows, those with most payload first", (t) => {
  const flows = table(
    up({ source: 0x7f000001, payload: 5 }),
    up({ destination: "fd000000:0:0:9", payload: 50 }),
    up({ destination: 0x08080808, payload: 20, sequence: 1 }),
  );
  t.deepEqual(flows.pairs(), []);
  t.deepEqual(flows.unknown(), [
    { address: "fd00::9", packets: 1, bytes: 50 },
    { address: "8.8.8.8", packets: 1, bytes: 20 },
    { address: "127.0.0.1", packets: 1, bytes: 5 },
  ]);
});

test("add() keeps no flow for acknowledgements alone", (t) => {
  t.is(table(up({}), down({})).counts().flows, 0);
});
