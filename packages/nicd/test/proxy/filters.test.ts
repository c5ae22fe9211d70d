import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { turns, until } from "@mitsu/reactor/turns";
import test from "ava";
import type { Filter } from "../../src/filters/filter.ts";
import { type LiveExchange, verdict } from "../../src/live-exchange.ts";
import { testPlane, webAt } from "./test-plane.ts";

const get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const ok = (body = "ok"): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (...pieces: string[]): string => [...pieces, ""].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");

type Callback = "onRequestHead" | "onRequestData" | "onResponseHead" | "onResponseData";

/** Says stop at its nth callback, and keeps the exchange to be resumed. */
class Stopper implements Filter {
  readonly name = "stopper";
  x: LiveExchange | undefined;
  readonly seen: string[] = [];
  readonly #at: Callback;
  #left: number;

  constructor(at: Callback, nth = 1) {
    this.#at = at;
    this.#left = nth;
  }

  onRequestHead(x: LiveExchange): 0 | 1 {
    return this.#say("onRequestHead", x);
  }
  onRequestData(x: LiveExchange, data: Uint8Array, last: boolean): 0 | 1 {
    this.seen.push(`> ${Buffer.from(data).toString("latin1")}${last ? "." : ""}`);
    return this.#say("onRequestData", x);
  }
  onResponseHead(x: LiveExchange): 0 | 1 {
    return this.#say("onResponseHead", x);
  }
  onResponseData(x: LiveExchange, data: Uint8Array, last: boolean): 0 | 1 {
    this.seen.push(`< ${Buffer.from(data).toString("latin1")}${last ? "." : ""}`);
    return this.#say("onResponseData", x);
  }
  onEnd(): void {
    this.seen.push("end");
  }

  #say(where: Callback, x: LiveExchange): 0 | 1 {
    if (where !== this.#at || --this.#left !== 0) return verdict.continue;
    this.x = x;
    return verdict.stop;
  }
}

/** Behind the stopper in the chain's order for requests, before it for answers. */
class Watcher implements Filter {
  readonly name = "watcher";
  readonly seen: string[] = [];
  onRequestData(_: LiveExchange, data: Uint8Array): 0 {
    this.seen.push(Buffer.from(data).toString("latin1"));
    return verdict.continue;
  }
}

test("a filter that holds the request's head back holds its body, and the client; resume lets both go", async (t) => {
  const stopper = new Stopper("onRequestHead");
  const server = await rawServer(t);
  const { port, reactor } = await testPlane(t, webAt(server.port), [stopper]);
  const body = chunked("abc", "x".repeat(5000));
  const client = rawClient(t, port).send(`POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${body.slice(0, 20)}`);
  await until(() => stopper.x !== undefined, "the stop");
  client.send(body.slice(20));
  await turns(reactor);
  t.is(server.peers.length, 0);
  t.deepEqual(stopper.seen, []);
  stopper.x!.resume();
  stopper.x!.resume();
  const replica = await server.next();
  t.true((await replica.take(/0\r\n\r\n$/)).endsWith(`\r\n\r\n${body}`));
  replica.send(ok());
  t.true((await client.message()).endsWith("ok"));
  const told = stopper.seen
    .filter((line) => line.startsWith(">"))
    .join("")
    .replaceAll("> ", "");
  t.is(told, `abc${"x".repeat(5000)}.`);
});

test("a filter that holds a piece of the request's body back holds what is behind it, and sees each piece once", async (t) => {
  for (const nth of [1, 2, 3]) {
    const stopper = new Stopper("onRequestData", nth);
    const watcher = new Watcher();
    const server = await rawServer(t);
    const { port, reactor } = await testPlane(t, webAt(server.port), [stopper, watcher]);
    const body = chunked("one", "two", "three");
    const client = rawClient(t, port).send(`POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    const replica = await server.next();
    await replica.take(/\r\n\r\n/);
    await until(() => stopper.x !== undefined, "the stop");
    await turns(reactor);
    const before = ["", "one", "onetwo"][nth - 1]!;
    t.is(watcher.seen.join(""), before);
    t.false(replica.received.includes("three"));
    stopper.x!.resume();
    await replica.take(/0\r\n\r\n$/);
    replica.send(ok());
    await client.message();
    t.deepEqual(watcher.seen, ["one", "two", "three", ""]);
    t.deepEqual(
      stopper.seen.filter((line) => line.startsWith(">")),
      ["> one", "> two", "> three", "> ."],
    );
  }
});

test("a filter sees a body with a length to its last byte, also what came with the head", async (t) => {
  const stopper = new Stopper("onRequestHead", 99);
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port), [stopper]);
  const client = rawClient(t, port).send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 6\r\n\r\nabc");
  const replica = await server.next();
  await replica.take(/abc/);
  client.send("def");
  await replica.take(/def/);
  replica.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nan");
  await client.take(/an/);
  replica.send("sw");
  await client.take(/sw/);
  client.send(get);
  await replica.message();
  replica.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
  await client.take(/until close/);
  replica.socket.end();
  await client.end();
  t.deepEqual(stopper.seen, ["> abc", "> def.", "< an", "< sw.", "end", "< until close", "< .", "end"]);
});

test("a filter that holds the answer's head back holds its body; resume lets both go", async (t) => {
  for (const withHead of ["", "ab", "abcdef"]) {
    const stopper = new Stopper("onResponseHead");
    const server = await rawServer(t);
    const { port, reactor } = await testPlane(t, webAt(server.port), [stopper]);
    const client = rawClient(t, port).send(get);
    const replica = await server.next();
    await replica.message();
    replica.send(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(1000)}\r\nContent-Length: 6\r\n\r\n${withHead}`);
    await until(() => stopper.x !== undefined, "the stop");
    const other = rawClient(t, port).send(get); // reads over what the first lies in
    const second = await server.next();
    await second.message();
    second.send(ok("other"));
    t.true((await other.message()).endsWith("other"));
    replica.send("abcdef".slice(withHead.length));
    await turns(reactor);
    t.is(client.received, "");
    t.is(stopper.x!.response!.get("x-long"), "x".repeat(1000));
    stopper.x!.response!.set("x-held", "1");
    stopper.x!.resume();
    t.regex(await client.message(), /^HTTP\/1\.1 200 OK\r\nX-Long: x{1000}\r\nContent-Length: 6\r\nx-held: 1\r\n\r\nabcdef$/);
    client.send(get);
    t.regex(await replica.message(), /^GET/); // the connections went on
    replica.send(ok());
    await client.message();
  }
});

test("a filter that holds a piece of the answer back holds what is behind it, whatever the framing", async (t) => {
  const answers = [
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("one", "two")}`,
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nonetwo",
    "HTTP/1.1 200 OK\r\n\r\nonetwo",
  ];
  for (const [index, answer] of answers.entries())
    for (const nth of [1, 2]) {
      const stopper = new Stopper("onResponseData", nth);
      const server = await rawServer(t);
      const { port, reactor } = await testPlane(t, webAt(server.port), [stopper]);
      const client = rawClient(t, port).send(get);
      const replica = await server.next();
      await replica.message();
      await new Promise((sent) => replica.socket.write(answer.slice(0, -3), sent));
      await turns(reactor);
      replica.send(answer.slice(-3));
      if (index === 2) replica.socket.end();
      await until(() => stopper.x !== undefined, "the stop");
      await turns(reactor);
      t.false(client.received.includes("two"), answer);
      stopper.x!.resume();
      if (index === 2) await client.end();
      else await client.take(index === 0 ? /0\r\n\r\n$/ : /two$/);
      await until(() => stopper.seen.at(-1) === "end", "the end");
      const told = stopper.seen
        .filter((line) => line.startsWith("<"))
        .join("")
        .replaceAll("< ", "");
      t.is(told, "onetwo.");
      client.socket.destroy();
    }
});

test("a filter that answers in the middle of the request's body stops it; in the middle of the answer it cuts it off", async (t) => {
  const refuse = (where: "onRequestData" | "onResponseData"): Filter => ({
    name: "refuse",
    [where]: (x: LiveExchange) => x.respond({ status: 418, flag: "", body: "no" }),
  });
  const server = await rawServer(t);
  const first = await testPlane(t, webAt(server.port), [refuse("onRequestData")]);
  const client = rawClient(t, first.port).send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 6\r\n\r\nabc");
  t.regex(await client.message(), /^HTTP\/1\.1 418 .*connection: close\r\n\r\nno\n$/s);
  t.is(server.peers.length, 0); // nothing of it was sent
  const whole = rawClient(t, first.port).send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc${get}`);
  t.notRegex(await whole.message(), /connection: close/);
  const replica = await server.next();
  await replica.message();
  replica.send(ok());
  t.true((await whole.message()).endsWith("ok"));

  const second = await testPlane(t, webAt(server.port), [refuse("onResponseData")]);
  const cut = rawClient(t, second.port).send(get);
  const other = await server.next();
  await other.message();
  other.send(ok());
  t.is(await cut.end(), "ECONNRESET");
  t.like(second.ended, [{ status: 200 }]);
});

test("an own answer passes the filters of answers once, and none of them can answer it again", async (t) => {
  let heads = 0;
  const again: Filter = {
    name: "again",
    onResponseHead(x) {
      heads++;
      return x.respond({ status: 500, flag: "", body: "again" });
    },
  };
  const { port } = await testPlane(t, webAt(1, "routes: [{ respond: { status: 200, body: own } }]"), [again]);
  const client = rawClient(t, port).send(get);
  t.regex(await client.message(), /^HTTP\/1\.1 200 .*own\n$/s);
  t.is(heads, 1);
});

test("filters' changes go on, framing fields stay what they are, and a head that grew too long is refused", async (t) => {
  const edit: Filter = {
    name: "edit",
    onRequestHead(x) {
      if (x.request.path === "/long") for (let n = 0; n < 200; n++) x.request.add("x-long", "y".repeat(1000));
      x.request.path = "/new?q";
      x.request.method = "PATCH";
      x.request.authority = "other:1";
      x.request.set("X-A".toLowerCase(), "2");
      x.request.remove("x-b");
      x.request.set("content-length", "99");
      x.request.remove("transfer-encoding");
      x.request.add("connection", "close");
      return verdict.continue;
    },
    onResponseHead(x) {
      if (!x.response) return verdict.continue;
      x.response.status = 201;
      x.response.remove("content-length");
      x.response.set("x-c", "3");
      return verdict.continue;
    },
  };
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port), [edit]);
  const client = rawClient(t, port).send("POST /old HTTP/1.1\r\nX-A: 1\r\nHost: web\r\nX-B: 1\r\nx-a: 3\r\nContent-Length: 2\r\n\r\nhi");
  const replica = await server.next();
  t.is(await replica.message(), "PATCH /new?q HTTP/1.1\r\nhost: other:1\r\nContent-Length: 2\r\nx-a: 2\r\n\r\nhi");
  replica.send(ok());
  t.is(await client.message(), "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx-c: 3\r\n\r\nok");
  client.send("GET /long HTTP/1.1\r\nHost: web\r\n\r\n");
  t.regex(await client.message(), /a head grew past 131072 bytes/);
  t.like(ended[1], { flag: "OM" });
  client.send(get);
  await (await server.next()).message();
});

test("an answer that filters have only added fields to arrives whole, however much, in whatever pieces it came, and can still be read at its end", async (t) => {
  const value = (x: LiveExchange): string => "v".repeat(Number(x.request.get("x-room")));
  const read: string[] = [];
  const adder: Filter = {
    name: "adder",
    onResponseHead(x) {
      if (value(x) !== "") x.response?.add("x-added", value(x));
      return verdict.continue;
    },
    onEnd(x) {
      read.push([...(x.response?.entries() ?? [])].map(([name, text]) => `${name} ${text}`).join());
    },
  };
  const server = await rawServer(t);
  const { port, ended, reactor } = await testPlane(t, webAt(server.port), [adder]);
  const client = rawClient(t, port);
  let replica: Awaited<ReturnType<typeof server.next>> | undefined;
  const expected: string[] = [];
  // Bodies beside heads, in later pieces, and as long as what is read at once; additions within the room before it and beyond.
  for (const room of [0, 1, 100, 499, 500, 501, 2000])
    for (const length of [0, 2, 1024, 65_536 - 60, 200_000]) {
      const body = String(room % 10).repeat(length);
      client.send(`GET / HTTP/1.1\r\nHost: web\r\nX-Room: ${room}\r\n\r\n`);
      replica ??= await server.next();
      await replica.message();
      const cut = room % 2 === 0 ? 0 : length >> 1;
      replica.send(`HTTP/1.1 200 OK\r\nX-Own: ${room}\r\nContent-Length: ${length}\r\n\r\n${body.slice(cut)}`);
      if (cut > 0) {
        await turns(reactor);
        replica.send(body.slice(0, cut));
      }
      const added = room === 0 ? "" : `x-added: ${"v".repeat(room)}\r\n`;
      t.true(
        (await client.message()) === `HTTP/1.1 200 OK\r\nX-Own: ${room}\r\nContent-Length: ${length}\r\n${added}\r\n${body}`,
        `${room} ${length}`,
      );
      expected.push(`x-own ${room}${room === 0 ? "" : `,x-added ${"v".repeat(room)}`}`);
    }
  await until(() => ended.length === expected.length, "all exchanges' ends");
  t.deepEqual(read, expected);
});
