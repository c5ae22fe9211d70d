import { type Exchange, keep, traceFraction } from "@mitsu/telemetry";
import test from "ava";
import { exchangeFlag, type SpanRecord } from "../src/kernel/layout.ts";
import { ExchangeRecords } from "../src/tracing/exchange-records.ts";
import { blockRecord, frame, h2, headers } from "./http2-frames.ts";
import { record, recordAt, unnamed } from "./some-records.ts";

const names = { service: (id: number) => ["", "web", "cart"][id]!, offsetNs: 10n ** 18n, node: "n1" };
const call = { ":method": "POST", ":path": "/shop.Cart/Get", ":authority": "cart.mesh:8080", "content-type": "application/grpc" };
const ok = { ":status": "200", "content-type": "application/grpc" };

/** The end of a record tells records apart. */
let clockNs = 5_000_000n;
const http1 = (exchange: Partial<SpanRecord["exchange"]> = {}) => record(exchange, 0, { end_ns: clockNs++ });
const http2 = (stream: number, exchange: Partial<SpanRecord["exchange"]> = {}) =>
  record({ ...unnamed, stream, ...exchange }, 0, { end_ns: clockNs++ });
const asked = (number: number, stream: number, fields: Readonly<Record<string, string>>) =>
  blockRecord({ number, frame: headers(stream, fields) });
const answered = (number: number, stream: number, fields: Readonly<Record<string, string>>) =>
  blockRecord({ number, answers: true, frame: headers(stream, fields) });

/** Puts records into one ring, each behind the 8 bytes that the kernel has before it, and reads them. */
function through(...views: readonly DataView[]) {
  const ring = Buffer.concat(views.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)));
  const view = new DataView(ring.buffer, ring.byteOffset, ring.byteLength);
  const records = new ExchangeRecords(names);
  const seen: Exchange[] = [];
  const fractions: number[] = [];
  let at = 0;
  for (const { byteLength } of views) {
    const exchange = records.read(view, at + recordAt, byteLength - recordAt);
    if (exchange) {
      seen.push(keep(exchange));
      fractions.push(traceFraction(exchange));
    }
    at += byteLength;
  }
  return { records, seen, fractions, ring };
}

test("ExchangeRecords gives HTTP/2's records the names of their streams, and leaves HTTP/1's as they are", (t) => {
  const { seen, records } = through(
    http1(),
    asked(0, 1, call),
    asked(1, 3, { ":method": "GET", ":path": "/a?b=c", ":authority": "cart" }),
    answered(0, 3, { ":status": "103" }),
    answered(1, 3, { ":status": "404" }),
    http1({ status: 500 }),
    http2(3),
    answered(2, 1, ok),
    answered(3, 1, { "grpc-status": "14" }),
    http2(1),
  );
  const none = { authority: "", grpcStatus: undefined };
  t.like(seen[0], { protocol: "http/1", method: "GET", target: "/cart", status: 200, ...none });
  t.like(seen[1], { protocol: "http/1", method: "GET", target: "/cart", status: 500, ...none });
  t.like(seen[2], { protocol: "http/2", method: "GET", target: "/a?b=c", status: 404, authority: "cart", grpcStatus: undefined });
  t.like(seen[3], {
    ...{ protocol: "grpc", method: "POST", target: "/shop.Cart/Get", status: 200, authority: "cart.mesh:8080", grpcStatus: 14 },
    ...{ traceId: "ab".repeat(16), parentSpanId: undefined, link: "none", continued: false, requestBytes: 5_000_000_000 },
  });
  t.deepEqual(records.recent(), seen);
  t.like(records.headerBlocks, { read: 6, lost: 0 });
});

test("ExchangeRecords continues a trace that the program passed on over HTTP/2: ids, sampling and link are the header's", (t) => {
  const [trace, parent] = ["0af7651916cd43dd8448eb2180000000", "b7ad6b7169203331"];
  const header = (flags: string) => ({ ...call, traceparent: `00-${trace}-${parent}-${flags}` });
  const { seen, records, fractions } = through(
    asked(0, 1, header("01")),
    http2(1, { flags: exchangeFlag.linked }),
    asked(1, 3, header("00")),
    http2(3),
    asked(2, 5, header("0g")),
    http2(5, { flags: exchangeFlag.ambiguous }),
  );
  t.like(seen[0], { traceId: trace, parentSpanId: parent, sampled: true, continued: true, link: "header", clientSpanId: "01".repeat(8) });
  t.like(seen[1], { traceId: trace, sampled: false, link: "header" });
  t.like(seen[2], { traceId: "ab".repeat(16), parentSpanId: undefined, sampled: false, continued: false, link: "ambiguous" });
  t.deepEqual(fractions, seen.map(traceFraction));
  t.is(fractions[0], 0x80 / 2 ** 32); // four bytes, the lowest first
  t.deepEqual(records.recent(), [seen[0]]);
});

test("ExchangeRecords tells an exchange whose header blocks were lost without names, and does not throw", (t) => {
  const { seen, records } = through(
    http2(1),
    blockRecord({ number: 5, frame: frame(h2.headers, h2.endHeaders, 3, Buffer.from([0xbe, 0xbf])) }),
    answered(0, 3, { ":status": "200" }),
    http2(3),
    asked(9, 5, call),
    blockRecord({ number: 0, frame: new Uint8Array() }),
    http2(5),
  );
  const lost = { protocol: "http/2", method: "", target: "", authority: "", grpcStatus: undefined, aborted: false };
  t.like(seen[0], { ...lost, status: 0 });
  t.like(seen[1], { ...lost, status: 200 });
  t.like(seen[2], { ...lost, status: 0 });
  t.deepEqual(records.recent(), seen);
  t.deepEqual(records.headerBlocks, { read: 2, unknown: 1, invalid: 0, lost: 8 });
});

test("ExchangeRecords.recent() gives only what still stands in the ring, each with its own names, also past its 10 000", (t) => {
  const pair = (n: number) => [asked(n, 2 * n + 1, { ":method": "GET", ":path": `/${n}` }), http2(2 * n + 1)];
  const many = Array.from({ length: 10_020 }, (_, n) => [...pair(n), ...(n % 100 === 0 ? [http1()] : [])]).flat();
  const { records, seen, ring } = through(...many);
  t.is(records.recent().length, 10_000);
  t.deepEqual(records.recent(), seen.slice(-10_000));
  const first = seen.length - 10_000;
  // The ring has come around: what stood at the first two thirds is written over by a frame.
  ring.fill(0xff, 0, Math.floor(ring.length * 0.66));
  const left = records.recent();
  t.true(left.length > 3000 && left.length < 3600);
  t.deepEqual(left, seen.slice(-left.length));
  t.true(first > 0);
  records.close();
  t.deepEqual(records.recent(), []);
});
