/** gRPC calls of filters, over HTTP/2 to the services of the mesh. Source: gRPC over HTTP/2. @module */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { GrpcCall, GrpcEvents, GrpcHandle } from "@mitsu/proxy-wasm";
import type { Caller } from "../caller.ts";
import { failure } from "../cluster/outcome.ts";
import type { DataPlane } from "../proxy/data-plane.ts";
import { StreamDuplex } from "../proxy/stream-duplex.ts";

/** Statuses of gRPC that nicd gives itself. */
const grpcStatus = { ok: 0, unknown: 2, deadlineExceeded: 4, resourceExhausted: 8, unavailable: 14 } as const;
const nobody: Caller = { service: "", address: "127.0.0.1", port: 0, by: "nobody" };
const prefixBytes = 5;

type Pairs = [name: string, value: string][];

function pairsOf(headers: IncomingHttpHeaders): Pairs {
  return Object.entries(headers).flatMap(
    ([name, value]): Pairs => (value === undefined ? [] : [value].flat().map((one): [string, string] => [name, String(one)])),
  );
}

/**
 * Opens a call, or a stream where there is no message yet.
 *
 * @param mostBytes Of one message that comes; a longer one ends the call.
 * @returns Null for a service that there is not, or that has no replica.
 */
export function callGrpc(plane: DataPlane, call: GrpcCall, events: GrpcEvents, mostBytes: number): GrpcHandle | null {
  const port = plane.service(call.upstream)?.ports.find(({ protocol }) => protocol === "tcp")?.port;
  const cluster = port === undefined ? null : plane.cluster(call.upstream, port);
  const endpoint = cluster?.admits() ? cluster.select() : null;
  if (!cluster || !endpoint) return null;
  const sentAtMs = cluster.begin(endpoint);
  // Not by import: what HTTP/2 takes, only those pay who use it.
  const { connect } = process.getBuiltinModule("node:http2");
  let over = false;
  let session: ClientHttp2Session | undefined;
  let stream: ClientHttp2Stream | undefined;
  let held: Buffer = Buffer.alloc(0);
  let trailers: Pairs | null = null;

  const finish = (code: number, message: string, tell = true): void => {
    if (over) return;
    over = true;
    cluster.end(
      endpoint,
      code === grpcStatus.unavailable ? failure.connect : code === grpcStatus.deadlineExceeded ? failure.timeout : 200,
      sentAtMs,
    );
    stream?.close();
    session?.destroy();
    if (tell) events.onClose(code, message);
  };
  /** Whatever comes of Node's own loop is told on the reactor's next turn, never from within the guest. */
  const later = (task: () => void): void => plane.reactor.defer(() => !over && task());
  const send = (message: Uint8Array, end: boolean): void => {
    const frame = Buffer.alloc(prefixBytes + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, prefixBytes);
    if (end) stream?.end(frame);
    else stream?.write(frame);
  };

  try {
    const opened = connect(`http://${call.upstream}.mesh:${port}`, {
      createConnection: () => new StreamDuplex((duplex) => plane.pool.dial(endpoint, nobody, duplex)),
    });
    session = opened;
    opened.on("error", (error) => later(() => finish(grpcStatus.unavailable, error.message)));
    opened.on("close", () => later(() => finish(grpcStatus.unavailable, "the connection was closed")));
    const metadata = Object.fromEntries(call.metadata.filter(([name]) => !name.startsWith(":")));
    stream = opened.request({
      ...metadata,
      ":method": "POST",
      ":path": `/${call.service}/${call.method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...(call.timeoutMs > 0 ? { "grpc-timeout": `${Math.ceil(call.timeoutMs)}m` } : {}),
    });
  } catch (error) {
    // Metadata that HTTP/2 does not know is the filter's own fault.
    finish(grpcStatus.unknown, (error as Error).message, false);
    return null;
  }
  const timer =
    call.timeoutMs > 0
      ? setTimeout(() => later(() => finish(grpcStatus.deadlineExceeded, "deadline exceeded")), call.timeoutMs)
      : undefined;
  timer?.unref();
  stream.on("response", (headers) => {
    const pairs = pairsOf(headers);
    // Trailers alone come as a head.
    if (headers["grpc-status"] !== undefined) trailers = pairs;
    else later(() => events.onInitialMetadata(pairs));
  });
  stream.on("data", (part: Buffer) => {
    held = Buffer.concat([held, part]);
    while (held.length >= prefixBytes) {
      const length = held.readUInt32BE(1);
      if (length > mostBytes) {
        later(() => finish(grpcStatus.resourceExhausted, "a message is longer than the filter's limit"));
        return;
      }
      if (held.length < prefixBytes + length) return;
      const message = Buffer.from(held.subarray(prefixBytes, prefixBytes + length));
      held = held.subarray(prefixBytes + length);
      later(() => events.onMessage(message));
    }
  });
  stream.on("trailers", (headers) => {
    trailers = pairsOf(headers);
  });
  stream.on("error", (error) => later(() => finish(grpcStatus.unavailable, error.message)));
  stream.on("close", () => {
    clearTimeout(timer);
    later(() => {
      const pairs = trailers ?? [];
      if (pairs.length > 0) events.onTrailingMetadata(pairs);
      const code = Number(pairs.find(([name]) => name === "grpc-status")?.[1] ?? grpcStatus.unknown);
      finish(code, pairs.find(([name]) => name === "grpc-message")?.[1] ?? "");
    });
  });
  if (call.message !== null) send(call.message, true);
  return {
    send,
    close: () => stream?.end(),
    cancel: () => finish(grpcStatus.ok, "", false),
  };
}
