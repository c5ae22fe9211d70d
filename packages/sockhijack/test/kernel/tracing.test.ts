/** Tracing: what unmodified programs see of it, and that one request's way is one trace. @module */
import { createHash } from "node:crypto";
import type { TracedExchange } from "@mitsu/ipc";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Sandbox } from "./support/sandbox.ts";
import { listening, nginx, python } from "./support/servers.ts";
import { flawless, Load } from "./support/wrk.ts";

/** What the server got of each header that tracing knows, and the length of the request as it came. */
const echo = `location /echo { default_type text/plain; return 200 "$http_traceparent|$http_tracestate|$http_b3|$request_length\\n"; }`;
const curl = (...args: string[]): string[] => ["curl", "-sS", "--max-time", "10", ...args];

/** Starts nginx as the service web, which echoes. */
async function web(sandbox: Sandbox, tracing: "header" | "side-band" | "off", sampling = 1): Promise<number> {
  const port = await freePort();
  sandbox.run(`web:80:${port}`, nginx(sandbox, { name: "web", port, server: echo }), { tracing, sampling });
  await sandbox.serving("web");
  return port;
}

kernelTest("curl's very first request gets a traceparent; its span is the parent of what nginx sees, sizes are right", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox, "header");
  const out = await sandbox.run("client", curl("http://web.mesh/echo/one", "http://web.mesh/echo/two"), { tracing: "header" }).succeeded();
  const seen = out.trim().split("\n");
  const exchanges = await sandbox.exchanges("web", 2);
  for (const [index, line] of seen.entries()) {
    const [traceparent, , , length] = line.split("|");
    const x = exchanges[index]!;
    t.is(traceparent, `00-${x.traceId}-${x.serverSpanId}-01`);
    t.is(x.requestBytes, Number(length));
    t.like(x, { method: "GET", status: 200, link: "none", injected: true, parentSpanId: null, aborted: false });
    t.like(x.client, { service: "client", here: true });
    t.like(x.server, { service: "web", here: true });
    t.true(BigInt(x.startNs) <= BigInt(x.readNs!) && BigInt(x.readNs!) <= BigInt(x.firstNs!) && BigInt(x.firstNs!) <= BigInt(x.endNs));
  }
  t.deepEqual(
    exchanges.map(({ target }) => target),
    ["/echo/one", "/echo/two"],
  );
});

kernelTest("a traceparent of curl's own is continued: same trace, our span as the parent; tracestate and B3 stay", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox, "header");
  const [trace, parent] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const own = ["-H", `TraceParent: 00-${trace}-${parent}-01`, "-H", "tracestate: rojo=00f067aa0ba902b7", "-H", "b3: 0"];
  const out = await sandbox.run("client", curl(...own, "http://web.mesh/echo"), { tracing: "header" }).succeeded();
  const [x] = await sandbox.exchanges("web");
  t.like(x, { traceId: trace, parentSpanId: parent, link: "header", continued: true });
  const [traceparent, state, b3] = out.trim().split("|");
  t.deepEqual([traceparent, state, b3], [`00-${trace}-${x!.serverSpanId}-01`, "rojo=00f067aa0ba902b7", "0"]);
});

kernelTest("sampling 0 changes no byte, also of a request that has a traceparent; side-band neither, and tells its spans", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox, "header", 0);
  const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const none = await sandbox.run("quiet", curl("http://web.mesh/echo"), { tracing: "header", sampling: 0 }).succeeded();
  t.regex(none, /^\|\|\|\d+\n$/);
  const kept = await sandbox.run("quiet", curl("-H", `traceparent: ${own}`, "http://web.mesh/echo")).succeeded();
  t.is(kept.split("|")[0], own);
  const beside = await sandbox.run("beside", curl("http://web.mesh/echo"), { tracing: "side-band" }).succeeded();
  t.regex(beside, /^\|\|\|\d+\n$/);
  const exchanges = await sandbox.exchanges("web");
  t.like(exchanges.at(-1), { sampled: true, injected: false, client: { service: "beside" } });
  t.is(exchanges.length, 1, "the unsampled ones are told to metrics only");
  const { counters } = await sandbox.status();
  t.like(counters, { requests: 3, injected: 0, continued: 0 });
});

/** A program that asks web for each request it gets, with the same path. */
const pythonApp = (port: number): string[] => [
  python,
  "-c",
  `import http.server, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = urllib.request.urlopen("http://web.mesh/echo" + self.path).read()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()`,
];
const nodeApp = (port: number): string[] => [
  process.execPath,
  "-e",
  `const http = require("node:http"), agent = new http.Agent({ keepAlive: true });
http.createServer((request, response) => {
  http.get("http://web.mesh/echo" + request.url, { agent }, (answer) => answer.pipe(response));
}).listen(${port}, "127.0.0.1");`,
];

for (const [name, app] of [
  ["Python's threads", pythonApp],
  ["Node", nodeApp],
] as const) {
  kernelTest(`nginx as a proxy, ${name}, nginx: one request's way is one trace`, async (t) => {
    const sandbox = new Sandbox(t);
    await sandbox.daemon();
    const traced = { tracing: "header" } as const;
    await web(sandbox, "header");
    const [appPort, edgePort] = [await freePort(), await freePort()];
    const program = sandbox.run(`app:80:${appPort}`, app(appPort), traced);
    await listening(appPort, "127.0.0.1", program);
    await sandbox.serving("app");
    const proxy = `location /p { proxy_pass http://app.mesh:80; proxy_http_version 1.1; proxy_set_header Connection ""; }`;
    sandbox.run(`edge:80:${edgePort}`, nginx(sandbox, { name: "edge", port: edgePort, server: proxy }), traced);
    await sandbox.serving("edge");
    await sandbox.run("client", curl("http://edge.mesh/p/1", "http://edge.mesh/p/2"), traced).succeeded();
    const all = await sandbox.exchanges("edge", 2);
    for (const path of ["/p/1", "/p/2"]) {
      const way = all.filter(({ target }) => target.endsWith(path));
      const to = (service: string): TracedExchange => way.find(({ server }) => server.service === service)!;
      t.is(new Set(way.map(({ traceId }) => traceId)).size, 1);
      t.is(to("edge").parentSpanId, null);
      t.like(to("app"), { parentSpanId: to("edge").serverSpanId, link: "header" });
      t.like(to("web"), { parentSpanId: to("app").serverSpanId, link: "thread" });
    }
  });

  kernelTest(`${name}, eight requests at a time: a link is right or there is none`, async (t) => {
    const sandbox = new Sandbox(t);
    await sandbox.daemon();
    const traced = { tracing: "header" } as const;
    await web(sandbox, "header");
    const appPort = await freePort();
    const program = sandbox.run(`app:80:${appPort}`, app(appPort), traced);
    await listening(appPort, "127.0.0.1", program);
    await sandbox.serving("app");
    const urls = Array.from({ length: 200 }, (_, index) => `http://app.mesh/${index}`);
    await sandbox.run("client", curl("--parallel", "--parallel-max", "8", ...urls, "-o", "/dev/null"), traced).ended;
    const all = await sandbox.exchanges("web", 200);
    const askers = new Map(all.filter(({ server }) => server.service === "app").map((x) => [x.serverSpanId, x]));
    const asked = all.filter(({ server }) => server.service === "web");
    const linked = asked.filter(({ link }) => link === "thread");
    for (const x of linked) t.is(x.target, `/echo${askers.get(x.parentSpanId!)?.target}`);
    if (name !== "Node") t.is(linked.length, 200, "a thread for each request: all are linked");
    t.log(`${linked.length} of ${asked.length} linked`);
  });
}

kernelTest("under load, coupled: every request gets its header, no answer is wrong, and the span says redirected", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const check = `location /check { if ($http_traceparent !~ "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$") { return 400; } return 200 "fine"; }`;
  sandbox.run(`web:80:${port}`, nginx(sandbox, { name: "web", port, server: check }), { tracing: "header", sampling: 0.001 });
  await sandbox.serving("web");
  const load = new Load(sandbox, { url: "http://web.mesh/check", body: "fine", connections: 8, tracing: "header", sampling: 0.001 });
  await sandbox.awaitFlows({ from: "client", to: "web", state: "redirected" }, 8);
  const report = await load.report();
  t.like(report, flawless, report.text);
  const { counters } = await sandbox.status();
  t.is(counters.spans_lost, 0);
  t.true(counters.injected! >= report.requests && counters.not_injected === 0);
  t.true((await sandbox.exchanges("web")).some(({ redirected }) => redirected));
});

kernelTest("bodies are never taken for heads: an upload full of requests, chunked or not, arrives as it was sent", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const server = `import hashlib, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        digest = hashlib.sha256()
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                digest.update(self.rfile.read(size)); self.rfile.readline()
            self.rfile.readline()
        else:
            digest.update(self.rfile.read(int(self.headers["Content-Length"])))
        body = (digest.hexdigest() + " " + str(self.headers.get("traceparent")) + "\\n").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", ${port}), Handler).serve_forever()`;
  const program = sandbox.run(`web:80:${port}`, [python, "-c", server], { tracing: "header" });
  await listening(port, "127.0.0.1", program);
  await sandbox.serving("web");
  const body = "GET /inside HTTP/1.1\r\nHost: nobody\r\n\r\n".repeat(50_000);
  const file = sandbox.file("upload", body);
  const post = (...how: string[]): string[] =>
    [...curl("-H", "Expect:", ...how, "--data-binary", `@${file}`, "http://web.mesh/up"), "--next"].slice(1);
  const all = ["curl", ...post(), ...post("-H", "Transfer-Encoding: chunked"), ...post().slice(0, -1)];
  const out = await sandbox.run("client", all, { tracing: "header" }).succeeded();
  const digest = createHash("sha256").update(body).digest("hex");
  const lines = out.trim().split("\n");
  t.is(lines.length, 3);
  for (const line of lines) t.regex(line, new RegExp(`^${digest} 00-[0-9a-f]{32}-[0-9a-f]{16}-01$`));
  const exchanges = await sandbox.exchanges("web", 3);
  t.is(exchanges.length, 3);
  t.true(exchanges.every(({ requestBytes }) => requestBytes > body.length));
});
