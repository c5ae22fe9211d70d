import { type RawPeer, rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { turns, until } from "@mitsu/reactor/turns";
import test from "ava";
import type { Filter } from "../../src/filters/filter.ts";
import { Xoshiro128 } from "../../src/filters/xoshiro.ts";
import { type LiveExchange, verdict } from "../../src/live-exchange.ts";
import { testPlane, webAt } from "./test-plane.ts";

const random = new Xoshiro128(Uint32Array.of(0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667));
const chance = (share: number): boolean => random.fraction() < share;
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random.fraction() * list.length)]!;

const requests = [
  "GET / HTTP/1.1\r\nHost: web\r\n\r\n",
  "HEAD /head HTTP/1.1\r\nHost: web\r\n\r\n",
  "GET /old HTTP/1.0\r\n\r\n",
  "GET /close HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n",
  `POST /length HTTP/1.1\r\nHost: web\r\nContent-Length: 3000\r\n\r\n${"x".repeat(3000)}`,
  `PUT /chunks HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n7d0\r\n${"y".repeat(2000)}\r\n0\r\nT: 1\r\n\r\n`,
  `PUT /long HTTP/1.1\r\nHost: web\r\nContent-Length: 200000\r\n\r\n${"z".repeat(200_000)}`,
  "PUT /wait HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
  "GET /up HTTP/1.1\r\nHost: web\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly",
  "CONNECT db:1 HTTP/1.1\r\nHost: db:1\r\n\r\nearly",
  "POST /bad HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
  "GET / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
];
const answers = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${"a".repeat(100_000)}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n7d0\r\n${"b".repeat(2000)}\r\n0\r\n\r\n`,
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n",
  "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx",
  "no HTTP at all\r\n\r\n",
];

/** Holds things back at random, lets them go later, and now and then answers itself. */
class Moody implements Filter {
  readonly name = "moody";
  readonly held = new Set<LiveExchange>();
  begun = 0;
  over = 0;
  onRequestHead(x: LiveExchange): 0 | 1 | 2 {
    this.begun++;
    return this.#say(x);
  }
  onRequestData = (x: LiveExchange): 0 | 1 | 2 => this.#say(x);
  onResponseHead = (x: LiveExchange): 0 | 1 | 2 => this.#say(x);
  onResponseData = (x: LiveExchange): 0 | 1 | 2 => this.#say(x);
  onEnd(x: LiveExchange): void {
    this.over++;
    this.held.delete(x);
  }
  /** Lets some go. */
  resume(share: number): void {
    for (const x of [...this.held])
      if (chance(share)) {
        this.held.delete(x);
        x.resume();
      }
  }
  #say(x: LiveExchange): 0 | 1 | 2 {
    if (chance(0.08)) {
      this.held.add(x);
      return verdict.stop;
    }
    return chance(0.02) ? x.respond({ status: 418, flag: "", body: "a mood" }) : verdict.continue;
  }
}

/** Does something to one end of a connection. */
function disturb(peer: RawPeer, texts: readonly string[]): void {
  if (peer.socket.destroyed || !peer.socket.writable) return;
  const how = random.fraction();
  if (how < 0.04) peer.socket.resetAndDestroy();
  else if (how < 0.08) peer.socket.end();
  else if (how < 0.18) peer.socket.pause();
  else if (how < 0.36) peer.socket.resume();
  else {
    const text = Array.from({ length: 1 + Math.floor(random.fraction() * 3) }, () => oneOf(texts)).join("");
    const cut = chance(0.3) ? Math.floor(random.fraction() * text.length) : text.length;
    peer.send(text.slice(0, cut));
    if (cut < text.length && chance(0.7)) setImmediate(() => peer.socket.writable && peer.send(text.slice(cut)));
  }
}

test("whatever clients, replicas and filters do, each exchange ends once, and nothing is left of any", async (t) => {
  const moody = new Moody();
  const [server, copy] = [await rawServer(t), await rawServer(t)];
  const yaml = webAt(
    server.port,
    `routes: [{ mirror: { service: copy, share: 0.3 }, timeout: 300ms, retries: { attempts: 2, back-off: 2ms, per-try-timeout: 100ms, on: [5xx, reset] } }]
cluster: { max-connections: 6, max-pending: 4, outlier: { consecutive-errors: 0 } }
__copy:
  ports: ["80:${copy.port}"]
  nic: on
  replicas: [{ address: 127.0.0.1 }]
  cluster: { max-connections: 6 }`,
  );
  const test = await testPlane(t, yaml, [moody]);
  for (let round = 0; round < 120; round++) {
    const clients = Array.from({ length: 8 }, () => rawClient(t, test.port));
    for (let step = 0; step < 25; step++) {
      disturb(oneOf(clients), requests);
      for (const { peers } of [server, copy]) {
        const open = peers.filter(({ socket }) => !socket.destroyed);
        if (open.length > 0 && chance(0.7)) disturb(oneOf(open), answers);
      }
      moody.resume(0.3);
      if (chance(0.1)) test.plane.configure(test.plane.catalog!);
      await new Promise(setImmediate);
    }
    for (const client of clients) client.socket.destroy();
  }
  for (let turn = 0; moody.held.size > 0 && turn < 100; turn++) {
    moody.resume(1);
    await turns(test.reactor);
  }
  await until(() => {
    // A tunnel's replica may not have noticed, and copies that wait for a connection get new ones.
    for (const { peers } of [server, copy]) for (const peer of peers) peer.socket.destroy();
    const { http, tcp } = test.plane.connections;
    return http + tcp + test.plane.pool.size + test.leftovers.inFlight! === 0;
  }, "nothing is left");
  t.deepEqual(test.leftovers, { inFlight: 0, pending: 0, retries: 0 });
  t.is(test.reactor.faults, 0);
  t.is(moody.over, moody.begun);
  const flags = Object.groupBy(test.ended, ({ flag }) => flag);
  t.log(Object.fromEntries(Object.entries(flags).map(([flag, list]) => [flag || "well", list!.length])));
  t.true(test.ended.length > 300);
});

test("no answer ever reaches another's request, whatever replicas do with their connections", async (t) => {
  const server = await rawServer(t);
  const more = "routes: [{ timeout: 100ms, retries: { attempts: 2, back-off: 1ms, per-try-timeout: 30ms, on: [5xx, reset], budget: 1 } }]";
  const { port, plane, ended } = await testPlane(
    t,
    webAt(server.port, `${more}\ncluster: { max-connections: 5, outlier: { consecutive-errors: 0 } }`),
  );
  const serve = async (peer: RawPeer): Promise<void> => {
    try {
      for (;;) {
        const [, id] = /^GET \/(\d+)/.exec(await peer.message())!;
        const answer = `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${id}${" ".repeat(1000 - id!.length)}`;
        const part = Math.floor(random.fraction() * answer.length);
        const how = Math.floor(random.fraction() * 20);
        if (how === 0) peer.send(answer + answer);
        else if (how === 1)
          peer.send(answer.slice(0, part)); // and says no more until it is given up
        else if (how === 2) peer.send(answer.slice(0, part)).socket.end();
        else if (how === 3) peer.socket.resetAndDestroy();
        else if (how === 4) peer.send(answer).socket.end();
        else {
          peer.send(answer.slice(0, part));
          if (how < 12) await new Promise(setImmediate);
          peer.send(answer.slice(part));
        }
      }
    } catch {
      peer.socket.destroy();
    }
  };
  let running = true;
  const serving = (async () => {
    while (running) void serve(await server.next());
  })();
  let id = 0;
  let right = 0;
  const ask = async (): Promise<void> => {
    let client = rawClient(t, port);
    for (let round = 0; round < 60; round++) {
      const sent = Array.from({ length: 1 + Math.floor(random.fraction() * 4) }, () => String(++id));
      client.send(sent.map((one) => `GET /${one} HTTP/1.1\r\nHost: web\r\n\r\n`).join(""));
      for (const one of sent) {
        const answer = await client.message().catch(() => null);
        if (answer === null) {
          client = rawClient(t, port); // an answer that had begun was cut off
          break;
        }
        if (!answer.startsWith("HTTP/1.1 200")) continue;
        t.is(answer.slice(answer.indexOf("\r\n\r\n") + 4).trim(), one);
        right++;
      }
    }
    client.socket.destroy();
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  running = false;
  void serving;
  t.log(`${right} answers of ${ended.length}, ${plane.retries} retries, ${plane.pool.opened} connections`);
  t.true(right > 600);
});
