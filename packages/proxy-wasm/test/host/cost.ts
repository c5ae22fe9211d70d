#!/usr/bin/env node
/**
 * What a header filter costs: CPU time of one exchange with context, request head, response head, and end, all host calls and copies included, and 0.08 µs
 * for the exchange itself.
 *
 * `node packages/proxy-wasm/test/host/cost.ts [FILTER.wasm …]`; without names, two of /tmp/wasm-samples.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { FieldList, type FieldMap, type MapType, mapType, type Pair, type StreamHost } from "../../src/mod.ts";
import { start } from "./started-plugin.ts";

const rounds = 25;
const exchanges = 20_000;

const request: readonly Pair[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/api/v1/items?page=2"],
  [":authority", "shop.example"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "*/*"],
  ["accept-encoding", "gzip, deflate, br"],
  ["x-request-id", "2f1c0a52-6d34-4f7c-9d31-6f0f2a9e6d11"],
  ["cookie", "session=8f14e45fceea167a5a36dedd4bea2543"],
  ["x-remove-me", "1"],
];
const response: readonly Pair[] = [
  [":status", "200"],
  ["content-type", "application/json"],
  ["content-length", "512"],
  ["server", "nginx"],
  ["date", "Thu, 26 Nov 2026 18:18:18 GMT"],
  ["cache-control", "no-store"],
];

class Exchange implements StreamHost {
  readonly #request: FieldMap = new FieldList(request);
  readonly #response: FieldMap = new FieldList(response);
  fields(map: MapType): FieldMap | null {
    return map === mapType.requestHeaders ? this.#request : map === mapType.responseHeaders ? this.#response : null;
  }
  buffer(): null {
    return null;
  }
  property(): undefined {}
  setProperty(): boolean {
    return false;
  }
  respond(): boolean {
    return false;
  }
  resume(): void {}
  close(): void {}
}

const named = process.argv.slice(2);
const names = named.length > 0 ? named : ["/tmp/wasm-samples/c-headers.wasm", "/tmp/wasm-samples/as-addheader.wasm"];

/** µs of CPU time of one run of a task. */
function measure(task: () => void): number {
  const before = process.cpuUsage();
  for (let left = exchanges; left > 0; left--) task();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / exchanges;
}

/** Of many rounds the least, which a busy machine disturbs least, and the median. */
function cost(task: () => void): { readonly least: number; readonly median: number } {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) all.push(measure(task));
  all.sort((one, other) => one - other);
  return { least: all[0]!, median: all[rounds >> 1]! };
}

for (const name of names) {
  const { plugin } = start(new Uint8Array(readFileSync(name)));
  const { least, median } = cost(() => {
    const context = plugin.openHttp(new Exchange());
    context.requestHeaders(true);
    context.responseHeaders(false);
    context.end();
  });
  const fuel = Math.round(plugin.counters.fuel / (rounds * exchanges));
  console.log(`${basename(name)}: ${median.toFixed(2)} µs, at least ${least.toFixed(2)} µs, ${fuel} units of fuel`);
}
