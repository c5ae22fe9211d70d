#!/usr/bin/env node
/**
 * An OTLP/HTTP receiver that counts spans and throws them away: the same back end for every mode of tracing.sh.
 *
 *     node bench/lib/receiver.ts 4318 /tmp/receiver.sock
 *     curl --unix-socket /tmp/receiver.sock http://x/    # {"requests":12,"spans":6144,"bytes":1482752}
 *
 * Listens on 127.0.0.1 of the network namespace it is started in; counts are read over the Unix socket from any other.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { countSpans } from "./count-spans.ts";

const [port = "4318", control = ""] = process.argv.slice(2);
const counts = { requests: 0, spans: 0, bytes: 0 };

function take(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const sent = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const contentType = request.headers["content-type"] ?? "";
    try {
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      counts.spans += countSpans(body, contentType);
      counts.requests++;
      counts.bytes += sent.length;
      response.writeHead(200, { "content-type": contentType });
      response.end(contentType.startsWith("application/json") ? "{}" : undefined);
    } catch (error) {
      console.error(`refused ${sent.length} bytes of ${contentType}: ${(error as Error).message}`);
      response.writeHead(400).end();
    }
  });
}

const sink = createServer({ keepAliveTimeout: 0 }, take).listen(Number(port), "127.0.0.1", 1024);
const reader = createServer((_request, response) => response.end(JSON.stringify(counts))).listen(control);
process.once("SIGTERM", () => {
  for (const server of [sink, reader]) server.close();
  process.exit();
});
