import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { Client } from "../data-plane/rig.ts";
import { echoPlane, temporaryFolder } from "./echo-plane.ts";

const program = fileURLToPath(new URL("fd-echo.ts", import.meta.url));

test("listen() takes a TCP socket by its descriptor", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit", fd] });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  server.close();
  const client = new Client(connect(port, "127.0.0.1"));
  client.socket.write("ping");
  await client.until(8);
  t.is(client.text, "tcp ping");
  client.socket.end();
  t.deepEqual(await once(child, "exit"), [0, null]);
});

test("listen() takes a Unix socket of systemd, and leaves its file there", async (t) => {
  const activate = "/usr/bin/systemd-socket-activate";
  if (!existsSync(activate)) {
    t.log("skipped: no systemd-socket-activate");
    t.pass();
    return;
  }
  const path = join(await temporaryFolder(t), "mqtt.sock");
  const child = spawn(activate, ["-l", path, process.execPath, program], { stdio: ["ignore", "inherit", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  // "Listening on … as 3."
  await once(child.stderr, "data");
  child.stderr.resume();
  const client = new Client(connect(path));
  client.socket.write("ping");
  await client.until(9);
  t.is(client.text, "unix ping");
  client.socket.end();
  t.deepEqual(await once(child, "exit"), [0, null]);
  t.true((await stat(path)).isSocket());
});

test("listen() says clearly why it cannot, with ERR_LISTEN and a hint", async (t) => {
  const { listen } = await echoPlane(t);
  const folder = await temporaryFolder(t);
  const file = await open(join(folder, "file"), "w");
  t.teardown(() => file.close());
  const wrong = [
    [{ address: "192.0.2.1" }, /cannot listen on 192\.0\.2\.1:0 \(listener test\).*EADDRNOTAVAIL/, /no interface/],
    [{ address: undefined, fd: file.fd }, /cannot listen on file descriptor \d+/, /ListenStream/],
    [{ address: undefined, path: folder }, /a folder is in the way/, /left as it is/],
    [{ address: undefined, path: join(folder, "x".repeat(120)) }, /cannot listen on /, /107 bytes|another/],
    [{ address: undefined, path: join(folder, "none", "s") }, /cannot listen on /, /./],
  ] as const;
  for (const [config, why, hint] of wrong) {
    const error = await t.throwsAsync(listen(config), { code: "ERR_LISTEN" });
    t.regex(error?.message ?? "", why);
    t.regex((error as Error & { hint?: string }).hint ?? "", hint);
  }
});

test("a closed listener ends the connections that do not speak MQTT yet", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ proxyProtocol: true });
  const staged = new Client(connect(bound.port, "127.0.0.1"));
  staged.socket.write("PROXY");
  const opened = new Client(connect(bound.port, "127.0.0.1"));
  opened.socket.write("PROXY UNKNOWN\r\nping");
  await opened.until(4);
  await bound.close();
  await staged.closed;
  opened.socket.write("pong");
  await opened.until(8);
  t.is(opened.text, "pingpong");
  opened.socket.destroy();
});
