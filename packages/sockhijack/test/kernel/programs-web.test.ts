/** Web servers, proxies and clients as they are shipped, coupled where their sockets allow it: every answer checked. @module */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { needs } from "./support/needs.ts";
import { Sandbox } from "./support/sandbox.ts";
import { bodyOf, listening, python, startNginx } from "./support/servers.ts";
import { flawless, Load } from "./support/wrk.ts";

const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Loads a server that answers {@link bodyOf} its service's name, until all connections are as expected; then for `requests` more. */
async function loaded(
  t: ExecutionContext,
  sandbox: Sandbox,
  {
    state,
    reason,
    service = "web",
    connections = 8,
  }: { state?: "redirected" | "tcp"; reason?: string; service?: string; connections?: number },
): Promise<void> {
  const load = new Load(sandbox, { url: `http://${service}.mesh/`, body: bodyOf(service), connections });
  const seen = await sandbox.awaitFlows({ from: "client", to: service, ...(state && { state }), ...(reason && { reason }) }, connections);
  t.true(seen.length >= connections);
  await sandbox.awaitBytes({ from: "client", to: service }, 100_000);
  const report = await load.report();
  t.like(report, flawless, report.text);
  t.true(report.requests > 100, report.text);
}

for (const sendfile of ["on", "off"]) {
  kernelTest(
    `nginx with sendfile ${sendfile}: wrk redirected; curl fetches 20 MB and 2 KB files whole, again and again on one connection`,
    async (t) => {
      const sandbox = new Sandbox(t);
      const files = [2_000, 20_000_000, 70_000, 1].map((size, index) => ({ name: `file-${index}`, data: randomBytes(size) }));
      for (const { name, data } of files) sandbox.file(`files/${name}`, data);
      await startNginx(sandbox, {
        server: `location /files/ { root ${sandbox.directory}; }`,
        http: `sendfile ${sendfile}; tcp_nopush on;`,
        user: "root",
      });
      await loaded(t, sandbox, { state: "redirected" });
      const wanted = [...files, ...files, ...files];
      const target = join(sandbox.directory, "fetched");
      mkdirSync(target);
      const urls = wanted.flatMap(({ name }, index) => ["-o", join(target, String(index)), `http://web.mesh/files/${name}`]);
      await sandbox.run("client", ["curl", "-sS", "--fail", ...urls]).succeeded();
      for (const [index, { data }] of wanted.entries()) t.is(digest(readFileSync(join(target, String(index)))), digest(data));
    },
  );
}

kernelTest("nginx takes a 20 MB upload of curl and gives its checksum back, through a proxy hop", async (t) => {
  const sandbox = new Sandbox(t);
  const data = randomBytes(20_000_000);
  const port = await freePort();
  const hashing = `import http.server, hashlib
class Hash(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        body = hashlib.sha256(self.rfile.read(int(self.headers["content-length"]))).hexdigest().encode()
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", ${port}), Hash).serve_forever()`;
  await listening(port, "127.0.0.1", sandbox.run(`hash:80:${port}`, [python, "-c", hashing]));
  await startNginx(sandbox, { server: `client_max_body_size 0; location /up { proxy_pass http://127.0.0.1:${port}; }`, user: "root" });
  const file = sandbox.file("upload", data);
  const answer = await sandbox.run("client", ["curl", "-sS", "--fail", "-T", file, "http://web.mesh/up"]).succeeded();
  t.is(answer, digest(data));
});

const haproxy = (sandbox: Sandbox, port: number, back: number, options: string): string[] => [
  needs("haproxy", "haproxy"),
  "-db",
  "-f",
  sandbox.file(
    "haproxy.cfg",
    `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${options}
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  http-reuse always
  server web 127.0.0.1:${back}
`,
  ),
];

kernelTest("HAProxy between wrk and nginx: both hops are redirected", async (t) => {
  const sandbox = new Sandbox(t);
  const { port: back } = await startNginx(sandbox, { service: "back", name: "proxy" });
  const port = await freePort();
  await listening(port, "127.0.0.1", sandbox.run(`proxy:80:${port}`, haproxy(sandbox, port, back, "")));
  await sandbox.serving("proxy");
  const load = new Load(sandbox, { url: "http://proxy.mesh/", body: bodyOf("proxy"), connections: 8 });
  await sandbox.awaitFlows({ from: "client", to: "proxy", state: "redirected" }, 8);
  await sandbox.awaitFlow({ from: "proxy", to: "back", state: "redirected" });
  const report = await load.report();
  t.like(report, flawless, report.text);
});

kernelTest("HAProxy that splices is left on TCP, and works", async (t) => {
  const sandbox = new Sandbox(t);
  const { port: back } = await startNginx(sandbox, { service: "back", name: "proxy" });
  const port = await freePort();
  await listening(
    port,
    "127.0.0.1",
    sandbox.run(`proxy:80:${port}`, haproxy(sandbox, port, back, "option splice-auto\n  option splice-response")),
  );
  await sandbox.serving("proxy");
  await loaded(t, sandbox, { service: "proxy", state: "tcp", reason: "splice" });
});

kernelTest("Node's http server: redirected; its own fetch() too", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const serving = `require("node:http").createServer((q, r) => r.end(${JSON.stringify(bodyOf("web"))})).listen(${port})`;
  await listening(port, "127.0.0.1", sandbox.run(`web:80:${port}`, [process.execPath, "-e", serving]));
  await sandbox.serving("web");
  await loaded(t, sandbox, { state: "redirected" });
  const asking = `(async () => { let n = 0, end = false; process.stdin.on("data", () => { end = true; });
while (!end) { const r = await fetch("http://web.mesh/"); if (await r.text() !== ${JSON.stringify(bodyOf("web"))}) throw new Error("wrong"); n++; }
console.log(n, "right"); process.exit(0); })()`;
  const client = sandbox.run("node-client", [process.execPath, "-e", asking], { input: "open" });
  await sandbox.awaitFlow({ from: "node-client", to: "web", state: "redirected" });
  client.child.stdin!.end("end");
  t.regex(await client.succeeded(), /^[1-9]\d* right$/m);
});

kernelTest("Python's http.server blocks: its flows stay on TCP, with the reason, and every file is whole", async (t) => {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const data = randomBytes(3_000_000);
  sandbox.file("www/file", data);
  const serving = [
    python,
    "-m",
    "http.server",
    String(port),
    "--bind",
    "127.0.0.1",
    "--protocol",
    "HTTP/1.1",
    "--directory",
    join(sandbox.directory, "www"),
  ];
  await listening(port, "127.0.0.1", sandbox.run(`web:80:${port}`, serving));
  await sandbox.serving("web");
  const target = join(sandbox.directory, "fetched");
  await sandbox.run("client", ["curl", "-sS", "--fail", "-o", target, "http://web.mesh/file"]).succeeded();
  t.is(digest(readFileSync(target)), digest(data));
  const idle = sandbox.run(
    "client",
    [
      python,
      "-c",
      `import socket, sys
s = socket.create_connection(("web.mesh", 80)); s.setblocking(False); print("up", flush=True); sys.stdin.read()`,
    ],
    { input: "open" },
  );
  await idle.says(/up/);
  const flow = await sandbox.awaitFlow({ from: "client", to: "web", state: "tcp", reason: "server-blocking" });
  t.regex((await sandbox.cli("explain", String(flow.client.port))).stdout, /the server's socket is blocking/);
});

kernelTest("a Go net/http server: redirected", async (t) => {
  const go = needs("go", "golang-go", ["/usr/local/go/bin"]);
  t.timeout(180_000);
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const source = sandbox.file(
    "server.go",
    `package main
import ("io"; "net/http")
func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, ${JSON.stringify(bodyOf("web"))}) })
	panic(http.ListenAndServe("127.0.0.1:${port}", nil))
}
`,
  );
  const binary = join(sandbox.directory, "server");
  await sandbox
    .spawn([go, "build", "-o", binary, source], {
      env: { GOFLAGS: "-mod=mod", GO111MODULE: "off", CGO_ENABLED: "0", HOME: process.env.HOME ?? "/root" },
    })
    .succeeded();
  await listening(port, "127.0.0.1", sandbox.run(`web:80:${port}`, [binary]));
  await sandbox.serving("web");
  await loaded(t, sandbox, { state: "redirected" });
});

kernelTest("a Java HttpServer: every answer is right", async (t) => {
  const java = needs("java", "default-jdk-headless");
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const source = sandbox.file(
    "Server.java",
    `import com.sun.net.httpserver.HttpServer;
public class Server {
  public static void main(String[] args) throws Exception {
    byte[] body = ${JSON.stringify(bodyOf("web"))}.getBytes();
    HttpServer server = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", ${port}), 128);
    server.createContext("/", exchange -> { exchange.sendResponseHeaders(200, body.length); exchange.getResponseBody().write(body); exchange.close(); });
    server.setExecutor(java.util.concurrent.Executors.newCachedThreadPool());
    server.start();
  }
}
`,
  );
  await listening(
    port,
    "127.0.0.1",
    sandbox.run(`web:80:${port}`, [java, "-Xmx64m", "-XX:TieredStopAtLevel=1", "-Dsun.net.httpserver.nodelay=true", source]),
  );
  await sandbox.serving("web");
  await loaded(t, sandbox, {});
});
