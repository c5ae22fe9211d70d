import { METHODS } from "node:http";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { HeadTable, incomplete, longestHead, refusal, scanRequest, scanResponse } from "../../src/http1/scan-head.ts";
import { type Parsed, parseAnswer, RequestOracle } from "./oracle.ts";

const seed = 20_261_126;
const table = new HeadTable();
const text = (bytes: Buffer, start: number, end: number): string => bytes.toString("latin1", start, end);

function fieldsOf(bytes: Buffer): Parsed["fields"] {
  return Array.from({ length: table.count }, (_, index) => {
    const [start, nameEnd, valueStart, end] = table.at.subarray(4 * index, 4 * index + 4) as unknown as [number, number, number, number];
    return [text(bytes, start, nameEnd).toLowerCase(), text(bytes, valueStart, end)] as const;
  });
}

/** What the scanner makes of a request; null when it refuses it, or it is not whole. */
function ours(bytes: Buffer): Parsed | null {
  if (scanRequest(bytes, 0, bytes.length, table) <= 0) return null;
  const method = text(bytes, table.start, table.methodEnd);
  return { first: `${method} ${text(bytes, table.targetStart, table.targetEnd)} 1.${table.minor}`, fields: fieldsOf(bytes) };
}

function sayWhere(bytes: Buffer): string {
  return JSON.stringify(bytes.toString("latin1")).replace(/[\x7f-\xff]/g, (one) => `\\x${one.charCodeAt(0).toString(16)}`);
}

test("scanRequest() tells where each part lies", (t) => {
  const bytes = Buffer.from("xxGET /a HTTP/1.1\r\nHost: web\r\nA:  b c \t\r\nEmpty:\r\n\r\nrest", "latin1");
  t.is(scanRequest(bytes, 2, bytes.length, table), bytes.length - 4);
  t.is(table.start, 2);
  t.is(text(bytes, table.targetStart, table.targetEnd), "/a");
  t.deepEqual(fieldsOf(bytes), [
    ["host", "web"],
    ["a", "b c"],
    ["empty", ""],
  ]);
  t.is(table.host, 0);
  t.is(table.contentLength, -1);
  t.is(table.end, bytes.length - 4);
});

test("scanRequest() is incomplete at every byte but the last of a head", (t) => {
  const bytes = Buffer.from(
    "\r\nPOST /a?b HTTP/1.1\r\nHost: web\r\nConnection: close, X\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n",
  );
  for (let end = 0; end < bytes.length; end++) t.is(scanRequest(bytes, 0, end, table), incomplete, String(end));
  t.is(scanRequest(bytes, 0, bytes.length, table), bytes.length);
  t.like(table, { contentLength: 12, close: true, namesFields: true, expectsContinue: true, chunked: false, minor: 1 });
});

test("scanResponse() is incomplete at every byte but the last of a head", (t) => {
  for (const line of ["HTTP/1.1 200 OK", "HTTP/1.0 404 Not \xe9 Found", "HTTP/1.1 200", "HTTP/1.1 200 "]) {
    const bytes = Buffer.from(`${line}\r\nTransfer-Encoding: Chunked\r\n\r\n`, "latin1");
    const chunked = line.startsWith("HTTP/1.1");
    for (let end = 0; end < bytes.length; end++) t.is(scanResponse(bytes, 0, end, table), incomplete, line);
    t.is(scanResponse(bytes, 0, bytes.length, table), chunked ? bytes.length : refusal.badTransferEncoding, line);
  }
});

test("scanRequest() takes a head of 32 KiB and no longer one, whole or not", (t) => {
  const head = (bytes: number): Buffer => {
    const frame = "GET / HTTP/1.1\r\nHost: web\r\nX: \r\n\r\n";
    return Buffer.from(frame.replace("X: ", `X: ${"x".repeat(bytes - frame.length)}`));
  };
  t.true(scanRequest(head(longestHead), 0, longestHead, table) > 0);
  t.is(scanRequest(head(longestHead + 3), 0, longestHead + 3, table), refusal.tooLong);
  t.is(scanRequest(head(longestHead * 2), 0, longestHead + 1, table), refusal.tooLong);
});

// ── Against llhttp ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const tokenText = fc.string({ unit: fc.constantFrom(..."abcXYZ-_.!#$%&'*+^`|~019"), minLength: 1, maxLength: 12 });
const valueText = fc.string({ unit: fc.constantFrom(...'abc XYZ\t,;:="()<>@/?{}[]\\~\xe9\xff019'), maxLength: 20 });
const path = fc.string({ unit: fc.constantFrom(..."abcXYZ/?&=%.:;@+-_~!$'()*,0129"), maxLength: 20 }).map((rest) => `/${rest}`);
/** Names whose fields say how a message is framed, or that Node treats in its own way: they have cases of their own. */
const free = tokenText.filter((name) => !/^(?:host|content-length|transfer-encoding|connection|upgrade|expect|keep-alive|te)$/i.test(name));
const space = fc.constantFrom("", " ", "  ", "\t", " \t ");
const fieldLine = fc.tuple(free, space, valueText, space).map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`);
const known = fc.constantFrom(
  "Connection: keep-alive\r\n",
  "connection: close\r\n",
  "Content-Length: 0\r\n",
  "CONTENT-LENGTH:   0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Expect: x\r\n",
  "Keep-Alive: 5\r\n",
  "TE: trailers\r\n",
);
const requestHead = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"),
    path,
    fc.array(fc.oneof({ weight: 4, arbitrary: fieldLine }, known), { maxLength: 8 }),
  )
  .map(([method, target, fields]) => `${method} ${target} HTTP/1.1\r\nHost: web\r\n${fields.join("")}\r\n`);

/** Bytes that make trouble, put in, put in the place of one, or one taken out. */
const mutation = fc.tuple(
  fc.nat(),
  fc.constantFrom("insert", "replace", "remove"),
  fc.constantFrom(..."\0\t\n\r :;,/\x0b\x7f\x80\xff0xX", "\r\n", "\n\n", " \r\n", "chunked", "Content-Length: 3\r\n"),
);

function mutate(head: string, mutations: readonly (readonly [number, string, string])[]): Buffer {
  let mutated = head;
  for (const [position, how, what] of mutations) {
    const at = position % (mutated.length + 1);
    mutated = mutated.slice(0, at) + (how === "remove" ? "" : what) + mutated.slice(how === "insert" ? at : at + 1);
  }
  return Buffer.from(mutated, "latin1");
}

/** What we take, llhttp must take for the same: nothing may mean something else to whoever is behind us. */
async function agrees(
  t: ExecutionContext,
  oracle: RequestOracle,
  bytes: Buffer,
  counts: { both: number; refused: number; strict: number },
): Promise<void> {
  const mine = ours(bytes);
  const theirs = (await oracle.parse(bytes))[0] ?? null;
  if (mine === null) {
    if (theirs === null) counts.refused++;
    else counts.strict++;
    return;
  }
  // llhttp knows a list of methods, and none besides.
  if (theirs === null && !METHODS.includes(mine.first.split(" ")[0]!)) return;
  counts.both++;
  t.deepEqual(theirs, mine, sayWhere(bytes));
}

test("scanRequest() and llhttp read the same in all that the grammar makes", async (t) => {
  const oracle = await RequestOracle.open();
  const counts = { both: 0, refused: 0, strict: 0 };
  try {
    for (const head of fc.sample(requestHead, { seed, numRuns: 1500 })) {
      const body = /transfer-encoding/i.test(head) ? "0\r\n\r\n" : "";
      await agrees(t, oracle, Buffer.from(head + body, "latin1"), counts);
    }
  } finally {
    await oracle.close();
  }
  t.log(counts);
  t.true(counts.both > 1000);
});

test("scanRequest() takes nothing that llhttp reads otherwise, of heads with bytes put in and taken out", async (t) => {
  const oracle = await RequestOracle.open();
  const counts = { both: 0, refused: 0, strict: 0 };
  const mutated = fc.tuple(requestHead, fc.array(mutation, { minLength: 1, maxLength: 3 }));
  try {
    for (const [head, mutations] of fc.sample(mutated, { seed, numRuns: 3000 })) {
      const bytes = mutate(head, mutations);
      // A body for whatever length they now tell: it must not be what they differ in.
      const body = /length|encoding/i.test(bytes.toString("latin1")) ? "0\r\n\r\n" : "";
      await agrees(t, oracle, Buffer.concat([bytes, Buffer.from(body)]), counts);
    }
  } finally {
    await oracle.close();
  }
  t.log(counts);
  t.true(counts.both > 300 && counts.refused > 300);
});

test("scanRequest()'s judgement does not depend on how the bytes come", (t) => {
  fc.assert(
    fc.property(requestHead, fc.array(mutation, { maxLength: 3 }), (head, mutations) => {
      const bytes = mutate(head, mutations);
      const whole = scanRequest(bytes, 0, bytes.length, table);
      for (let end = 1; end < bytes.length; end++) {
        const early = scanRequest(bytes, 0, end, table);
        if (early !== incomplete) return t.is(early, whole, `${sayWhere(bytes)} at ${end}`);
      }
      return t.pass();
    }),
    { seed, numRuns: 1500 },
  );
});

test("scanResponse() takes nothing that llhttp reads otherwise", async (t) => {
  const answerHead = fc
    .tuple(
      fc.constantFrom("200 OK", "404 Not Found", "500", "299 \xe9 x", "204 No Content"),
      fc.array(fc.oneof({ weight: 4, arbitrary: fieldLine }, known), { maxLength: 6 }),
    )
    .map(([status, fields]) => `HTTP/1.1 ${status}\r\n${fields.join("")}\r\n`);
  const counts = { both: 0, refused: 0, strict: 0 };
  for (const [head, mutations] of fc.sample(fc.tuple(answerHead, fc.array(mutation, { maxLength: 2 })), { seed, numRuns: 1000 })) {
    const bytes = Buffer.concat([mutate(head, mutations), Buffer.from("0\r\n\r\n")]);
    const end = scanResponse(bytes, 0, bytes.length, table);
    const interim = table.status < 200; // told by another event
    const mine = end > 0 ? { first: `1.${table.minor} ${table.status}`, fields: fieldsOf(bytes) } : null;
    const theirs = await parseAnswer(bytes);
    if (mine === null) {
      if (theirs === null) counts.refused++;
      else counts.strict++;
      continue;
    }
    if (interim) continue;
    counts.both++;
    t.deepEqual(theirs, mine, sayWhere(bytes));
  }
  t.log(counts);
  t.true(counts.both > 300);
});
