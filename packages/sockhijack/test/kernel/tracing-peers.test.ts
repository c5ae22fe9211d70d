/** Tracing beside what it must not touch, and across nodes. @module */
import { chmodSync } from "node:fs";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Namespace } from "./support/namespace.ts";
import { Sandbox } from "./support/sandbox.ts";
import { listening, nginx, python } from "./support/servers.ts";

const traced = { tracing: "header" } as const;
const curl = (...args: string[]): string[] => ["curl", "-sS", "--max-time", "10", ...args];

kernelTest("two nodes: each tells its own span, the traceparent between them joins these; side-band changes no byte", async (t) => {
  const [near, far] = [new Sandbox(t), new Sandbox(t)];
  const [a, b] = [await Namespace.make(near), await Namespace.make(near)];
  a.connect(b, { own: "10.94.0.1/30", others: "10.94.0.2/30", device: "eth0" });
  const services = (mode: string): string =>
    `version: 1\nservices:\n  client: { tracing: header }\n  beside: { tracing: side-band }\n  web: { ports: ["80:8080"], tracing: ${mode}, replicas: [{ address: 10.94.0.1 }] }\n`;
  await far.daemon({ mesh: services("header").replace(/, replicas.*\]/, ""), within: a });
  await near.daemon({ mesh: services("header"), within: b });
  const server = `location /echo { return 200 "$http_traceparent|$request_length\\n"; }`;
  far.run("web", nginx(far, { name: "web", port: 8080, server }), { within: a });
  await far.serving("web");
  const out = await near.run("client", curl("http://web.mesh/echo/1", "http://web.mesh/echo/2"), { within: b }).succeeded();
  const [asked, answered] = [await near.exchanges("web", 2), await far.exchanges("web", 2)];
  for (const [index, line] of out.trim().split("\n").entries()) {
    const [client, server] = [asked[index]!, answered[index]!];
    t.is(line, `00-${client.traceId}-${client.clientSpanId}-01|${client.requestBytes}`);
    t.like(client, { client: { here: true }, server: { service: "web", here: false }, readNs: null });
    t.like(server, { client: { service: "", here: false }, server: { here: true } });
    t.like(server, { traceId: client.traceId, parentSpanId: client.clientSpanId, requestBytes: client.requestBytes, status: 200 });
  }
  const beside = await near.run("beside", curl("http://web.mesh/echo/3"), { within: b }).succeeded();
  t.regex(beside, /^\|\d+\n$/);
  const last = (await near.exchanges("web", 3)).at(-1)!;
  t.like(last, { target: "/echo/3", injected: false, client: { service: "beside" } });
  const served = (await far.exchanges("web", 3)).at(-1)!;
  t.like(served, { target: "/echo/3", traceId: last.traceId, parentSpanId: last.clientSpanId, requestBytes: last.requestBytes });
  // Header mode cannot give a blocking client's requests a header: they are in one trace all the same.
  const blocking = `import urllib.request; print(urllib.request.urlopen("http://web.mesh/echo/4").read().decode())`;
  t.regex(await near.run("client", [python, "-c", blocking], { within: b }).succeeded(), /^\|/);
  const [fromBlocking, toWeb] = [(await near.exchanges("web", 4)).at(-1)!, (await far.exchanges("web", 4)).at(-1)!];
  t.like(fromBlocking, { target: "/echo/4", injected: false, client: { service: "client" } });
  t.like(toWeb, { target: "/echo/4", traceId: fromBlocking.traceId, parentSpanId: fromBlocking.clientSpanId, link: "side-band" });
});

kernelTest("two nodes, side-band: a proxy's request on the far node is in the trace of the request that it proxies", async (t) => {
  const [near, far] = [new Sandbox(t), new Sandbox(t)];
  const [a, b] = [await Namespace.make(near), await Namespace.make(near)];
  a.connect(b, { own: "10.95.0.1/30", others: "10.95.0.2/30", device: "eth0" });
  const services = (replicas: string): string =>
    `version: 1\nservices:\n  client: { tracing: side-band }\n  front: { ports: [8081], tracing: side-band }\n  web: { ports: ["80:8080"], tracing: side-band${replicas} }\n`;
  await far.daemon({ mesh: services(""), within: a });
  await near.daemon({ mesh: services(", replicas: [{ address: 10.95.0.1 }]"), within: b });
  far.run("web", nginx(far, { name: "web", port: 8080, server: `location / { return 200 "$http_traceparent|$request_length\n"; }` }), {
    within: a,
  });
  await far.serving("web");
  const server = "location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; }";
  const http = "upstream up { server 10.95.0.1:8080; keepalive 2; }";
  near.run("front", nginx(near, { name: "front", port: 8081, server, http }), { within: b });
  await near.serving("front");
  const body = near.file("body", "x".repeat(5000));
  const urls = ["1", "2", "3"].map((n) => `http://front.mesh:8081/${n}`);
  const out = await near.run("client", curl(...urls, "--data-binary", `@${body}`), { within: b }).succeeded();
  t.regex(out, /^(\|\d+\n){3}$/); // no header
  const told = await near.exchanges("front", 3);
  const to = (name: string): typeof told => told.filter(({ server }) => server.service === name);
  const [asked, proxied, served] = [to("front"), to("web"), await far.exchanges("web", 3)];
  for (const index of [0, 1, 2]) {
    t.like(proxied[index], { traceId: asked[index]!.traceId, parentSpanId: asked[index]!.serverSpanId, link: "thread" });
    t.like(served[index], { traceId: asked[index]!.traceId, parentSpanId: proxied[index]!.clientSpanId, sampled: true, link: "side-band" });
  }
  t.is(new Set(asked.map(({ traceId }) => traceId)).size, 3);
});

kernelTest(
  "two nodes, header: what a proxy with a header of ours has not read yet it can count, and a long answer comes through",
  async (t) => {
    const [near, far] = [new Sandbox(t), new Sandbox(t)];
    const [a, b] = [await Namespace.make(near), await Namespace.make(near)];
    a.connect(b, { own: "10.96.0.1/30", others: "10.96.0.2/30", device: "eth0" });
    const services = "version: 1\nservices:\n  client: { tracing: header }\n  front: { ports: [8081], tracing: header }\n";
    await near.daemon({ mesh: services, within: b });
    await far.daemon({ mesh: "version: 1\nservices:\n  web: { ports: [8080] }\n", within: a });
    const answer = Buffer.alloc(300_000, "0123456789abcdef\n");
    far.file("long", answer);
    chmodSync(far.directory, 0o755); // for nginx's worker
    far.run("web", nginx(far, { name: "web", port: 8080, server: `location / { root ${far.directory}; }` }), { within: a });
    await far.serving("web");
    // nginx asks FIONREAD after each full buffer, and waits for the next event when it is told 0.
    const server = "location / { proxy_pass http://10.96.0.1:8080; proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k; }";
    near.run("front", nginx(near, { name: "front", port: 8081, server }), { within: b });
    await near.serving("front");
    for (let round = 0; round < 5; round++)
      t.is(await near.run("client", curl("http://127.0.0.1:8081/long"), { within: b }).succeeded(), answer.toString());
    const asked = (await near.exchanges("front", 5)).at(-1)!;
    t.true(asked.injected);

    const count = `import array, fcntl, socket, termios, time
sock = socket.socket(); sock.setblocking(False)
try: sock.connect(("10.96.0.1", 8080))
except BlockingIOError: pass
while True:
    try: sock.send(b"GET /long HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n"); break
    except BlockingIOError: time.sleep(.01)
had, there = -1, array.array("i", [0])
while there[0] == 0 or there[0] != had:
    had = there[0]; time.sleep(.2); fcntl.ioctl(sock, termios.FIONREAD, there)
print(there[0] > 10000, len(sock.recv(1 << 20, socket.MSG_PEEK)) == there[0])
`;
    t.is(await near.run("client", [python, "-c", count], { within: b }).succeeded(), "True True\n");
  },
);

kernelTest("redis, its inline commands too, is opaque: no byte changes, and its flow is redirected all the same", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const server = sandbox.run(`db:${port}`, ["redis-server", "--port", String(port), "--save", "", "--dir", sandbox.directory], traced);
  await listening(port, "127.0.0.1", server);
  await sandbox.serving("db");
  const script = `import socket
s = socket.create_connection(("127.0.0.1", ${port}), 10)
s.settimeout(10)
for line in (b"SET k GET-HTTP/1.1\\r\\n", b"GET k\\r\\n"):
    s.sendall(line); print(s.recv(100))`;
  const inline = await sandbox.run("client", [python, "-c", script], traced).succeeded();
  t.is(inline, "b'+OK\\r\\n'\nb'$12\\r\\nGET-HTTP/1.1\\r\\n'\n");
  const load = ["redis-benchmark", "-p", String(port), "-c", "8", "-n", "200000", "-t", "set,get", "-P", "4", "--csv"];
  const bench = sandbox.run("client", load, traced);
  await sandbox.awaitFlows({ from: "client", to: "db", state: "redirected" }, 4);
  t.regex(await bench.succeeded(), /"SET"[\s\S]*"GET"/);
  const { counters } = await sandbox.status();
  t.true(counters.opaque_not_http! >= 9);
  t.like(counters, { requests: 0, injected: 0 });
});

kernelTest("TLS is never touched: curl over https, its records intact, opaque", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const [key, certificate] = ["key.pem", "cert.pem"].map((name) => sandbox.file(name, ""));
  const subject = ["-subj", "/CN=web.mesh", "-addext", "subjectAltName=DNS:web.mesh", "-days", "2"];
  await sandbox
    .spawn([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      key!,
      "-out",
      certificate!,
      ...subject,
    ])
    .succeeded();
  const tls = `listen ${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key}; location /echo { return 200 "$http_traceparent|$request_length\\n"; }`;
  const server = sandbox.run(`web:443:${port}`, nginx(sandbox, { name: "web", port: await freePort(), server: tls, user: "root" }), traced);
  await listening(port, "127.0.0.1", server);
  await sandbox.serving("web");
  const out = await sandbox.run("client", curl("--cacert", certificate!, "https://web.mesh/echo"), traced).succeeded();
  t.regex(out, /^\|\d+\n$/);
  t.like((await sandbox.status()).counters, { requests: 0, injected: 0, opaque_not_http: 1 });
});

kernelTest("an upgrade ends tracing of its connection: what looks like a request in the other protocol stays as it is", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const server = `import socket
listener = socket.create_server(("127.0.0.1", ${port})); print("up", flush=True)
c, _ = listener.accept()
head = b""
while not head.endswith(b"\\r\\n\\r\\n"): head += c.recv(4096)
c.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n")
while data := c.recv(4096): c.sendall(data)`;
  const client = `import socket, sys
s = socket.create_connection(("127.0.0.1", ${port}), 10); s.settimeout(10)
s.sendall(b"GET /chat HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: echo\\r\\nConnection: Upgrade\\r\\n\\r\\n")
head = b""
while not head.endswith(b"\\r\\n\\r\\n"): head += s.recv(4096)
inner = b"GET /inner HTTP/1.1\\r\\nHost: y\\r\\n\\r\\n"
for _ in range(3):
    s.sendall(inner)
    got = b""
    while len(got) < len(inner): got += s.recv(4096)
    assert got == inner, got
print("same")`;
  const program = sandbox.run(`chat:${port}`, [python, "-c", server], traced);
  await program.says(/up/);
  t.is(await sandbox.run("client", [python, "-c", client], traced).succeeded(), "same\n");
  const exchanges = await sandbox.exchanges("chat");
  t.is(exchanges.length, 1);
  t.like(exchanges[0], { status: 101, target: "/chat", injected: true });
  t.like((await sandbox.status()).counters, { requests: 1, opaque_upgraded: 1 });
});

kernelTest("a head sent in parts is never held back; one that ends inside its last CRLF is left alone and counted", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const echo = `location /echo { return 200 "$http_traceparent|$request_length\\n"; }`;
  sandbox.run(`web:80:${port}`, nginx(sandbox, { name: "web", port, server: echo }), traced);
  await sandbox.serving("web");
  const client = `import socket
head = b"GET /echo HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n"
s = socket.create_connection(("127.0.0.1", ${port}), 10); s.settimeout(10); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for cut in range(1, len(head)):
    s.sendall(head[:cut]); s.sendall(head[cut:])
    answer = b""
    while not answer.endswith(b"\\n") or answer.endswith(b"\\r\\n"): answer += s.recv(4096)
    print(len(head) - cut, answer.split(b"\\r\\n\\r\\n")[1].decode().strip())`;
  const out = await sandbox.run("client", [python, "-c", client], traced).succeeded();
  const lines = out
    .trim()
    .split("\n")
    .map((line) => line.split(" ") as [string, string]);
  t.is(lines.length, 32);
  for (const [left, seen] of lines) {
    if (left === "1") t.is(seen, "|33", "one byte of the last CRLF had gone before");
    else t.regex(seen, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01\|103$/, `${left} bytes in the second part`);
  }
  t.like((await sandbox.status()).counters, { requests: 32, injected: 31, not_injected: 1 });
});

kernelTest("an injection that fails half-way is taken back: the stream is byte for byte what was sent, and it is counted", async (t) => {
  const faulty = new URL("support/inject-fault.ts", import.meta.url).pathname;
  const sandbox = new Sandbox(t, { command: () => [process.execPath, faulty] });
  await sandbox.daemon();
  const port = await freePort();
  const server = `import socket
listener = socket.create_server(("127.0.0.1", ${port})); print("up", flush=True)
c, _ = listener.accept()
got = b""
while data := c.recv(65536):
    got += data
    if data.endswith(b"end"): c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
print(got.hex(), flush=True)`;
  const client = `import socket
s = socket.create_connection(("127.0.0.1", ${port}), 10); s.settimeout(10)
sent = b""
for n in range(40):
    body = b"x" * (n * 397) + b"end"
    one = b"POST /%d HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n" % (n, len(body)) + body
    s.sendall(one); sent += one
    s.recv(4096)
s.close()
print(sent.hex())`;
  const program = sandbox.run(`web:${port}`, [python, "-c", server], traced);
  await program.says(/up/);
  const sent = await sandbox.run("client", [python, "-c", client], traced).succeeded();
  t.is((await program.ended).stdout, `up\n${sent}`);
  t.like((await sandbox.status()).counters, { requests: 40, injected: 0, not_injected: 40, opaque_gap: 0 });
});
