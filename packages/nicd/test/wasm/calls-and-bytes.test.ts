/** Filters in WebAssembly that call services before a request goes on, and those on connections that are no HTTP. */

import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, Wire } from "../daemon/support/ask.ts";
import { Origin } from "../daemon/support/origin.ts";
import { compiled, filterTest } from "./compiled.ts";
import { startFiltered } from "./filtered.ts";

filterTest(
  "a filter asks a service of the mesh and goes on with its answer, or answers itself; a request's body waits meanwhile",
  async (t) => {
    const origin = await Origin.start(t, "served");
    let says = "yes";
    let mayAnswer: () => Promise<unknown> = async () => {};
    const auth = await Origin.start(t, "auth", (_, response) => void mayAnswer().finally(() => response.end(says)));
    const daemon = await startFiltered(t, {
      filters: [`call: { module: ${compiled("calls")} }`, `small: { module: ${compiled("calls")}, limits: { body: 1KiB } }`],
      uses: "call",
      port: origin.port,
      services: [
        `auth: { ports: [80], replicas: [{ address: 127.0.0.1, port: ${auth.port} }] }`,
        `shy: { ports: [80], filters: [small], replicas: [{ address: 127.0.0.2, port: 1 }] }`,
      ],
      listen: ["shy"],
    });
    const body = "b".repeat(100_000);
    for (const stop of ["", "x-stop: 3\r\n"]) {
      const wire = new Wire(daemon.port);
      mayAnswer = () => until("the body is all sent", () => wire.socket.writableLength === 0);
      wire.send(`POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${stop}content-length: ${body.length}\r\n\r\n${body}`);
      await wire.closed;
      t.regex(wire.text, /^HTTP\/1\.1 200 [\s\S]*served/);
      t.like(origin.asked.at(-1), { body });
      t.like(origin.asked.at(-1)!.headers, { "x-auth": "yes", "x-auth-status": "200" });
    }
    t.like(auth.asked[0], { method: "GET", url: "/check" });
    t.like(auth.asked[0]!.headers, { host: "auth", "x-from": "filter" });
    // The head is stopped, and its body gathered beyond the limit, however long the service takes.
    const long = ask(daemon.ports[1]!, "/", { method: "POST", body, headers: { "x-stop": "3" } });
    mayAnswer = () => long;
    t.is((await long).status, 413);
    mayAnswer = async () => {};
    says = "no";
    t.like(await ask(daemon.port), { status: 401, body: "denied" });
    t.is((await ask(daemon.port, "/", { headers: { "x-to": "nobody" } })).status, 200);
    t.is(origin.asked.at(-1)!.headers["x-status"], "2");
  },
);

filterTest(
  "a call that takes too long is answered 504, one that fails has no answer; a trap in its answer does not hang the request",
  async (t) => {
    const origin = await Origin.start(t, "served");
    let answers: "late" | "trap" = "late";
    const auth = await Origin.start(t, "auth", (_, response) => void (answers === "trap" && response.end("trap")));
    const daemon = await startFiltered(t, {
      filters: [`call: { module: ${compiled("calls")} }`],
      uses: "call",
      port: origin.port,
      services: [`auth: { ports: [80], replicas: [{ address: 127.0.0.1, port: ${auth.port} }] }`],
      web: "routes: [{ match: { path: /short }, timeout: 300ms }]",
    });
    await ask(daemon.port, "/", { headers: { "x-late": "1" } });
    t.like(origin.asked[0]!.headers, { "x-auth": "upstream request timeout", "x-auth-status": "504" });
    t.is((await ask(daemon.port, "/short", { headers: { "x-never": "1" } })).status, 504);
    answers = "trap";
    const waits = ask(daemon.port, "/", { headers: { "x-never": "1" } });
    await until("the filter has it", async () => (await daemon.status()).filters![0]!.open === 1);
    const failed = await ask(daemon.port);
    t.is(failed.status, 500);
    t.is((await waits).status, 500, "one that waits for the same machine is told as well");
  },
);

filterTest("a filter calls a service of the mesh by gRPC: one message, a stream, an error, and nobody there", async (t) => {
  const origin = await Origin.start(t, "served");
  const asked: string[] = [];
  const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]);
  const echo = createHttp2Server();
  echo.on("stream", (stream: ServerHttp2Stream, headers) => {
    let body = Buffer.alloc(0);
    asked.push(`${headers[":path"]} ${headers["x-from"]}`);
    stream.on("data", (part: Buffer) => {
      body = Buffer.concat([body, part]);
    });
    stream.on("end", () => {
      const texts: string[] = [];
      for (let at = 0; at < body.length; at += 5 + body.readUInt32BE(at + 1))
        texts.push(body.toString("utf8", at + 5, at + 5 + body.readUInt32BE(at + 1)));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": headers[":path"] === "/test.Echo/Talk" ? "7" : "0" }));
      for (const text of texts) stream.write(frame(`<${text}>`));
      stream.end();
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  t.teardown(() => echo.close());
  const daemon = await startFiltered(t, {
    filters: [`grpc: { module: ${compiled("grpc")} }`],
    uses: "grpc",
    port: origin.port,
    services: [`echo: { ports: [80], replicas: [{ address: 127.0.0.1, port: ${(echo.address() as AddressInfo).port} }] }`],
  });
  await ask(daemon.port);
  t.like(origin.asked[0]!.headers, { "x-got": "<hello>", "x-code": "0" });
  await ask(daemon.port, "/", { headers: { "x-stream": "1" } });
  t.like(origin.asked[1]!.headers, { "x-got": "<one><two>", "x-code": "7" });
  t.deepEqual(asked, ["/test.Echo/Say filter", "/test.Echo/Talk filter"]);
  await new Promise<void>((resolve) => void echo.close(() => resolve()));
  await ask(daemon.port);
  t.is(origin.asked[2]!.headers["x-code"], "4", "14: unavailable; the filter writes the last digit");
});

const connection = async (
  t: ExecutionContext,
  port: number,
): Promise<{ readonly socket: Socket; readonly text: () => string; readonly closed: Promise<unknown> }> => {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  t.teardown(() => socket.destroy());
  let text = "";
  socket.on("data", (part) => {
    text += part.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, text: () => text, closed };
};

filterTest("a filter changes a connection's bytes both ways, waits for a whole line, and closes it; a trap ends it", async (t) => {
  const seen: string[] = [];
  const server = createServer((socket) => {
    // nicd in this process leaves its end open, should the test fail on the way.
    t.teardown(() => socket.destroy());
    socket
      .on("error", () => {})
      .on("data", (part) => {
        seen.push(part.toString());
        socket.write("ok");
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const daemon = await startFiltered(t, {
    filters: [`tcp: { module: ${compiled("tcp")} }`],
    uses: "tcp",
    port: (server.address() as AddressInfo).port,
    web: "protocol: tcp",
  });
  const calls = async (): Promise<number> => (await daemon.status()).filters![0]!.calls;
  const before = await calls();
  const first = await connection(t, daemon.port);
  first.socket.write("half a ");
  await until("the filter has seen it", async () => (await calls()) >= before + 2);
  t.deepEqual(seen, []);
  first.socket.write("line\n");
  await until("the answer is there", () => first.text() === "ok!");
  t.deepEqual(seen, ["HALF A LINE\n"]);
  first.socket.end();
  await until("the filter was told", () => /text="?client closed/.test(daemon.log));
  t.regex(daemon.log, /text="?new connection/);
  const second = await connection(t, daemon.port);
  second.socket.write("quit\n");
  await second.closed;
  const third = await connection(t, daemon.port);
  third.socket.write("trap\n");
  await third.closed;
  t.is(seen.length, 1);
  t.is((await daemon.status()).filters![0]!.traps, 1);
});
