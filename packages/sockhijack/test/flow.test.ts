import test from "ava";
import fc from "fast-check";
import { flowsOf, isEnrolled, shouldLeaveAlone } from "../src/coupling/flow.ts";
import { ipBytes } from "../src/kernel/ip.ts";
import { fact, type SockRecord, stateFlag, tcpState } from "../src/kernel/layout.ts";
import { ends, line, listener } from "./scan-lines.ts";

const [left, right] = [ipBytes("10.0.0.1"), ipBytes("10.0.0.2")];
/** A connection between two namespaces, with the first sequence numbers of both directions. */
const across = (n: number, streams: { out?: number; in?: number; back?: number; forth?: number } = {}) =>
  ends(n, {
    client: { netns: 1n, local_ip: left, remote_ip: right, stream_out: streams.out ?? 1000, stream_in: streams.in ?? 2000 },
    server: { netns: 2n, local_ip: right, remote_ip: left, stream_out: streams.back ?? 2000, stream_in: streams.forth ?? 1000 },
  });
const cookies = (records: readonly SockRecord[]) => flowsOf(records).map(({ client, server }) => [client?.cookie, server?.cookie]);

test("flowsOf() puts the two ends of a connection together, whichever line comes first", (t) => {
  const { client, server } = ends(0);
  t.deepEqual(flowsOf([client, server]), [{ id: client.cookie, client, server }]);
  t.deepEqual(flowsOf([server, client]), [{ id: client.cookie, client, server }]);
});

test("flowsOf() keeps an end whose other end is not on this node", (t) => {
  const { client, server } = ends(0);
  t.deepEqual(flowsOf([client]), [{ id: client.cookie, client, server: undefined }]);
  t.deepEqual(flowsOf([listener("0.0.0.0", 80), server]), [{ id: server.cookie, client: undefined, server }]);
});

test("flowsOf() takes the listener's side for the server where no hook saw the connect", (t) => {
  const { client, server } = ends(0, {
    client: { flags: 0, local_port: 70, remote_port: 9000 },
    server: { local_port: 9000, remote_port: 70 },
  });
  t.deepEqual(cookies([client, server, listener("127.0.0.1", 9000)]), [[client.cookie, server.cookie]]);
  t.deepEqual(cookies([client, server, listener("127.0.0.1", 9000, { netns: 7n })]), [[server.cookie, client.cookie]]);
});

test("flowsOf() takes the lower port for the server where nothing else tells", (t) => {
  const { client, server } = ends(0, { client: { flags: 0 } });
  t.deepEqual(cookies([server, client]), [[client.cookie, server.cookie]]);
});

test("flowsOf() never pairs loopback connections of two namespaces, though their addresses are equal", (t) => {
  const here = ends(0);
  const there = ends(1, { client: { netns: 2n, local_port: 40_000 }, server: { netns: 2n, remote_port: 40_000 } });
  t.deepEqual(cookies([here.client, there.client, there.server, here.server]), [
    [here.client.cookie, here.server.cookie],
    [there.client.cookie, there.server.cookie],
  ]);
  t.is(flowsOf([here.client, there.server]).length, 2);
});

test("flowsOf() pairs across namespaces only ends that agree on both first sequence numbers", (t) => {
  const { client, server } = across(0);
  t.deepEqual(cookies([client, server]), [[client.cookie, server.cookie]]);
  for (const other of [across(0, { back: 2002 }), across(0, { forth: 998 }), across(0, { out: 5 }), across(0, { in: 5 })]) {
    t.is(flowsOf([other.client, other.server]).length, 2);
  }
});

test("flowsOf() lets a SYN count or not, also where the sequence number wraps", (t) => {
  for (const [out, forth] of [
    [1000, 1001],
    [1001, 1000],
    [0xffffffff, 0],
    [0, 0xffffffff],
  ] as const) {
    const { client, server } = across(0, { out, forth });
    t.is(flowsOf([client, server]).length, 1, `${out} and ${forth}`);
  }
});

test("flowsOf() leaves out listeners and sockets that have no other end yet", (t) => {
  t.deepEqual(flowsOf([listener("0.0.0.0", 80), line({ cookie: 5n, local_port: 1234 })]), []);
});

test("flowsOf() does not pair a socket that is connected to itself", (t) => {
  const { client } = ends(0, { client: { local_port: 80, remote_port: 80 } });
  t.deepEqual(cookies([client]), [[client.cookie, undefined]]);
});

test("flowsOf() takes a line that the scan gave twice for one socket", (t) => {
  const { client, server } = ends(0);
  t.deepEqual(cookies([client, server, server, client]), [[client.cookie, server.cookie]]);
});

test("flowsOf() names a flow by its client's cookie while a look misses the client of a coupled pair", (t) => {
  const { client, server } = ends(0, {
    client: { local_port: 80, remote_port: 9000, facts: fact.nonblock | fact.enrolled, peer: 2n },
    server: { local_port: 9000, remote_port: 80, facts: fact.nonblock | fact.enrolled, peer: 1n },
  });
  t.is(flowsOf([client, server])[0]?.id, client.cookie);
  t.deepEqual(flowsOf([server]), [{ id: client.cookie, client: undefined, server }]);
});

test("flowsOf() finds every connection once, in any order, over both families and two namespaces", (t) => {
  const connection = fc.record({
    family: fc.constantFrom(4, 6),
    netns: fc.constantFrom(1n, 2n),
    client: fc.boolean(),
    server: fc.boolean(),
  });
  const scan = fc.array(connection, { maxLength: 12 }).chain((list) => {
    const records = list.flatMap(({ family, netns, ...present }, n) => {
      const ip = ipBytes(family === 4 ? "127.0.0.1" : "::1");
      const both = ends(n, { client: { local_ip: ip, remote_ip: ip, netns }, server: { local_ip: ip, remote_ip: ip, netns } });
      return [...(present.client ? [both.client] : []), ...(present.server ? [both.server] : [])];
    });
    return fc.shuffledSubarray(records, { minLength: records.length }).map((shuffled) => ({ list, shuffled }));
  });
  fc.assert(
    fc.property(scan, ({ list, shuffled }) => {
      const expected = list.flatMap(({ client, server }, n) => {
        const [a, b] = [BigInt(n * 2 + 1), BigInt(n * 2 + 2)];
        return client || server ? [`${client ? a : ""}-${server ? b : ""}`] : [];
      });
      const found = flowsOf([listener("::", 80), listener("::", 80, { netns: 2n }), ...shuffled]);
      const seen = found.map(({ client, server }) => `${client?.cookie ?? ""}-${server?.cookie ?? ""}`);
      if (seen.toSorted().join() !== expected.toSorted().join()) throw new Error(`${seen} instead of ${expected}`);
      if (new Set(found.map(({ id }) => id)).size !== found.length) throw new Error("two flows with one id");
    }),
    { seed: 793, numRuns: 500 },
  );
  t.pass();
});

test("isEnrolled() reads the fact, and is false for a missing end", (t) => {
  t.true(isEnrolled(line({ facts: fact.enrolled | fact.nonblock, state: tcpState.established })));
  t.false(isEnrolled(line({ facts: fact.nonblock })));
  t.false(isEnrolled(undefined));
});

test("a socket that is in the map alone, for tracing, counts as not enrolled, and leaves when it need not be there", (t) => {
  const rules = { redirect: () => "auto" };
  const alone = line({ facts: fact.enrolled | fact.nonblock, flags: stateFlag.client | stateFlag.injects });
  t.false(isEnrolled(alone));
  t.false(shouldLeaveAlone(alone, rules));
  t.true(shouldLeaveAlone({ ...alone, flags: alone.flags | stateFlag.spent }, rules), "no HTTP");
  t.true(shouldLeaveAlone({ ...alone, flags: alone.flags | stateFlag.optedOut }, rules), "an option that the map cannot carry");
  t.true(shouldLeaveAlone({ ...alone, facts: fact.enrolled }, rules), "it blocks now");
  t.false(shouldLeaveAlone({ ...alone, facts: fact.enrolled }, { redirect: () => "on" }), "and may");
  t.false(shouldLeaveAlone({ ...alone, flags: stateFlag.spent }, rules), "not there alone");
});
