/** Filters in WebAssembly that change bodies: lengths, chunks, trailers and limits are right afterwards. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, Wire } from "../daemon/support/ask.ts";
import type { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin } from "../daemon/support/origin.ts";
import { compiled, filterTest } from "./compiled.ts";
import { startFiltered } from "./filtered.ts";

const start = async (t: ExecutionContext, limit = "1MiB") => {
  const origin = await Origin.start(t, "hello from the origin");
  const daemon = await startFiltered(t, {
    filters: [`body: { module: ${compiled("bodies")}, limits: { body: ${limit} } }`],
    uses: "body",
    port: origin.port,
  });
  return { origin, daemon, port: daemon.port };
};

filterTest("bodies of both ways are rewritten; a whole one keeps a length", async (t) => {
  const { origin, port } = await start(t);
  const { body, headers } = await ask(port, "/", { method: "POST", body: "hello" });
  t.is(origin.asked[0]!.body, "HELLO");
  t.is(origin.asked[0]!.headers["content-length"], "5");
  t.is(body, body.toUpperCase());
  t.is(headers["content-length"], String(body.length));
});

filterTest("stopIterationAndBuffer gathers a body until its end, and lets it go on longer than it came", async (t) => {
  const { origin, port } = await start(t);
  const big = "x".repeat(300_000);
  const { status, body } = await ask(port, "/", { method: "POST", body: big, headers: { "x-body": "whole" } });
  t.is(status, 200);
  t.is(origin.asked[0]!.body, `begin ${big} end`);
  t.is(origin.asked[0]!.headers["content-length"], String(big.length + 10));
  t.regex(body, /^begin [\s\S]* end$/);
});

filterTest("stopIterationAndWatermark keeps what it has seen, stopIterationNoBuffer loses it", async (t) => {
  const { origin, daemon } = await start(t);
  const send = (mode: string) => sendPieces(daemon, ["aaaa", "bbbb"], { "x-body": mode });
  await send("pieces");
  // What was seen is not seen again; the end comes alone.
  t.is(origin.asked[0]!.body, "<aaaa<bbbb<");
  await send("lose");
  t.is(origin.asked[1]!.body, "");
});

filterTest("a body beyond the limit gets 413, an answer 500; one from within the body's callback is the filter's own", async (t) => {
  const { origin, daemon, port } = await start(t, "1KiB");
  // What comes whole is not held back: these never end by themselves.
  const long = await sendPieces(daemon, ["x".repeat(1800)], { "x-body": "whole" }, "never");
  t.is(long.status, 413);
  t.is(origin.asked.length, 0);
  const own = await ask(port, "/", { method: "POST", body: "x", headers: { "x-body": "local" } });
  t.like(own, { status: 403, body: "no such body" });
  const big = createServer((_, response) => {
    response.writeHead(200, { "content-length": "5000" });
    response.write("y".repeat(3000));
  });
  await new Promise<void>((resolve) => big.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    big.close();
    big.closeAllConnections();
  });
  const { port: bigPort } = big.address() as AddressInfo;
  const other = await startFiltered(t, {
    filters: [`body: { module: ${compiled("bodies")}, limits: { body: 1KiB } }`],
    uses: "body",
    port: bigPort,
  });
  t.is((await ask(other.port, "/", { headers: { "x-body": "whole" } })).status, 500);
});

filterTest("trailers are seen, changed and added, both ways", async (t) => {
  const seen: unknown[] = [];
  const server = createServer((incoming, response) => {
    incoming.resume().on("end", () => {
      seen.push(incoming.trailers);
      response.writeHead(200, { trailer: "x-sum" });
      response.write("answer");
      response.addTrailers({ "x-sum": "7" });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const daemon = await startFiltered(t, {
    filters: [`body: { module: ${compiled("bodies")} }`],
    uses: "body",
    port: (server.address() as AddressInfo).port,
  });
  const answer = await sendPieces(daemon, ["a"], {}, { "x-mine": "1" });
  t.deepEqual(seen[0], { "x-mine": "1", "x-seen": "yes" });
  t.deepEqual(answer.trailers, { "x-sum": "7", "x-seen": "yes" });
  t.is(answer.body, "ANSWER");
  await sendPieces(daemon, ["a"], { "x-trailer": "add" });
  t.deepEqual(seen[1], { "x-added": "behind" });
});

filterTest("a client of HTTP/1.0 gets neither chunks nor trailers; pipelined and following requests are not disturbed", async (t) => {
  const { port } = await start(t);
  const old = new Wire(port);
  old.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
  await old.closed;
  t.notRegex(old.text, /transfer-encoding/i);
  t.is(old.text.split("\r\n\r\n")[1], old.text.split("\r\n\r\n")[1]!.toUpperCase());
  const wire = new Wire(port);
  wire.send(
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nonePOST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
  );
  await wire.closed;
  t.is(wire.text.match(/HTTP\/1\.1 200/g)?.length, 3, wire.text);
});

filterTest("Expect: 100-continue is answered where the head waits for the body", async (t) => {
  const { origin, port } = await start(t);
  const sent = request({
    host: "127.0.0.1",
    port,
    method: "POST",
    headers: { expect: "100-continue", "content-length": "4", "x-body": "whole" },
  });
  const done = new Promise((resolve, reject) => sent.on("response", resolve).on("error", reject));
  await new Promise((resolve) => sent.on("continue", resolve).flushHeaders());
  sent.end("body");
  await done;
  t.is(origin.asked[0]!.body, "begin body end");
});

/** Sends pieces in chunks, each when the filter has seen the one before. @param ending Trailers; "never" does not wait for the filter either. */
async function sendPieces(
  daemon: InProcessNicd,
  pieces: readonly string[],
  headers: Readonly<Record<string, string>>,
  ending: Readonly<Record<string, string>> | "never" = {},
): Promise<{ readonly status: number; readonly body: string; readonly trailers: unknown }> {
  const calls = async (): Promise<number> => (await daemon.status()).filters![0]!.calls;
  // One of the head, then one of each piece.
  let wanted = (await calls()) + 1;
  const sent = request({
    host: "127.0.0.1",
    port: daemon.port,
    method: "POST",
    headers: { ...headers, "transfer-encoding": "chunked" },
  });
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string; trailers: unknown }>();
  sent.on("error", reject).on("response", (response) => {
    let body = "";
    response.on("data", (part) => {
      body += part;
    });
    response.on("end", () => resolve({ status: response.statusCode!, body, trailers: { ...response.trailers } }));
  });
  for (const piece of pieces) {
    sent.write(piece);
    wanted++;
    if (ending !== "never") await until("the filter has seen the piece", async () => (await calls()) >= wanted);
  }
  if (ending === "never") return promise.finally(() => sent.destroy());
  sent.addTrailers(ending);
  sent.end();
  return promise;
}
