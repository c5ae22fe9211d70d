/** Namespaces: the two ends of a connection find each other across them, and equal addresses never meet. @module */
import { unfit } from "../../coupling/fitness.ts";
import { flowsOf } from "../../coupling/flow.ts";
import type { Bench, Connection } from "../bench.ts";
import { type Check, expect, NotCheckable } from "../check.ts";

/** Are exactly these two sockets one flow? */
function paired(bench: Bench, { client, server, networks }: Connection): boolean {
  const flow = flowsOf(bench.scan(networks)).find((f) => f.client?.inode === BigInt(client.inode));
  return (
    flow?.server?.inode === BigInt(server.inode) && unfit(flow, { usable: true, redirect: () => "on", splices: () => false }) === undefined
  );
}

function talk(bench: Bench, connection: Connection): void {
  const { client, server } = connection;
  for (let i = 0; i < 3; i++) {
    client.send(200);
    server.receive(200);
    server.send(300);
    client.receive(300);
  }
  const view = bench.look(connection);
  expect(view.client.redirected_bytes === 600n && view.server.redirected_bytes === 900n, "messages were not redirected");
}

/** From one namespace to the other, by way of a veth cable. */
export const across: Check = {
  name: "across",
  proves: "a connection between two network namespaces is paired and redirected, both ways",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    if (bench.networks.apart !== undefined) throw new NotCheckable(bench.networks.apart);
    const connection = bench.connectAcross();
    expect(paired(bench, connection), "its two ends were not recognised as one connection");
    bench.enrol(connection);
    talk(bench, connection);
    return "1500 bytes, none of them through the veth interfaces";
  },
};

/** The same loopback addresses and ports in both. */
export const loopbacks: Check = {
  name: "loopbacks",
  proves: "loopback connections with equal addresses and ports in two namespaces never meet",
  consequence: "redirect",
  refused: "redirect",
  run(bench) {
    const { left, right } = bench.networks;
    const twins = bench.twins();
    const both = new Set([left, right]);
    for (const twin of twins) expect(paired(bench, { ...twin, networks: both }), "a socket was paired with one of another namespace");
    for (const twin of twins) bench.enrol(twin);
    for (const { client, server } of twins) {
      client.send(100);
      server.send(100);
    }
    for (const { client, server } of twins) {
      server.receive(100);
      client.receive(100);
      expect(server.unread === 0 && client.unread === 0, "bytes of another namespace came");
    }
    return "equal tuples, each got its own bytes";
  },
};
