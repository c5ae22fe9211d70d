#!/usr/bin/env node
/**
 * What an exchange costs a daemon besides carrying or watching it: as a request metric, at the exporter's door, as a span, as a line of the
 * access log, and the header that passes its trace on. Needs no rights and takes some ten seconds: `bench/exchanges.ts`.
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ipBytes } from "../packages/sockhijack/src/kernel/ip.ts";
import { connectionFlag, exchangeFlag, spanRecord } from "../packages/sockhijack/src/kernel/layout.ts";

import { ExchangeReader } from "../packages/sockhijack/src/tracing/exchange-reader.ts";
import {
  AccessLog,
  type Exchange,
  keep,
  OtlpExporter,
  RedMetrics,
  readTraceparent,
  writeTraceparent,
} from "../packages/telemetry/src/mod.ts";

const records = 20_000; // what the ring gathers in 100 ms at 200 000 a second
const services = 20;
const targets = ["/api/users/17/orders?sort=date", "/cart", "/items/550e8400-e29b-41d4-a716-446655440000", "/v1/search?q=abc"];

/** Records as the kernel writes them; one of `oneIn` is sampled. */
function someRecords(oneIn: number): DataView {
  const view = new DataView(new ArrayBuffer(records * spanRecord.size));
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  for (let n = 0; n < records; n++) {
    const target = targets[n % targets.length]!;
    const line = new Uint8Array(96);
    line.set(Buffer.from(`GET ${target}`));
    const start = BigInt(n) * 5000n + 1n;
    const told = {
      start_ns: start,
      read_ns: start + 20_000n,
      request_bytes: BigInt(200 + (n % 900)),
      answer_bytes: BigInt(500 + (n % 9000)),
      status: n % 50 === 0 ? 503 : 200,
    };
    const flags = n % oneIn === 0 ? exchangeFlag.sampled : 0;
    spanRecord.write(view, n * spanRecord.size, {
      ...told,
      end_ns: start + BigInt(100_000 + (n % 300) * 1_000_000),
      from: (n % services) + 1,
      to: ((n * 7) % services) + 1,
      flags: connectionFlag.hereServer | connectionFlag.hereClient,
      exchange_flags: flags,
      pad: new Uint8Array(3),
      stream: 0,
      fraction: Math.floor(Math.random() * 2 ** 32),
      connection: BigInt(n),
      key: { client: ipBytes("10.0.0.1"), server: ipBytes("10.0.0.2"), client_port: n % 65_536, server_port: 8080, isn: 0 },
      replica: 0,
      pad2: 0,
      exchange: {
        ...told,
        trace: random(16),
        parent: random(8),
        client_span: random(8),
        server_span: random(8),
        first_ns: start + 90_000n,
        reader: 0,
        flags,
        method: 3,
        target: target.length,
        stream: 0,
        line,
      },
    });
  }
  return view;
}

const names = Array.from({ length: services + 1 }, (_, n) => (n === 0 ? "" : `service-${n}`));

/** Nanoseconds of `sink` for each exchange, the best of so many rounds. */
function nsEach(view: DataView, rounds: number, sink: (exchange: Exchange) => void): number {
  const reader = new ExchangeReader({ service: (id) => names[id]!, offsetNs: 1_767_225_600_000_000_000n, node: "n1" });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const began = process.hrtime.bigint();
    for (let n = 0; n < records; n++) sink(reader.read(view, n * spanRecord.size));
    best = Math.min(best, Number(process.hrtime.bigint() - began) / records);
  }
  return best;
}

const print = (what: string, value: number, unit: string): void =>
  console.log(`${what.padEnd(54)} ${value.toFixed(value < 10 ? 2 : 0)} ${unit}`);

for (const oneIn of [100, 1]) {
  const red = new RedMetrics();
  const ns = nsEach(someRecords(oneIn), 50, (exchange) => red.add(exchange));
  print(`request metrics, both ends here, ${100 / oneIn} % sampled`, ns, "ns/exchange");
  if (oneIn > 1) continue;
  const began = performance.now();
  const bytes = red.text(true).length;
  print(`their text of ${(bytes / 1e6).toFixed(1)} MB`, performance.now() - began, "ms/scrape");
}

const down = await OtlpExporter.open({ daemon: "bench", endpoint: "http://127.0.0.1:9" });
const all = someRecords(1);
const door = nsEach(all, 50, (exchange) => down.add(exchange));
await down.close(0);
print("exporter's door, all sampled, queue full", door, "ns/exchange");

const log = await AccessLog.open({ to: "/dev/null" });
let kept: Exchange | undefined;
nsEach(all, 1, (exchange) => {
  kept = keep(exchange);
});
print(
  "line of the access log, of an exchange that is no record",
  nsEach(all, 20, () => log.add(kept!)),
  "ns/line",
);
await log.close(1000);

const header = Buffer.from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
const traceId = new Uint8Array(16);
const spanId = new Uint8Array(8);
print(
  "traceparent read from bytes",
  nsEach(all, 50, () => readTraceparent(header, 0, header.length, traceId, spanId)),
  "ns",
);
print(
  "traceparent written",
  nsEach(all, 50, () => writeTraceparent(header, 0, traceId, spanId, 1)),
  "ns",
);

const server = createServer((request, response) => request.resume().on("end", () => response.end()));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
for (const gzip of [false, true]) {
  const exporter = await OtlpExporter.open({ daemon: "bench", endpoint, gzip, queueSpans: 4 * records });
  const before = process.cpuUsage();
  for (let round = 0; round < 2; round++) nsEach(all, 1, (exchange) => exporter.add(exchange));
  await exporter.close(30_000);
  const { user, system } = process.cpuUsage(before);
  print(`export${gzip ? " with gzip" : ""}, the receiver's reading included`, (user + system) / exporter.counts.exported, "µs/span");
}
server.close();
