/** The mesh file at the start and at each reload: a bad one is refused whole, a good one is in force at once, and no request notices. */
import { renameSync, writeFileSync } from "node:fs";
import { exitStatus } from "@mitsu/cli/error";
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";
import { SteadyLoad } from "./support/steady-load.ts";

const bad = "version: 1\nservices:\n  web:\n    ports: [80]\n    routes:\n      - { to: wbe }\n";
const answering = (body: string): string =>
  `version: 1\nservices:\n  web: { ports: [80], routes: [{ respond: { status: 200, body: ${body} } }] }\n`;

test("a bad mesh file is refused whole at the start, with file, line, column and a hint", async (t) => {
  const daemon = InProcessNicd.begin(t, { mesh: bad, listen: ["web"] });
  t.is(await daemon.ended, exitStatus.config);
  t.regex(daemon.log, /mesh\.yaml:6:15: services\.web\.routes\[0\]\.to\S*: no service "wbe"; did you mean "web"\?/);
  t.notRegex(daemon.log, /listening/);
});

test("`nicd reload` of a bad mesh file says what is wrong; the old one stays in force, and is still there for a good one", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  t.is((await ask(daemon.port)).body, "one\n");
  writeFileSync(daemon.config, bad);
  const refused = await daemon.cli("reload");
  t.is(refused.status, exitStatus.config);
  t.regex(refused.err, /mesh\.yaml:6:15: .*no service "wbe"/);
  t.is((await ask(daemon.port)).body, "one\n");
  writeFileSync(daemon.config, answering("two"));
  const taken = await daemon.cli("reload");
  t.is(taken.status, exitStatus.ok, taken.err);
  t.is((await ask(daemon.port)).body, "two\n");
});

test("a bad mesh file that is seen by watching is said in the log once, with its place; the old one stays", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  writeFileSync(daemon.config, bad);
  await until("the log says so", () => /old one stays.*mesh\.yaml:6:15/.test(daemon.log));
  t.is((await ask(daemon.port)).body, "one\n");
  t.is(daemon.log.match(/old one stays/g)?.length, 1);
});

test("a good mesh file is taken over by watching: written in place, and renamed over the old one", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  writeFileSync(daemon.config, answering("two"));
  await until("the second is in force", async () => (await ask(daemon.port)).body === "two\n");
  writeFileSync(`${daemon.config}.new`, answering("three"));
  renameSync(`${daemon.config}.new`, daemon.config);
  await until("the third is in force", async () => (await ask(daemon.port)).body === "three\n");
  t.regex(daemon.log, /mesh\.yaml was read again.*web routes\[0\]/);
});

test("SIGHUP reads the mesh file again, and says in the log why it cannot", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  writeFileSync(daemon.config, answering("two"));
  daemon.env.raise("SIGHUP");
  await until("reloaded", () => daemon.log.includes("reloaded"));
  t.is((await ask(daemon.port)).body, "two\n");
  writeFileSync(daemon.config, bad);
  daemon.env.raise("SIGHUP");
  await until("the reload failed", () => /reload failed, the old configuration stays.*mesh\.yaml:6:15/.test(daemon.log));
  t.is((await ask(daemon.port)).body, "two\n");
});

test("a service that is taken out while its clients are connected: 404 without a route; it works again when it comes back", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  await daemon.reload("version: 1\n");
  const answer = await ask(daemon.port);
  t.is(answer.status, 404);
  t.is((await daemon.call((client) => client.call("requests", {}))).series.find(({ code }) => code === "404")?.flags, "NR");
  await daemon.reload(answering("back"));
  t.is((await ask(daemon.port)).body, "back\n");
});

test("a port that a service gets by a reload is asked at that port, not at the one that stood in for it", async (t) => {
  const [a, b] = [await Origin.start(t, "a"), await Origin.start(t, "b")];
  const front = "front: { ports: [80, 8080], routes: [{ to: web }] }";
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices:\n  ${front}\n  web: { ports: [80], replicas: [{ address: 127.0.0.1, port: "80:${a.port}" }] }\n`.replace(
      /port: "80:(\d+)"/,
      "port: $1",
    ),
    listen: ["front:8080"],
  });
  t.is((await ask(daemon.port)).body, "a");
  await daemon.reload(
    `version: 1\nservices:\n  ${front}\n  web: { ports: ["80:${a.port}", "8080:${b.port}"], replicas: [{ address: 127.0.0.1 }] }\n`,
  );
  t.is((await ask(daemon.port)).body, "b");
  await daemon.reload(`version: 1\nservices:\n  ${front}\n  web: { ports: ["81:${a.port}"], replicas: [{ address: 127.0.0.1 }] }\n`);
  t.is((await ask(daemon.port)).body, "a", "its only port stands in for any");
});

/** Configurations that a load must not notice. */
function variants(a: Origin, b: Origin, c: Origin): string[] {
  const with1 = (web: string, rest = ""): string =>
    `version: 1\nservices:\n  web: ${web}\n  v1: { ports: [80], replicas: ${replicas(a)} }\n  v2: { ports: [80], replicas: ${replicas(b, c)} }\n${rest}`;
  return [
    with1("{ ports: [80], routes: [{ to: v1 }] }"),
    with1("{ ports: [80], routes: [{ to: [{ service: v1, weight: 1 }, { service: v2, weight: 9 }] }] }"),
    with1("{ ports: [80], routes: [{ to: v2, timeout: 1s, retries: 2, rate-limit: 1000000/s }], cluster: { selector: round-robin } }"),
    with1(
      "{ ports: [80], routes: [{ match: { path: /x }, respond: { status: 404 } }, { to: v1, headers: { request: { set: { x-a: b } } } }] }",
    ),
    with1(
      "{ ports: [80], authorisation: deny, routes: [{ to: v1 }] }",
      `authorisation: [{ action: allow, to: web, from: "*" }, { action: deny, to: "*", from: "*", match: { method: DELETE } }]\n`,
    ),
    with1("{ ports: [80], tracing: header, routes: [{ to: v2 }] }").replace(replicas(b, c), replicas(c)),
    with1("{ ports: [80], routes: [{ to: v2, rate-limit: { requests: 1000000, per: 1s, burst: 500000 } }] }").replace(
      replicas(b, c),
      replicas(b, a).replace(String(a.port), String(c.port)),
    ),
  ];
}

test("reloads of routes, weights, replicas, time-outs, limits and rules under load: no request fails, no connection is dropped", async (t) => {
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((name) => Origin.start(t, name)));
  const all = variants(a!, b!, c!);
  const daemon = await InProcessNicd.start(t, { mesh: all[0]!, listen: ["web"] });
  const load = new SteadyLoad(daemon.port, 16, (answer) => /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n[abc]$/.test(answer));
  for (let round = 0; round < 6; round++)
    for (const mesh of all) {
      await daemon.reload(mesh);
      const before = load.requests;
      await until("requests went on", () => load.requests > before + 50);
    }
  const report = await load.stop();
  t.deepEqual({ wrong: report.wrong, broken: report.broken }, { wrong: [], broken: 0 });
  t.true(report.requests > 2000, `${report.requests} requests`);
  t.true(a!.asked.length > 0 && b!.asked.length > 0 && c!.asked.length > 0);
  const { clusters } = await daemon.call((client) => client.call("clusters", {}));
  t.is(
    clusters.reduce((sum, { inFlight }) => sum + inFlight, 0),
    0,
    "nothing is left in flight",
  );
});

test("what the mesh file says of links, once changed, is said to hold from the next start on", async (t) => {
  const daemon = await InProcessNicd.start(t, { mesh: answering("one"), listen: ["web"] });
  await daemon.reload(`${answering("one")}links: { security: plain-text }\n`);
  const { degraded } = await daemon.status();
  t.is(degraded.length, 1);
  t.regex(degraded[0]!, /links has changed/);
});

test("a node that the mesh file does not know, and replicas elsewhere without a certificate, are said in status, with exit status 69", async (t) => {
  const nodes =
    "version: 1\nnodes: { n1: { address: 10.0.0.1 }, n2: { address: 10.0.0.2 } }\nservices:\n  web: { ports: [80], replicas: [{ node: n2 }] }\n";
  const daemon = await InProcessNicd.start(t, { mesh: nodes, listen: ["web"], args: ["--node", "n3"] });
  const { status, out } = await daemon.cli("status");
  t.is(status, exitStatus.unavailable);
  t.regex(out, /no node n3.*say --node/);
  t.regex(out, /links to other nodes need a certificate/);
  const answer = await ask(daemon.port);
  t.is(answer.status, 503);
  t.regex(answer.body, /need a certificate/);
});
