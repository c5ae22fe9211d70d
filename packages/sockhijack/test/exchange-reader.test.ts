import { keep } from "@mitsu/telemetry";
import test from "ava";
import { connectionFlag, exchangeFlag, lineBytes } from "../src/kernel/layout.ts";
import { ExchangeReader } from "../src/tracing/exchange-reader.ts";
import { line, record, recordAt } from "./some-records.ts";

const names = { service: (id: number) => ["", "web", "cart"][id]!, offsetNs: 10n ** 18n, node: "n1" };
const read = (...args: Parameters<typeof record>) => new ExchangeReader(names).read(record(...args), recordAt);

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
    protocol: "http/1",
    method: "GET",
    target: "/cart",
    authority: "",
    status: 200,
    grpcStatus: undefined,
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
  t.is(read({ flags: exchangeFlag.linked | exchangeFlag.carried }).link, "side-band");
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
  reader.read(record({ status: 500 }), recordAt);
  t.is(kept.status, 200);
  t.is(reader.status, 500);
  t.is(keep(kept), kept);
});
