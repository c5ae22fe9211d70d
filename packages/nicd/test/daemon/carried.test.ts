/** Connections that are no HTTP/1.1: who speaks first, and who is only slow. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { Wire } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";

/** A TCP server until the test ends; `sockets` are its connections. */
async function tcpServer(
  t: ExecutionContext,
  onSocket: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const mesh = (service: string): string => `version: 1\nservices:\n  web: ${service}\n`;

async function flagsOf(daemon: InProcessNicd): Promise<string[]> {
  return [...(await daemon.metrics()).matchAll(/^istio_tcp_connections_closed_total\{[^}]*response_flags="([^"]*)"[^}]*\} [1-9]/gm)].map(
    ([, flags]) => flags!,
  );
}

test("a server that speaks first is heard, and both directions flow to their ends", async (t) => {
  const server = await tcpServer(t, (socket) => {
    socket.write("220 hello\r\n");
    socket.on("data", (part) => socket.write(`you said ${part}`));
    socket.on("end", () => socket.end("bye\r\n"));
  });
  const daemon = await InProcessNicd.start(t, { mesh: mesh(`{ ports: [25], replicas: ${replicas(server)} }`), listen: ["web"] });
  const client = new Wire(daemon.port);
  await until("greeted", () => client.text === "220 hello\r\n");
  client.send("HELO x\r\n");
  await until("answered", () => client.text.endsWith("you said HELO x\r\n"));
  client.end();
  await client.closed;
  t.true(client.text.endsWith("bye\r\n"));
  await until("counted", async () => (await flagsOf(daemon)).includes("-"));
  const text = await daemon.metrics();
  t.regex(text, /^istio_tcp_connections_opened_total\{reporter="source",source_workload="unknown",.*destination_service="web".*\} 1$/m);
  t.regex(text, new RegExp(`^istio_tcp_received_bytes_total\\{.*\\} ${"HELO x\r\n".length}$`, "m"));
  t.deepEqual((await daemon.status()).spoken, { tcp: 1 });
});

test("a client that is silent at first is served as HTTP when it speaks, by routes and all; its replica's connection is left", async (t) => {
  const [a, b] = [await Origin.start(t, "a"), await Origin.start(t, "b")];
  const quiet = await tcpServer(t, () => {});
  const text = `version: 1\nservices:\n  web: { ports: [80], replicas: ${replicas(quiet)}, routes: [{ match: { path: /a }, to: a }, { match: { path: /b }, to: b }] }\n  a: { ports: [80], replicas: ${replicas(a)} }\n  b: { ports: [80], replicas: ${replicas(b)} }\n`;
  const daemon = await InProcessNicd.start(t, { mesh: text, listen: ["web"] });
  const client = new Wire(daemon.port);
  const [, ended] = await Promise.all([until("the server was connected to", () => quiet.sockets[0]), Promise.resolve()]).then(
    ([socket]) => [socket, once(socket!, "end")],
  );
  quiet.sockets[0]!.resume();
  client.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("answered", () => client.text.endsWith("b"));
  await ended;
  t.deepEqual((await daemon.status()).spoken, { http1: 1 });
  t.deepEqual(await flagsOf(daemon), []);
  const { clusters } = await daemon.call((each) => each.call("clusters", {}));
  t.is(clusters.find(({ service }) => service === "web")!.inFlight, 0);
});

test("a request in pieces with long pauses between them is a request: no route and no rule is got round by being slow", async (t) => {
  const origin = await Origin.start(t, "a");
  const text = `version: 1\nservices:\n  web: { ports: [80], replicas: ${replicas(origin)}, routes: [{ match: { path: /admin }, respond: { status: 403 } }] }\n`;
  const daemon = await InProcessNicd.start(t, { mesh: text, listen: ["web"] });
  const client = new Wire(daemon.port);
  const pieces = ["G", "ET /ad", "min HTTP/1.1\r\n", "Host: x\r\n\r\n"];
  for (const piece of pieces) {
    client.send(piece);
    // Longer than nicd waits for a client that is silent; nothing tells that it did nothing meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  await until("answered", () => client.text.startsWith("HTTP/1.1 403"));
  t.is(origin.asked.length, 0);
});

test("a client that says nothing and goes, before and after its server was connected to", async (t) => {
  const server = await tcpServer(t, (socket) => socket.on("end", () => socket.end()).resume());
  const daemon = await InProcessNicd.start(t, { mesh: mesh(`{ ports: [25], replicas: ${replicas(server)} }`), listen: ["web"] });
  const early = new Wire(daemon.port);
  await once(early.socket, "connect");
  early.end();
  await early.closed;
  const late = new Wire(daemon.port);
  await until("the server was connected to", () => server.sockets.length === 1);
  late.end();
  await late.closed;
  const broken = new Wire(daemon.port);
  await until("the server was connected to", () => server.sockets.length === 2);
  broken.socket.resetAndDestroy();
  await until("nothing is left", async () => {
    const { connections } = await daemon.status();
    const { clusters } = await daemon.call((each) => each.call("clusters", {}));
    return connections.tcp === 0 && clusters[0]!.inFlight === 0;
  });
  t.pass();
});

test("`protocol: tcp` looks at nothing: a request passes as bytes", async (t) => {
  const server = await tcpServer(t, (socket) => socket.once("data", (part) => socket.end(`raw ${part.length}`)));
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(`{ ports: [80], protocol: tcp, replicas: ${replicas(server)} }`),
    listen: ["web"],
  });
  const client = new Wire(daemon.port);
  client.send("GET / HTTP/1.1\r\n\r\n");
  await client.closed;
  t.is(client.text, "raw 18");
});

test("a replica that cannot be reached resets a client that speaks something else, as UF", async (t) => {
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(`{ ports: [80], protocol: tcp, replicas: ${replicas({ port: 1 })} }`),
    listen: ["web"],
  });
  const client = new Wire(daemon.port);
  await client.closed;
  t.true(client.broken);
  await until("counted", async () => (await flagsOf(daemon)).includes("UF"));
});

test("a long stream of bytes keeps its order, and a slow reader holds its writer up", async (t) => {
  const total = 32 * 1024 * 1024;
  let received = 0;
  const server = await tcpServer(t, (socket) => {
    const block = Buffer.alloc(64 * 1024);
    let sent = 0;
    const write = (): void => {
      while (sent < total) {
        for (let at = 0; at < block.length; at += 4) block.writeUInt32LE((sent + at) / 4, at);
        sent += block.length;
        if (!socket.write(Buffer.from(block))) return;
      }
      socket.end();
    };
    socket.on("drain", write);
    write();
  });
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(`{ ports: [80], protocol: tcp, replicas: ${replicas(server)} }`),
    listen: ["web"],
  });
  const client = new Wire(daemon.port);
  client.socket.removeAllListeners("data");
  client.socket.pause();
  let rest = Buffer.alloc(0);
  let inOrder = true;
  await until("the writer waits", () => {
    const [socket] = server.sockets;
    return socket?.writableNeedDrain;
  });
  const heldBack = server.sockets[0]!.bytesWritten;
  client.socket.on("data", (part) => {
    const bytes = Buffer.concat([rest, part]);
    const whole = bytes.length - (bytes.length % 4);
    for (let at = 0; at < whole; at += 4) inOrder &&= bytes.readUInt32LE(at) === (received + at) / 4;
    received += whole;
    rest = bytes.subarray(whole);
  });
  client.socket.resume();
  await client.closed;
  t.is(received, total);
  t.true(inOrder);
  t.true(heldBack < total / 2, `${heldBack} bytes were taken of a writer whose reader does not read`);
});
