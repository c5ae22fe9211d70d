/** Records of exchanges as the kernel writes them. @module */
import { ipBytes } from "../src/kernel/ip.ts";
import { connectionFlag, exchangeFlag, lineBytes, type SpanRecord, spanRecord } from "../src/kernel/layout.ts";

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
/** A request's first line, cut as the kernel does. */
export const line = (text: string): Uint8Array => {
  const bytes = new Uint8Array(lineBytes);
  bytes.set(Buffer.from(text.slice(0, lineBytes)));
  return bytes;
};

/** Where a record stands in the view that is made for it, as in a ring. */
export const recordAt = 8;

/** A record of an HTTP/1 exchange on connection 7; with a `stream` it is HTTP/2's, and knows no names. */
export function record(exchange: Partial<SpanRecord["exchange"]> = {}, flags = 0, more: Partial<SpanRecord> = {}): DataView {
  const view = new DataView(new ArrayBuffer(recordAt + spanRecord.size));
  const trace = exchange.trace ?? filled(16, 0xab);
  spanRecord.write(view, recordAt, {
    end_ns: 5_000_000n,
    start_ns: 1_000_000n,
    read_ns: 0n,
    request_bytes: 5_000_000_000n,
    answer_bytes: 152n,
    status: exchange.status ?? 200,
    exchange_flags: exchange.flags ?? exchangeFlag.sampled | exchangeFlag.redirected,
    pad: new Uint8Array(3),
    pad2: 0,
    stream: exchange.stream ?? 0,
    fraction: new DataView(trace.buffer, trace.byteOffset).getUint32(12, true),
    connection: 7n,
    key: { client: ipBytes("127.0.0.1"), server: ipBytes("fd00::1"), client_port: 40_000, server_port: 80, isn: 1 },
    from: 1,
    to: 2,
    replica: 3,
    flags: connectionFlag.hereClient | flags,
    exchange: {
      trace,
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
      stream: 0,
      line: line("GET /cart HTTP/1.1"),
      ...exchange,
    },
    ...more,
  });
  return view;
}

/** What the kernel's record of an HTTP/2 exchange differs in. */
export const unnamed: Partial<SpanRecord["exchange"]> = { status: 0, method: 0, target: 0, line: new Uint8Array(lineBytes) };
