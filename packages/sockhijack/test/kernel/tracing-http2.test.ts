/** HTTP/2 and gRPC with prior knowledge, by programs of other people: nginx, curl, nghttp, h2load, gRPC for Python. @module */
import { spawnSync } from "node:child_process";
import { NotSupportedError } from "@mitsu/cli/error";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "./support/free-port.ts";
import { Namespace } from "./support/namespace.ts";
import { needs } from "./support/needs.ts";
import { Sandbox } from "./support/sandbox.ts";
import { nginx, python } from "./support/servers.ts";

type Mode = { readonly tracing: "header" | "side-band" };
const traced: Mode = { tracing: "header" };

/** nginx that speaks HTTP/2 on port 80 of `web` and says what it got. */
async function web(sandbox: Sandbox, options: Mode = traced): Promise<void> {
  const [port, plain] = [await freePort(), await freePort()];
  const echo = `default_type text/plain; return 200 "$http_traceparent|$http_x_last|$request_uri\\n";`;
  const server = `listen 127.0.0.1:${port} http2; http2_max_concurrent_streams 256; location /echo { ${echo} } location /gone { return 404; }`;
  sandbox.run(`web:80:${port}`, nginx(sandbox, { name: "web", port: plain, server }), options);
  await sandbox.serving("web");
}

kernelTest("HTTP/2: nginx sees the traceparent of curl's request, and the exchange is told by name", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox);
  const curl = ["curl", "-sS", "--max-time", "10", "--http2-prior-knowledge", "-H", "X-Last: 1", "http://web.mesh/echo?q=1"];
  const out = await sandbox.run("client", curl, traced).succeeded();
  const [exchange] = await sandbox.exchanges("web");
  t.is(out, `00-${exchange!.traceId}-${exchange!.serverSpanId}-01|1|/echo?q=1\n`);
  t.like(exchange, { method: "GET", target: "/echo?q=1", status: 200, injected: true, aborted: false, protocol: "http/2", link: "none" });
  t.true(exchange!.requestBytes > 100 && exchange!.answerBytes > out.length);
});

kernelTest("HTTP/2: each stream of one connection is an exchange of its own; a body and a 404 among them", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox);
  const nghttp = needs("nghttp", "nghttp2-client");
  const urls = ["/echo/1", "/gone", "/echo/2", "/echo/3"].map((path) => `http://web.mesh${path}`);
  const out = await sandbox.run("client", [nghttp, "--no-dep", ...urls], traced).succeeded();
  const exchanges = await sandbox.exchanges("web", 4);
  t.deepEqual(exchanges.map(({ target, status }) => `${target} ${status}`).sort(), [
    "/echo/1 200",
    "/echo/2 200",
    "/echo/3 200",
    "/gone 404",
  ]);
  for (const { target, traceId, serverSpanId, status } of exchanges)
    t.is(out.includes(`00-${traceId}-${serverSpanId}-01||${target}`), status === 200);
  t.is(new Set(exchanges.map(({ traceId }) => traceId)).size, 4);
});

kernelTest("HTTP/2: side-band changes no byte; a traceparent of the program's own is continued and left as it is", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox);
  const nghttp = needs("nghttp", "nghttp2-client");
  const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const asked = await sandbox.run("client", [nghttp, "-H", `traceparent: ${own}`, "http://web.mesh/echo"], traced).succeeded();
  t.is(asked, `${own}||/echo\n`);
  t.like((await sandbox.exchanges("web"))[0], {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentSpanId: "b7ad6b7169203331",
    continued: true,
    injected: false,
    link: "header",
  });
  const beside = await sandbox.run("beside", [nghttp, "http://web.mesh/echo"], { tracing: "side-band" }).succeeded();
  t.is(beside, "||/echo\n");
  t.like(
    (await sandbox.exchanges("web", 2)).find(({ client }) => client.service === "beside"),
    { injected: false, status: 200 },
  );
});

kernelTest(
  "HTTP/2: 20 000 requests of h2load over 8 connections, 32 streams each: all answered, all told, every one injected",
  async (t) => {
    const sandbox = new Sandbox(t);
    await sandbox.daemon();
    await web(sandbox);
    const load = [needs("h2load", "nghttp2-client"), "-n", "20000", "-c", "8", "-m", "32", "http://web.mesh/echo/load"];
    const out = await sandbox.run("client", load, traced).succeeded();
    t.regex(out, /20000 succeeded, 0 failed, 0 errored, 0 timeout/);
    await sandbox.exchanges("web", 500);
    const { counters } = await sandbox.status();
    t.like(counters, {
      requests: 20_000,
      injected: 20_000,
      not_injected: 0,
      spans_lost: 0,
      streams_full: 0,
      opaque_bad_frame: 0,
      opaque_gap: 0,
    });
  },
);

/** @throws {NotSupportedError} when Python has no gRPC. */
function needsGrpc(): void {
  const { status } = spawnSync(python, ["-c", "import grpc"]);
  if (status !== 0) throw new NotSupportedError("Python's grpc is not installed", "apt-get install python3-grpcio");
}

const service = `import sys, grpc
from concurrent import futures
def echo(request, context):
    context.set_trailing_metadata((("x-trailer", "1"),))
    if request == b"fail": context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
    return dict(context.invocation_metadata()).get("traceparent", "").encode()
def stream(request, context):
    for n in range(3): yield request * 20000
class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method.endswith("/Stream"): return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(echo)
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start(); print("up", flush=True); server.wait_for_termination()`;

const caller = `import grpc
channel = grpc.insecure_channel("web.mesh:80")
print(channel.unary_unary("/shop.Cart/Add")(b"", timeout=20).decode())
try: channel.unary_unary("/shop.Cart/Find")(b"fail", timeout=20)
except grpc.RpcError as error: print(error.code().name)
print(sum(len(part) for part in channel.unary_stream("/shop.Cart/Stream")(b"x", timeout=20)))`;

kernelTest("gRPC: Google's Python client and server; the method, its status, and a stream's bytes are told", async (t) => {
  needsGrpc();
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const port = await freePort();
  const server = sandbox.run(`web:80:${port}`, [python, "-c", service, String(port)], traced);
  await server.says(/up/);
  await sandbox.serving("web");
  const out = await sandbox.run("client", [python, "-c", caller], traced).succeeded();
  const exchanges = await sandbox.exchanges("web", 3);
  const of = (method: string): (typeof exchanges)[number] => exchanges.find(({ target }) => target === `/shop.Cart/${method}`)!;
  t.is(out, `00-${of("Add").traceId}-${of("Add").serverSpanId}-01\nNOT_FOUND\n60000\n`);
  for (const [method, grpcStatus] of [
    ["Add", 0],
    ["Find", 5],
    ["Stream", 0],
  ] as const)
    t.like(of(method), { method: "POST", status: 200, protocol: "grpc", grpcStatus, injected: true, aborted: false });
  t.true(of("Stream").answerBytes > 60_000);
  t.like((await sandbox.status()).counters, { requests: 3, injected: 3, opaque_bad_frame: 0 });
});

kernelTest("gRPC between two nodes: a server that speaks first is traced, and its span is the child of the far client's", async (t) => {
  needsGrpc();
  const [near, far] = [new Sandbox(t), new Sandbox(t)];
  const [a, b] = [await Namespace.make(near), await Namespace.make(near)];
  a.connect(b, { own: "10.96.0.1/30", others: "10.96.0.2/30", device: "eth0" });
  const services = (replicas: string): string =>
    `version: 1\nservices:\n  client: { tracing: header }\n  beside: { tracing: side-band }\n  web: { ports: ["80:8080"], tracing: header${replicas} }\n`;
  await far.daemon({ mesh: services(""), within: a });
  await near.daemon({ mesh: services(", replicas: [{ address: 10.96.0.1 }]"), within: b });
  const server = far.run("web", [python, "-c", service.replace("127.0.0.1", "10.96.0.1"), "8080"], { within: a });
  await server.says(/up/);
  await far.serving("web");
  for (const [index, client] of ["client", "beside"].entries()) {
    await near.run(client, [python, "-c", caller], { within: b }).succeeded();
    const [asked, answered] = [await near.exchanges("web", 3 * index + 3), await far.exchanges("web", 3 * index + 3)];
    for (const of of asked.filter((one) => one.client.service === client)) {
      const told = answered.find(({ traceId }) => traceId === of.traceId);
      t.like(told, {
        parentSpanId: of.clientSpanId,
        target: of.target,
        grpcStatus: of.grpcStatus,
        link: index === 0 ? "header" : "side-band",
      });
      t.is(of.injected, index === 0);
    }
  }
});
