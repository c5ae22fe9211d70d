/** Order: what went by TCP and what was redirected come out in the order in which they went in. @module */
import type { Bench, Connection } from "../bench.ts";
import { type Check, expect } from "../check.ts";
import type { End } from "../stream.ts";

const IPPROTO_TCP = 6;
const TCP_CORK = 3;
const number = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** More than the peer's queue may hold before messages go by TCP (`config_unread_cap`, 256 KiB), less than TCP alone would take. */
const overCapBytes = 600 << 10;
/** Little enough to leave TCP bytes unread when this much is read, more than was redirected. */
const partBytes = 400 << 10;

/** Corked bytes wait in the sender's queue while both ends enter the map: they are in flight when the next message comes. */
function inFlight(bench: Bench): void {
  const { sockets } = bench;
  const connection = bench.connect();
  const both: readonly (readonly [End, End])[] = [
    [connection.client, connection.server],
    [connection.server, connection.client],
  ];
  for (const [from] of both) {
    sockets.setOption(from.fd, IPPROTO_TCP, TCP_CORK, number(1));
    from.send(100);
  }
  bench.enrol(connection);
  for (const [from, to] of both) {
    from.send(50);
    sockets.setOption(from.fd, IPPROTO_TCP, TCP_CORK, number(0));
    to.receive(150);
    from.send(25);
    to.receive(25);
  }
  const { client, server } = bench.look(connection);
  for (const end of [client, server]) {
    expect(end.passed_messages === 1n, `${end.passed_messages} messages instead of 1 went by TCP while TCP's bytes were in flight`);
    expect(end.redirected_messages === 1n, `${end.redirected_messages} messages instead of 1 were redirected once they had been read`);
  }
}

/** Redirect until the queue is full, TCP behind it, reads in between, and redirect again. @returns how many messages went each way. */
function backAndForth(bench: Bench, connection: Connection, side: "client" | "server"): bigint {
  const from = connection[side];
  const to = connection[side === "client" ? "server" : "client"];
  for (let round = 0; round < 2; round++) {
    from.send(overCapBytes);
    to.receive(partBytes);
    from.send(10);
    to.receive(overCapBytes - partBytes + 10);
    from.send(1000);
    to.receive(1000);
  }
  const { passed_messages, redirected_messages } = bench.look(connection)[side];
  expect(redirected_messages > 0n && passed_messages > 0n, "only one of the two ways was used");
  return passed_messages + redirected_messages;
}

/** Both directions. */
export const order: Check = {
  name: "order",
  proves: "bytes by TCP and redirected ones keep their order, both ways",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    inFlight(bench);
    const connection = bench.coupled();
    const messages = backAndForth(bench, connection, "client") + backAndForth(bench, connection, "server");
    return `${messages} messages, each byte compared`;
  },
};

/** Bytes that TCP brought wait unread, and the first segment is partly read, when the sockets enter the map: `verdict` cuts it. */
export const unread: Check = {
  name: "unread",
  proves: "bytes that wait unread when a socket enters the map come once, in order, and FIONREAD counts them",
  consequence: "unread",
  refused: "taking unread bytes along: a busy socket waits outside the map until all is read",
  run(bench) {
    let taken = 0;
    for (const [sent, read] of [
      [200, 130], // in the linear part of the first segment
      [60_000, 41_000], // and across its pages
    ] as const) {
      const connection = bench.connect();
      const { client, server } = connection;
      client.send(sent);
      server.receive(read);
      bench.enrol(connection);
      const waiting = sent - read;
      expect(server.unread === waiting, `FIONREAD says ${server.unread} for ${waiting} bytes taken along`);
      server.receive(waiting);
      client.send(10);
      server.receive(10);
      expect(bench.look(connection).client.redirected_messages === 1n, "not redirected once what was taken along had been read");
      taken += waiting;
    }
    return `${taken} bytes taken along, each compared`;
  },
};

/** `tp->copied_seq` counts only what TCP brought: before Linux 6.18.14 it counts redirected bytes too, and TCP never looks drained. */
export const promotion: Check = {
  name: "promotion",
  proves: "a connection that went over to TCP is seen to be drained, and is redirected again",
  consequence: "promotion",
  refused: "redirect after a message by TCP: such a connection stays with TCP",
  run(bench) {
    const connection = bench.coupled();
    const { client, server } = connection;
    client.send(overCapBytes);
    server.receive(overCapBytes);
    const before = bench.look(connection).client;
    expect(before.passed_messages > 0n, "a full queue did not send messages by TCP");
    client.send(100);
    server.receive(100);
    const after = bench.look(connection).client;
    expect(
      after.redirected_messages === before.redirected_messages + 1n,
      "TCP's read position counts redirected bytes: a drained connection cannot be told",
    );
    return `redirected again after ${before.passed_messages} messages by TCP`;
  },
};
