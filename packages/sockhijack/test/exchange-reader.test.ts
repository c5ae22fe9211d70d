import test from "ava";
import { ipBytes } from "../src/kernel/ip.ts";
import { connectionFlag, exchangeFlag, lineBytes, type SpanRecord, spanRecord } from "../src/kernel/layout.ts";
import { ExchangeReader, keep } from "../src/tracing/exchange-reader.ts";

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
const line = (text: string): Uint8Array => {
  const bytes = new Uint8Array(lineBytes);
  bytes.set(Buffer.from(text.slice(0, lineBytes)));
  return bytes;
};

function record(exchange: Partial<SpanRecord["exchange"]> = {}, flags = 0): DataView {
  const view = new DataView(new ArrayBuffer(spanRecord.size + 8));
  spanRecord.write(view, 8, {
    end_ns: 5_000_000n,
    start_ns: 1_000_000n,
    read_ns: 0n,
    request_bytes: 5_000_000_000n,
    answer_bytes: 152n,
    status: exchange.status ?? 200,
    exchange_flags: exchange.flags ?? exchangeFlag.sampled | exchangeFlag.redirected,
    pad: new Uint8Array(3),
    pad2: 0,
    connection: 7n,
    key: { client: ipBytes("127.0.0.1"), server: ipBytes("fd00::1"), client_port: 40_000, server_port: 80, isn: 1 },
    from: 1,
    to: 2,
    replica: 3,
    flags: connectionFlag.hereClient | flags,
    exchange: {
      trace: filled(16, 0xab),
      parent: filled(8, 0),
      client_span: filled(8, 1),
      server_span: filled(8, 2),
      start_ns: 1_000_000n,
      read_ns: 0n,
      first_ns: 3_000_000n,
      request_bytes: 5_000_000_000n,
      answer_bytes: 152n,
      reader: 1,
      status: 200,
      flags: exchangeFlag.sampled | exchangeFlag.redirected,
      method: 3,
      target: 5,
      pad: 0,
      line: line("GET /cart HTTP/1.1"),
      ...exchange,
    },
  });
  return view;
}

const names = { service: (id: number) => ["", "web", "cart"][id]!, offsetNs: 10n ** 18n, node: "n1" };
const read = (...args: Parameters<typeof record>) => new ExchangeReader(names).read(record(...args), 8);

test("ExchangeReader reads every field of a record", (t) => {
  t.deepEqual(read().keep(), {
    client: { service: "web", address: "127.0.0.1", port: 40_000, here: true },
    server: { service: "cart", address: "fd00::1", port: 80, here: false },
    node: "n1",
    traceId: "ab".repeat(16),
    clientSpanId: "01".repeat(8),
    serverSpanId: "02".repeat(8),
    parentSpanId: undefined,
    startNs: names.offsetNs + 1_000_000n,
    readNs: undefined,
    firstNs: names.offsetNs + 3_000_000n,
    endNs: names.offsetNs + 5_000_000n,
    method: "GET",
    target: "/cart",
    status: 200,
    requestBytes: 5_000_000_000,
    answerBytes: 152,
    sampled: true,
    continued: false,
    link: "none",
    injected: false,
    redirected: true,
    aborted: false,
  });
});

test("ExchangeReader names the link, and a header before all else", (t) => {
  t.is(read({ flags: exchangeFlag.linked }).link, "thread");
  t.is(read({ flags: exchangeFlag.ambiguous }).link, "ambiguous");
  t.is(read({ flags: exchangeFlag.continued | exchangeFlag.linked }).link, "header");
  t.true(read({}, connectionFlag.spanAborted).aborted);
});

test("ExchangeReader cuts a target that the record has no room for", (t) => {
  const long = `/${"x".repeat(300)}`;
  t.is(read({ target: long.length, line: line(`GET ${long} HTTP/1.1`) }).target, long.slice(0, lineBytes - 4));
});

test("keep() makes an exchange that stays when the reader moves on; one that stays anyway is given back", (t) => {
  const reader = read();
  const kept = keep(reader);
  reader.read(record({ status: 500 }), 8);
  t.is(kept.status, 200);
  t.is(reader.status, 500);
  t.is(keep(kept), kept);
});
