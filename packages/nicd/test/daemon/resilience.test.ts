/** What nicd does when replicas fail, are slow or are too many requests' goal: end to end, through real sockets. */
import test, { type ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { type Answer, ask, askMany, Wire } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";

/** `web` with one route's fields, its cluster's, and its replicas. */
function web(origins: readonly { readonly port: number }[], route: string, cluster = "outlier: { consecutive-errors: 0 }"): string {
  return `version: 1\nservices:\n  web: { ports: [80], replicas: ${replicas(...origins)}, cluster: { ${cluster} }, routes: [{ ${route} }] }\n`;
}

async function serving(t: ExecutionContext, mesh: string): Promise<InProcessNicd> {
  return await InProcessNicd.start(t, { mesh, listen: ["web"] });
}

/** Status and Envoy's flags of all requests so far, with how often each came. */
async function ends(daemon: InProcessNicd): Promise<Record<string, number>> {
  const { series } = await daemon.call((client) => client.call("requests", {}));
  return Object.fromEntries(series.map(({ code, flags, requests }) => [`${code} ${flags}`.trim(), requests]));
}

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

test("retries: a replica that fails every second time, and nobody sees it", async (t) => {
  let times = 0;
  const flaky = await Origin.start(t, "flaky", (_, response) => void response.writeHead(++times % 2 === 0 ? 200 : 503).end("flaky"));
  const daemon = await serving(t, web([flaky], "retries: { attempts: 3, on: [gateway-error], back-off: 1ms }"));
  for (let index = 0; index < 20; index++) t.is((await ask(daemon.port)).status, 200);
  t.is((await daemon.status()).retries, 20);
  t.is(flaky.asked.length, 40);
  t.deepEqual(await ends(daemon), { "200": 20 });
});

test("retries: a body is sent again whole, and a POST whose connection broke is not", async (t) => {
  let times = 0;
  const flaky = await Origin.start(t, "flaky", (request, response) => {
    if (request.url === "/break") request.socket.destroy();
    else response.writeHead(++times % 2 === 0 ? 200 : 503).end("flaky");
  });
  const daemon = await serving(t, web([flaky], "retries: { attempts: 1, on: [gateway-error, reset], back-off: 1ms }"));
  t.is((await ask(daemon.port, "/", { method: "POST", body: "x".repeat(20_000) })).status, 200);
  t.deepEqual(
    flaky.asked.map(({ body }) => body.length),
    [20_000, 20_000],
  );
  t.is((await ask(daemon.port, "/break", { method: "POST", body: "pay" })).status, 503);
  t.is(flaky.asked.filter(({ url }) => url === "/break").length, 1, "it may have been paid");
  t.is((await ask(daemon.port, "/break")).status, 503);
  t.is(flaky.asked.filter(({ url }) => url === "/break").length, 3, "a GET is tried again");
});

test("retries: a connect to a dead replica goes to a living one, whatever the method; without retries it is 503 UF", async (t) => {
  const alive = await Origin.start(t, "alive");
  const dead = { port: 1 };
  const daemon = await serving(
    t,
    web([alive, dead], "retries: { attempts: 1, on: [connect-failure], least-in-flight: 100, back-off: 1ms }"),
  );
  for (const answer of await askMany(daemon.port, 40, "/", { method: "POST", body: "once" })) t.is(answer.body, "alive");
  t.is(alive.asked.length, 40);
  t.true((await daemon.status()).retries > 0);
  await daemon.reload(web([dead], "retries: 0"));
  const answer = await ask(daemon.port);
  t.is(answer.status, 503);
  t.regex(answer.body, /ECONNREFUSED/);
  t.is((await ends(daemon))["503 UF"], 1);
});

test("retries: the budget ends them under overload", async (t) => {
  const failing = await Origin.start(t, "failing", (_, response) => void response.writeHead(503).end());
  const daemon = await serving(
    t,
    web([failing], "retries: { attempts: 5, on: [gateway-error], back-off: 50ms, budget: 0, least-in-flight: 1 }"),
  );
  const answers = await askMany(daemon.port, 40);
  t.true(statuses(answers).every((status) => status === 503));
  t.true(failing.asked.length < 40 * 2, `${failing.asked.length} tries of 240`);
  t.regex(await daemon.metrics(), /mitsu_nicd_retries_refused_total\{service="web"\} [1-9]/);
});

test("a time-out of one try goes on to another replica; of the whole exchange it is 504 UT", async (t) => {
  const slow = await Origin.start(t, "slow", () => {});
  const quick = await Origin.start(t, "quick");
  const daemon = await serving(
    t,
    web([slow, quick], "timeout: 8s, retries: { attempts: 1, per-try-timeout: 500ms, least-in-flight: 100, back-off: 1ms }"),
  );
  for (const answer of await askMany(daemon.port, 10)) t.is(answer.body, "quick");
  t.true(slow.asked.length > 0);
  await daemon.reload(web([slow], "timeout: 60ms"));
  const began = performance.now();
  const answer = await ask(daemon.port);
  t.is(answer.status, 504);
  t.regex(answer.body, /60 ms/);
  t.true(performance.now() - began < 2000);
  t.is((await ends(daemon))["504 UT"], 1);
});

test("circuit breakers: requests beyond `max-requests`, and those that wait beyond `max-pending`, get 503 UO", async (t) => {
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const daemon = await serving(t, web([slow], "timeout: 10s", "max-requests: 2, outlier: { consecutive-errors: 0 }"));
  const kept = [ask(daemon.port), ask(daemon.port)];
  await until("two are there", () => held.length === 2);
  const refused = await ask(daemon.port);
  t.is(refused.status, 503);
  t.regex(refused.body, /too many requests/);
  for (const end of held.splice(0)) end();
  t.deepEqual(statuses(await Promise.all(kept)), [200, 200]);
  t.is((await ends(daemon))["503 UO"], 1);
});

test("circuit breakers: of those that wait for a connection, one beyond `max-pending` gets 503 UO", async (t) => {
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const daemon = await serving(t, web([slow], "timeout: 10s", "max-connections: 1, max-pending: 1, outlier: { consecutive-errors: 0 }"));
  const [first, second] = [ask(daemon.port), ask(daemon.port)];
  await until("one is there and one waits", async () => {
    const { clusters } = await daemon.call((client) => client.call("clusters", {}));
    return held.length === 1 && clusters[0]!.endpoints[0]!.pending === 1;
  });
  t.is((await ask(daemon.port)).status, 503);
  held.shift()!();
  await until("the one that waited is there", () => held.length === 1);
  held.shift()!();
  t.deepEqual(statuses(await Promise.all([first, second])), [200, 200]);
});

test("outlier detection: a replica that fails is left out, is shown so, and comes back", async (t) => {
  let fails = true;
  const bad = await Origin.start(t, "bad", (_, response) => void response.writeHead(fails ? 500 : 200).end("bad"));
  const good = await Origin.start(t, "good");
  const daemon = await serving(
    t,
    web([bad, good], "timeout: 5s", "selector: round-robin, outlier: { consecutive-errors: 3, ejection: 2s, max-ejected: 1 }"),
  );
  for (let index = 0; index < 6; index++) await ask(daemon.port);
  t.is(bad.asked.length, 3);
  t.regex((await daemon.cli("clusters")).out, new RegExp(`127\\.0\\.0\\.1:${bad.port} .*ejected`));
  t.regex(await daemon.metrics(), /^mitsu_nicd_ejected_endpoints\{service="web"\} 1$/m);
  for (let index = 0; index < 6; index++) t.is((await ask(daemon.port)).body, "good");
  fails = false;
  await until("it is back", async () => (await ask(daemon.port)).body === "bad");
  t.notRegex((await daemon.cli("clusters")).out, /ejected/);
});

test("a rate limit lets its burst through and answers 429 RL to the others", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await serving(t, web([origin], "rate-limit: { requests: 5, per: 60s, burst: 5 }"));
  const answers = await askMany(daemon.port, 12);
  t.is(answers.filter(({ status }) => status === 200).length, 5);
  t.is(answers.filter(({ status }) => status === 429).length, 7);
  t.deepEqual(await ends(daemon), { "200": 5, "429 RL": 7 });
  await daemon.reload(web([origin], "rate-limit: { requests: 5, per: 60s, burst: 5 }, timeout: 1s"));
  t.is((await ask(daemon.port)).status, 429, "a reload of something else refills no bucket");
});

test("faults: a delay holds requests up, an abort answers in the service's place", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await serving(t, web([origin], "fault: { delay: { time: 80ms } }"));
  const began = performance.now();
  t.is((await ask(daemon.port, "/", { method: "POST", body: "x".repeat(100_000) })).status, 200);
  t.true(performance.now() - began >= 79);
  t.is(origin.asked[0]!.body.length, 100_000);
  await daemon.reload(web([origin], "fault: { abort: { status: 418 } }"));
  t.is((await ask(daemon.port)).status, 418);
  await daemon.reload(web([origin], "fault: { abort: { share: 0.5, status: 503 } }"));
  const aborted = (await askMany(daemon.port, 400)).filter(({ status }) => status === 503).length;
  t.true(Math.abs(aborted - 200) < 4 * 10, `${aborted} of 400`);
  const all = await ends(daemon);
  t.is(all["418 FI"], 1);
  t.is(all["200 DI"], 1);
});

test("size limits: 413 for a longer request, announced or chunked; a longer answer is 502 or is cut", async (t) => {
  const origin = await Origin.start(t, "a", (request, response) => {
    if (request.url === "/announced") response.end("x".repeat(5000));
    else if (request.url === "/chunked") {
      response.write("x".repeat(900));
      setImmediate(() => response.end("x".repeat(5000)));
    } else response.end("a");
  });
  const daemon = await serving(t, web([origin], "limits: { request: 1000, response: 1000 }"));
  t.is((await ask(daemon.port, "/", { method: "POST", body: "x".repeat(1000) })).status, 200);
  t.is((await ask(daemon.port, "/", { method: "POST", body: "x".repeat(1001) })).status, 413);
  t.is((await ask(daemon.port, "/", { method: "POST", headers: { "transfer-encoding": "chunked" }, body: "x".repeat(1001) })).status, 413);
  t.is((await ask(daemon.port, "/announced")).status, 502);
  await t.throwsAsync(ask(daemon.port, "/chunked"));
  const all = await ends(daemon);
  t.is(all["413 OM"], 2);
  t.is(all["502 OM"], 1);
  t.is(all["200 OM"], 1);
});

test("a client that goes away ends its request at the replica, and is counted as DC", async (t) => {
  const gone = Promise.withResolvers<void>();
  const slow = await Origin.start(t, "slow", (request) => void request.socket.once("close", gone.resolve));
  const daemon = await serving(t, web([slow], "timeout: 10s"));
  const client = new Wire(daemon.port);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("it is there", () => slow.asked.length === 1);
  client.socket.resetAndDestroy();
  await gone.promise;
  await until("counted", async () => (await ends(daemon))["0 DC"] === 1);
  const { clusters } = await daemon.call((each) => each.call("clusters", {}));
  t.is(clusters[0]!.inFlight, 0);
});

test("SIGTERM lets a request end, closes what is idle, and takes nothing new", async (t) => {
  const held: (() => void)[] = [];
  const slow = await Origin.start(t, "slow", (_, response) => void held.push(() => response.end("slow")));
  const daemon = await serving(t, web([slow], "timeout: 10s"));
  const idle = new Wire(daemon.port);
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the first is there", () => held.length === 1);
  held.shift()!();
  await until("answered", () => idle.text.endsWith("slow"));
  const last = ask(daemon.port);
  await until("the last is there", () => held.length === 1);
  const stopped = daemon.stop();
  await idle.closed;
  await t.throwsAsync(ask(daemon.port), { code: "ECONNREFUSED" });
  held.shift()!();
  const answer = await last;
  t.is(answer.body, "slow");
  t.is(answer.headers.connection, "close");
  t.is(await stopped, 0);
});
