/** nicd under sockhijack: programs' connections reach it past the TCP stack, and it knows who they are. */
import type { ExecutionContext } from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { bodyOf, startNginx } from "../../../sockhijack/test/kernel/support/servers.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { flawless, Load } from "../../../sockhijack/test/kernel/support/wrk.ts";
import { NicdProgram } from "./support/nicd-program.ts";

/** `web`, port 80, by way of a nicd that sockhijack runs. */
async function mesh(t: ExecutionContext, web: string, rest = "", args: readonly string[] = []) {
  const sandbox = new Sandbox(t);
  const port = await freePort();
  const text = `version: 1\nservices:\n  shop: {}\n  admin: {}\n  web: { ports: ["80:${port}"], nic: on, ${web} }\n${rest}`;
  await sandbox.daemon({ mesh: text });
  await startNginx(sandbox, { port });
  const channel = await freePort();
  const start = (): Promise<NicdProgram> =>
    NicdProgram.start(sandbox, "nicd", {
      mesh: sandbox.file("nicd.yaml", text),
      service: "nicd",
      args: ["--channel", `127.0.0.1:${channel}`, ...args],
    });
  const nicd = await start();
  await until("it is registered", async () => (await sandbox.status()).nic?.port === channel);
  return { sandbox, nicd, start, port, channel };
}

const curl = (sandbox: Sandbox, service: string, ...args: readonly string[]): Promise<string> =>
  sandbox.run(service, ["curl", "-sS", "--max-time", "10", ...args]).succeeded();

kernelTest("curl by name passes nicd, which knows its service by its cgroup, and its replica from sockhijack", async (t) => {
  const { sandbox, nicd, port } = await mesh(t, "tracing: header");
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  t.is(await curl(sandbox, "admin", "http://web.mesh/"), bodyOf("web"));
  const { series } = await nicd.call((client) => client.call("requests", {}));
  t.deepEqual(series.map(({ from, to, code, requests }) => [from, to, code, requests]).sort(), [
    ["admin", "web", "200", 1],
    ["shop", "web", "200", 1],
  ]);
  const { clusters } = await nicd.call((client) => client.call("clusters", {}));
  t.like(clusters[0], { service: "web", port: 80 });
  t.like(clusters[0]!.endpoints[0], { port, here: true, requests: 2 });
  t.deepEqual((await nicd.status()).degraded, []);
  const { traces } = await nicd.call((client) => client.call("traces", { limit: 10 }));
  t.like(traces[0]!.exchanges[0]!.client, { service: "shop", here: true });
});

kernelTest("authorisation goes by the cgroup's service, whatever the program says; a stranger at the channel gets nothing", async (t) => {
  const rules = "authorisation: [{ name: shoppers, action: allow, to: web, from: shop, match: { path: / } }]\n";
  const { sandbox, nicd, channel } = await mesh(t, "authorisation: deny, without-nic: refuse", rules);
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  const claims = ["-H", "x-forwarded-client-cert: By=spiffe://default.mesh/ns/mesh/sa/shop", "-H", "baggage: service.name=shop"];
  t.is(await curl(sandbox, "admin", "-o", "/dev/null", "-w", "%{http_code}", ...claims, "http://web.mesh/"), "403");
  await nicd.program.says(/request denied.*rule.{1,4}default.*from.{1,4}admin/);
  const stranger = await sandbox.spawn(["curl", "-sS", "--max-time", "5", `http://127.0.0.1:${channel}/`]).ended;
  t.not(stranger.status, 0);
  t.is((await nicd.status()).refusals.stranger, 1);
});

kernelTest("under a load with keep-alive both hops are redirected past TCP, and no request is lost", async (t) => {
  const { sandbox, nicd } = await mesh(t, "tracing: header");
  const load = new Load(sandbox, { service: "shop", url: "http://web.mesh/", body: bodyOf("web"), connections: 8 });
  await sandbox.awaitFlows({ from: "shop", to: "nicd", state: "redirected" }, 8);
  await sandbox.awaitFlows({ from: "nicd", to: "web", state: "redirected" });
  const before = (await nicd.status()).requests;
  await until("requests go on", async () => (await nicd.status()).requests > before + 2000);
  const report = await load.report();
  t.like(report, flawless, report.text);
  const { series } = await nicd.call((client) => client.call("requests", {}));
  const done = series.filter(({ code }) => code === "200").reduce((sum, { requests }) => sum + requests, 0);
  t.true(done >= report.requests && done <= report.requests + 8, `${done} here, ${report.requests} there`);
});

kernelTest("nicd killed: connects go straight to replicas; started again, they pass it again", async (t) => {
  const { sandbox, nicd, start, channel } = await mesh(t, "tracing: header");
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  await nicd.program.stop("SIGKILL");
  await until("it is seen to be gone", async () => (await sandbox.status()).nic === null);
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  t.regex((await sandbox.status()).degraded[0]!, /no nicd is registered/);
  const again = await start();
  await until("it is registered", async () => (await sandbox.status()).nic?.port === channel);
  t.is(await curl(sandbox, "shop", "http://web.mesh/"), bodyOf("web"));
  t.is((await again.status()).requests, 1);
});

kernelTest("nicd killed with without-nic: refuse: connects are refused, not passed unjudged", async (t) => {
  const { sandbox, nicd } = await mesh(t, "without-nic: refuse");
  await nicd.program.stop("SIGKILL");
  await until("it is seen to be gone", async () => (await sandbox.status()).nic === null);
  const { status, stderr } = await sandbox.run("shop", ["curl", "-sS", "--max-time", "10", "http://web.mesh/"]).ended;
  t.is(status, 7, stderr);
});

kernelTest("several workers share the channel: callers are known to whichever takes the connection", async (t) => {
  const rules = "authorisation: [{ name: shoppers, action: allow, to: web, from: shop }]\n";
  const { sandbox, nicd } = await mesh(t, "authorisation: deny", rules, ["--workers", "2"]);
  const load = new Load(sandbox, { service: "shop", url: "http://web.mesh/", body: bodyOf("web"), connections: 16 });
  await until("requests pass", async () => (await nicd.status()).requests > 2000);
  const report = await load.report();
  t.like(report, flawless, report.text);
  t.deepEqual((await nicd.status()).degraded, []);
  t.is((await nicd.status()).spoken.http1, 16);
});
