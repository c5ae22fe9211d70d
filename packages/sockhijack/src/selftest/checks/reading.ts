/** What a program sees before and while it reads: FIONREAD, MSG_PEEK, edge-triggered epoll. @module */
import { type Check, expect } from "../check.ts";
import { ready } from "../sockets.ts";

/** FIONREAD. */
export const fionread: Check = {
  name: "fionread",
  proves: "FIONREAD counts redirected bytes and those by TCP",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const connection = bench.coupled();
    const { client, server } = connection;
    const counts = (bytes: number, what: string): void => {
      expect(server.readable(), `poll() does not see ${what}`);
      expect(server.unread === bytes, `FIONREAD says ${server.unread} for ${bytes} bytes ${what}`);
    };
    client.send(100);
    counts(100, "redirected");
    server.receive(40);
    counts(60, "redirected, partly read");
    bench.quiesce(connection);
    client.send(30);
    counts(90, "redirected and by TCP");
    server.receive(90);
    expect(server.unread === 0, `FIONREAD says ${server.unread} when all is read`);
    client.send(70);
    counts(70, "by TCP on a socket in the map");
    server.receive(70);
    bench.askRelease(connection);
    bench.released(connection);
    client.send(20);
    counts(20, "by TCP after leaving the map");
    server.receive(20);
    return "right for redirected, mixed, TCP, and after leaving the map";
  },
};

/** MSG_PEEK. */
export const peeking: Check = {
  name: "peek",
  proves: "MSG_PEEK shows redirected bytes without taking them",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const { client, server } = bench.coupled();
    client.send(100);
    server.peek(60);
    server.peek(100);
    server.receive(50);
    server.peek(50);
    client.send(30);
    server.receive(80);
    return "seen three times, read once";
  },
};

/** epoll with EPOLLET. */
export const edges: Check = {
  name: "epoll-edge",
  proves: "edge-triggered epoll wakes once for each arrival, redirected or by TCP",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const { sockets } = bench;
    const connection = bench.coupled();
    const { client, server } = connection;
    const epoll = bench.track(sockets.edgeTriggered(server.fd));
    const wakes = (what: string): void => {
      expect((sockets.edge(epoll, 400) & ready.input) !== 0, `no wake-up for ${what}`);
      expect(sockets.edge(epoll, 0) === 0, `a second wake-up for ${what}`);
    };
    expect(sockets.edge(epoll, 0) === 0, "a wake-up for nothing");
    client.send(10);
    wakes("a redirected message");
    client.send(10);
    wakes("a second one, the first unread");
    server.receive(20);
    client.send(10);
    wakes("a redirected message after all was read");
    server.receive(10);
    bench.quiesce(connection);
    client.send(10);
    wakes("a message by TCP");
    server.receive(10);
    return "four arrivals, four wake-ups";
  },
};
