import test from "ava";
import fc from "fast-check";
import { Http1RequestHead } from "../../src/http1/request-head.ts";
import { Http1ResponseHead } from "../../src/http1/response-head.ts";
import { scanRequest, scanResponse } from "../../src/http1/scan-head.ts";
import { parseAnswer, RequestOracle } from "./oracle.ts";

const seed = 20_261_126;
const out = Buffer.alloc(128 * 1024);

type Field = readonly [name: string, value: string];
type Edit = readonly [how: "set" | "add" | "remove", name: string, value: string];

const name = fc.constantFrom("x-a", "X-B", "x-c", "Cookie", "x-hop", "traceparent");
const value = fc.string({ unit: fc.constantFrom(...'ab, ;="\xe9'), maxLength: 8 }).map((text) => text.trim());
const hop = fc.constantFrom<Field>(
  ["Connection", "keep-alive"],
  ["Connection", "x-hop, X-C"],
  ["connection", "close ,, x-a"],
  ["Keep-Alive", "timeout=5"],
  ["Proxy-Connection", "keep-alive"],
  ["TE", "gzip"],
  ["Upgrade", "h2c"],
  ["Transfer-Encoding", "chunked"],
);
const fields = fc.uniqueArray(fc.oneof(fc.tuple(name, value), hop), {
  maxLength: 8,
  selector: ([one]) => (/^(?:connection|transfer-encoding)$/i.test(one) ? one.toLowerCase() : Symbol(one)),
});
const edits = fc.array(
  fc.tuple(
    fc.constantFrom("set" as const, "add" as const, "remove" as const),
    fc.constantFrom("x-a", "x-b", "x-c", "x-new", "content-length", "te"),
    value,
  ),
  { maxLength: 4 },
);

/** What should come out: in minus the connection's own fields, then the edits. */
function expected(came: readonly Field[], changes: readonly Edit[]): Field[] {
  const named = came
    .filter(([one]) => /^connection$/i.test(one))
    .flatMap(([, text]) =>
      text
        .toLowerCase()
        .split(",")
        .map((word) => word.trim()),
    );
  const framing = /^(?:connection|keep-alive|proxy-connection|te|upgrade|transfer-encoding|content-length)$/;
  const lower = came.map(([one, text]): Field => [one.toLowerCase(), text]);
  let kept = lower.filter(([one]) => !framing.test(one));
  let added: Field[] = [];
  for (const [how, one, text] of changes) {
    if (framing.test(one)) continue;
    if (how !== "add") [kept, added] = [kept.filter(([other]) => other !== one), added.filter(([other]) => other !== one)];
    if (how !== "remove") added.push([one, text]);
  }
  // Those that Connection names are one connection's as well; what a filter adds is not.
  kept = kept.filter(([one]) => !named.includes(one) || one === "traceparent");
  const chunked = lower.filter(([one]) => one === "transfer-encoding");
  return [...kept, ...added, ...chunked];
}

const written = (list: readonly Field[]): string => list.map(([one, text]) => `${one}: ${text}\r\n`).join("");

test("Http1RequestHead.writeTo() writes what came, without the connection's own fields, and the changes", async (t) => {
  const oracle = await RequestOracle.open();
  const head = new Http1RequestHead();
  try {
    for (const [came, changes, path] of fc.sample(fc.tuple(fields, edits, fc.constantFrom(null, "/new?x=1")), { seed, numRuns: 600 })) {
      const prefix = "junk"; // heads do not begin where buffers do
      const bytes = Buffer.from(`${prefix}POST /old HTTP/1.1\r\nHost: web\r\n${written(came)}\r\n`, "latin1");
      t.is(scanRequest(bytes, prefix.length, bytes.length, head.table), bytes.length);
      head.take(bytes);
      bytes.fill(0); // it keeps a copy
      if (path !== null) head.path = path;
      for (const [how, one, text] of changes) how === "remove" ? head.remove(one) : head[how](one, text);
      const length = head.writeTo(out, false);
      const [parsed] = await oracle.parse(Buffer.concat([out.subarray(0, length), Buffer.from("0\r\n\r\n")]));
      t.is(parsed?.first, `POST ${path ?? "/old"} 1.1`);
      t.deepEqual(parsed?.fields, [["host", "web"], ...expected(came, changes)]);
      // Its own view of itself is the same.
      t.deepEqual(
        [...head.entries()].filter(([one]) => one === "x-new" || one === "x-b"),
        parsed!.fields.filter(([one]) => one === "x-new" || one === "x-b"),
      );
    }
  } finally {
    await oracle.close();
  }
});

test("Http1ResponseHead.writeTo() writes what came, without the connection's own fields, and the changes", async (t) => {
  const head = new Http1ResponseHead();
  for (const [came, changes] of fc.sample(fc.tuple(fields, edits), { seed, numRuns: 200 })) {
    const bytes = Buffer.from(`HTTP/1.1 200 Fine\r\n${written(came)}\r\n`, "latin1");
    t.is(scanResponse(bytes, 0, bytes.length, head.table), bytes.length);
    head.take(bytes);
    for (const [how, one, text] of changes) how === "remove" ? head.remove(one) : head[how](one, text);
    const chunked = came.some(([one]) => one === "Transfer-Encoding");
    head.keep();
    bytes.fill(0);
    for (const ends of ["close", "stays"] as const) {
      const length = head.writeTo(out, ends, chunked);
      const parsed = await parseAnswer(Buffer.concat([out.subarray(0, length), Buffer.from("0\r\n\r\n")]));
      t.is(parsed?.first, "1.1 200");
      // Of a connection that stays, one that says so may come through.
      const got = parsed?.fields.filter(([one, text]) => ends === "close" || one !== "connection" || text !== "keep-alive");
      t.deepEqual(got, [...expected(came, changes), ...(ends === "close" ? [["connection", "close"]] : [])]);
    }
  }
});

test("Http1RequestHead.get(), all() and has() see fields, changes and no case", (t) => {
  const head = new Http1RequestHead();
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHOST: web\r\nX-A: 1\r\nx-a: 2\r\nEmpty:\r\n\r\n");
  scanRequest(bytes, 0, bytes.length, head.table);
  head.take(bytes);
  t.is(head.get("x-a"), "1");
  t.deepEqual(head.all("x-a"), ["1", "2"]);
  t.is(head.get("empty"), "");
  t.true(head.has("empty"));
  t.is(head.get("x-b"), undefined);
  head.set("x-a", "3");
  t.deepEqual(head.all("x-a"), ["3"]);
  head.add("x-a", "4");
  t.deepEqual(head.all("x-a"), ["3", "4"]);
  head.remove("x-a");
  t.false(head.has("x-a"));
  t.is(head.authority, "web");
  t.deepEqual(
    [...head.entries()],
    [
      ["host", "web"],
      ["empty", ""],
    ],
  );
});

test("Http1RequestHead.take() begins anew, whatever the last head was", (t) => {
  const head = new Http1RequestHead();
  const take = (text: string): void => {
    const bytes = Buffer.from(text);
    scanRequest(bytes, 0, bytes.length, head.table);
    head.take(bytes);
  };
  take(`GET http://shop/${"x".repeat(3000)} HTTP/1.1\r\nHost: web\r\nX-A: 1\r\n\r\n`);
  head.method = "PUT";
  head.path = "/changed";
  head.authority = "other";
  head.remove("x-a");
  head.add("x-b", "2");
  take("GET / HTTP/1.1\r\nHost: web\r\nX-A: 1\r\n\r\n");
  t.is(out.toString("latin1", 0, head.writeTo(out, false)), "GET / HTTP/1.1\r\nHost: web\r\nX-A: 1\r\n\r\n");
  t.is(head.path, "/");
});

test("Http1ResponseHead.growth is 0 of what may go on byte for byte, and counts what was only added", (t) => {
  const head = new Http1ResponseHead();
  const growth = (text: string, change?: (head: Http1ResponseHead) => void): number => {
    const bytes = Buffer.from(text);
    scanResponse(bytes, 0, bytes.length, head.table);
    head.take(bytes);
    change?.(head);
    return head.growth;
  };
  t.is(growth("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n"), 0);
  for (const field of [
    "Connection: close",
    "Connection: X",
    "Connection: upgrade",
    "Keep-Alive: timeout=5",
    "Upgrade: h2c",
    "Proxy-Connection: x",
    "TE: x",
  ])
    t.is(growth(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`), -1, field);
  t.is(growth("HTTP/1.0 200 OK\r\n\r\n"), -1);
  t.is(
    growth("HTTP/1.1 200 OK\r\n\r\n", (one) => one.set("x", "1")),
    "x: 1\r\n".length,
  );
  t.is(
    growth("HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", (one) => one.add("x", "22")),
    "x: 22\r\n".length,
  );
  t.is(
    growth("HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", (one) => one.set("x", "2")),
    -1,
  );
  t.is(
    growth("HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", (one) => one.remove("x")),
    -1,
  );
  t.is(
    growth("HTTP/1.1 200 OK\r\n\r\n", (one) => (one.status = 201)),
    -1,
  );
  t.is(
    growth("HTTP/1.1 204 None\r\nContent-Length: 1\r\n\r\n", (one) => one.dropLength()),
    -1,
  );
  t.is(
    growth("HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", (one) => one.remove("y")),
    0,
  );
});

test("Http1ResponseHead.growIn() says what writeTo() says, with its body behind it", (t) => {
  const head = new Http1ResponseHead();
  const own = Buffer.alloc(2048);
  let grown = 0;
  for (const [came, changes] of fc.sample(fc.tuple(fields, edits), { seed, numRuns: 1000 })) {
    const text = Buffer.from(`HTTP/1.1 200 Fine\r\n${written(came)}\r\n`, "latin1");
    const scratch = own.subarray(512);
    text.copy(scratch, 3);
    scratch.write("body", 3 + text.length);
    scanResponse(scratch, 3, 3 + text.length, head.table);
    head.take(scratch);
    for (const [how, one, value] of changes) how === "remove" ? head.remove(one) : head[how](one, value);
    const { growth } = head;
    if (growth <= 0 || head.table.chunked) continue;
    grown++;
    const expected = `${out.toString("latin1", 0, head.writeTo(out, "stays", false))}body`;
    const roomy = own.subarray(512 - growth);
    const before = [...head.entries()];
    head.growIn(roomy);
    t.is(roomy.toString("latin1", 3, 3 + text.length + growth + 4), expected);
    // It can still be read, as filters do in their logs.
    t.deepEqual([...head.entries()], before);
  }
  t.true(grown > 100, `${grown}`);
});
