/** Leaving the map and entering it again in the middle of a stream. @module */
import { type Check, expect } from "../check.ts";

const cycles = 5;
const messageBytes = 1000;
/** Messages a cycle, by the four states a connection passes through. */
const each = 5;

/** 100 KB each way, every byte compared. */
export const release: Check = {
  name: "release",
  proves: "sockets enter and leave the map in the middle of a stream without a lost or doubled byte",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const connection = bench.connect();
    const { client, server } = connection;
    const send = (times: number): void => {
      for (let i = 0; i < times; i++) {
        client.send(messageBytes);
        server.send(messageBytes);
      }
    };
    const receive = (messages: number): void => {
      server.receive(messages * messageBytes);
      client.receive(messages * messageBytes);
    };
    for (let cycle = 0; cycle < cycles; cycle++) {
      send(each); // by TCP
      receive(each);
      bench.enrol(connection);
      send(each); // redirected
      receive(each - 2); // two stay unread while the connection leaves
      bench.quiesce(connection);
      send(each); // by TCP, behind what is unread
      bench.askRelease(connection);
      bench.look(connection);
      receive(2 + each - 1);
      send(each); // by TCP, in the map or just out of it
      receive(1 + each);
      bench.released(connection);
    }
    const seen = bench.look(connection);
    for (const end of [seen.client, seen.server])
      expect(end.redirected_messages === BigInt(cycles * each), `${end.redirected_messages} of ${cycles * each} messages were redirected`);
    return `${(client.received + server.received) / 1000} KB in ${cycles} cycles, each byte compared`;
  },
};
