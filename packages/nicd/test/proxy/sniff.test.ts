import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { connect } from "node:tls";
import test from "ava";
import fc from "fast-check";
import { readClientHello } from "../../src/proxy/client-hello.ts";
import { sniff } from "../../src/proxy/sniff.ts";

const seed = 20_261_126;

/** What Node's TLS sends first. */
async function clientHello(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", servername });
  socket.on("error", () => {});
  const [accepted] = await once(server, "connection");
  const [hello] = (await once(accepted, "data")) as [Buffer];
  socket.destroy();
  accepted.destroy();
  server.close();
  return hello;
}

/** The same message in records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    records.push(Buffer.of(22, 3, 1, part.length >> 8, part.length & 255), part);
  }
  return Buffer.concat(records);
}

test("readClientHello() finds the server's name, in one record or many, and not before the hello is whole", async (t) => {
  const hello = await clientHello("Shop.Example");
  for (const bytes of [hello, inRecords(hello, 100), inRecords(hello, 7)]) {
    t.deepEqual(readClientHello(bytes), { kind: "hello", serverName: "shop.example" });
    for (let end = 1; end < bytes.length; end++) t.is(readClientHello(bytes.subarray(0, end)).kind, "incomplete", String(end));
    t.like(sniff(bytes), { kind: "tls", serverName: "shop.example" });
    t.is(sniff(bytes.subarray(0, 20)).kind, "undecided");
  }
  t.deepEqual(readClientHello(await clientHello("")), { kind: "hello", serverName: "" });
});

test("readClientHello() takes no harm from any bytes, nor from a hello with bytes changed or cut off", async (t) => {
  const hello = await clientHello("shop.example");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readClientHello(bytes);
      readClientHello(Buffer.concat([Buffer.of(22, 3, 1), bytes]));
    }),
    { seed, numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(hello.length), (changes, end) => {
      const bytes = Buffer.from(hello);
      for (const [at, value] of changes) bytes[at] = value;
      const found = readClientHello(bytes.subarray(0, end));
      t.true(found.kind !== "hello" || found.serverName.length <= hello.length);
    }),
    { seed, numRuns: 3000 },
  );
});

test("sniff() knows HTTP/1, HTTP/2, and what is neither", (t) => {
  const cases: readonly (readonly [string, ReturnType<typeof sniff>["kind"]])[] = [
    ["GET / HTTP/1.1\r\n", "http1"],
    ["BREW /pot HTTP/1.0\r\n", "http1"],
    ["GET http://web/ HTTP/1.1\n", "http1"],
    ["get / http/1.1\r\n", "http1"],
    ["GET / HTTP/3.7\r\n", "http1"], // refused there
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"],
    ["PRI * HTTP/2.0\r\n\r\n", "undecided"],
    ["PRIVATE / HTTP/1.1\r\n", "http1"],
    ["", "undecided"],
    ["GET", "undecided"],
    ["GET /a/long/path", "undecided"],
    ["PING\r\n", "tcp"],
    ["SET key 1 HTTP\r\n", "tcp"],
    ["*1\r\n$4\r\nPING\r\n", "tcp"],
    ["SSH-2.0-OpenSSH_9.2\r\n", "tcp"],
    ["HELO example\r\n", "tcp"],
    ["\0\0\0\x08\x04\xd2\x16\x2f", "tcp"],
    ["\x16\x02\x01", "tcp"],
    ["\x16\x03", "undecided"],
    ["GET\t/\tHTTP/1.1\r\n", "http1"], // odd, but some servers take these
    ["\r\n\nGET / HTTP/1.1\r\n", "http1"],
    ["\r\n", "undecided"],
    ["GET /\r\n", "http1"],
    [`GET /${"x".repeat(20_000)}`, "http1"],
    [`GET /${"x".repeat(20_000)} HTTP/1.1\r\n`, "http1"],
    [`POST http://${"x".repeat(20_000)}`, "http1"],
    [`word ${"x".repeat(20_000)}`, "tcp"],
    ["\n".repeat(20_000), "tcp"],
    ["get key\r\n", "tcp"],
    ["A-METHOD-THAT-IS-MUCH-TOO-LONG", "tcp"],
  ];
  for (const [text, kind] of cases) t.is(sniff(Buffer.from(text, "latin1")).kind, kind, JSON.stringify(text.slice(0, 40)));
});

test("sniff() does not change its mind when more bytes come", (t) => {
  const start = fc.constantFrom(
    "GET / HTTP/1.1\r\nHost: a\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "PING\r\n",
    "\x16\x03\x01\0\x10\x01",
    "\0\0",
    "POST /x y z\r\n",
  );
  fc.assert(
    fc.property(start, fc.string({ unit: "binary-ascii", maxLength: 60 }), fc.nat(20), (text, more, cut) => {
      const bytes = Buffer.from(text.slice(0, text.length - cut) + more, "latin1");
      let decided: ReturnType<typeof sniff>["kind"] | undefined;
      for (let end = 0; end <= bytes.length; end++) {
        const { kind } = sniff(bytes.subarray(0, end));
        if (decided !== undefined) t.is(kind, decided);
        else if (kind !== "undecided") decided = kind;
      }
    }),
    { seed, numRuns: 2000 },
  );
});
