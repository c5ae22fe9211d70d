/** What leaves the daemon: spans by OTLP to a receiver, RED metrics, and what a receiver that is down does. @module */
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { otlpReceiver } from "../../../telemetry/test/otlp-receiver.ts";
import { freePort } from "./support/free-port.ts";
import { Sandbox } from "./support/sandbox.ts";
import { nginx } from "./support/servers.ts";
import { until } from "./support/until.ts";

const traced = { tracing: "header" } as const;
const curl = (...args: string[]): string[] => ["curl", "-sS", "--max-time", "10", "-o", "/dev/null", ...args];

/** nginx as the service web, whose `/missing/…` is not found. */
async function web(sandbox: Sandbox): Promise<void> {
  const port = await freePort();
  sandbox.run(`web:80:${port}`, nginx(sandbox, { name: "web", port, server: "location /missing { return 404; }" }), traced);
  await sandbox.serving("web");
}

kernelTest("spans reach an OTLP receiver: both ends, parent and child, named by route, with semantic conventions", async (t) => {
  const receiver = await otlpReceiver(t);
  const sandbox = new Sandbox(t);
  await sandbox.daemon({ args: ["--otlp", receiver.endpoint] });
  await web(sandbox);
  await sandbox.run("client", curl("http://web.mesh/missing/4711?q=1"), traced).succeeded();
  const spans = await until("two spans", () => {
    const got = receiver.posts.flatMap((post) => post.spans);
    return got.length >= 2 && got;
  });
  const [client, server] = ["CLIENT", "SERVER"].map((kind) => spans.find((span) => span.kind.endsWith(kind))!);
  const [x] = await sandbox.exchanges("web");
  t.is(client!.traceId, x!.traceId);
  t.is(client!.spanId, x!.clientSpanId);
  t.is(server!.parentSpanId, client!.spanId);
  t.is(server!.name, "GET /missing/{id}");
  t.is(client!.resource["service.name"], "client");
  t.is(server!.resource["service.name"], "web");
  t.like(server!.attributes, { "http.request.method": "GET", "http.route": "/missing/{id}", "url.path": "/missing/4711" });
  t.is(Number(server!.attributes["http.response.status_code"]), 404);
  t.true(BigInt(client!.startTimeUnixNano) <= BigInt(server!.startTimeUnixNano));
  t.true(Math.abs(Number(BigInt(server!.endTimeUnixNano) / 1_000_000n) - Date.now()) < 60_000, "wall-clock time");
  t.regex(client!.status.code ?? "", /ERROR/, "404 is the client's error");
  t.is(server!.status.code, "STATUS_CODE_UNSET", "and not the server's");
});

kernelTest("metrics count every request under Istio's names, sampled or not", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  await web(sandbox);
  await sandbox.run("client", curl("http://web.mesh/", "http://web.mesh/missing/1"), { tracing: "header", sampling: 0 }).succeeded();
  const text = await until("both requests are counted", async () => {
    const { stdout } = await sandbox.cli("metrics");
    return /response_code="404"/.test(stdout) && stdout;
  });
  for (const reporter of ["source", "destination"]) {
    for (const code of [200, 404]) {
      const line = text
        .split("\n")
        .find((l) => /^istio_requests_total/.test(l) && l.includes(`reporter="${reporter}"`) && l.includes(`"${code}"`));
      t.regex(line ?? "", /source_workload="client".*destination_service_name="web".* 1$/);
    }
  }
  t.regex(text, /istio_request_duration_milliseconds_bucket\{.*le="0\.5"/);
});

kernelTest("a receiver that is down: traffic goes on, status says so and exits 69, spans are counted as failed", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon({ args: ["--otlp", `http://127.0.0.1:${await freePort()}`] });
  await web(sandbox);
  await sandbox.run("client", curl("http://web.mesh/"), traced).succeeded();
  const { stdout, status } = await until("the failure shows", async () => {
    const ending = await sandbox.cli("status");
    return /spans are not exported/.test(ending.stdout) && ending;
  });
  t.regex(stdout, /ECONNREFUSED/);
  t.is(status, 69);
});

kernelTest("a wrong --otlp is refused at the start, with what to write instead", async (t) => {
  const sandbox = new Sandbox(t);
  const { status, stderr } = await sandbox.cli("daemon", "--otlp", "127.0.0.1:4318");
  t.not(status, 0);
  t.regex(stderr, /http:\/\/127\.0\.0\.1:4318/);
});
