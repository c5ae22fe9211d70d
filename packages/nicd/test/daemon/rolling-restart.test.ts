/** Replicas that go away and come back under load: nobody who asks may notice. */
import test from "ava";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";
import { SteadyLoad } from "./support/steady-load.ts";

test("a rolling restart of four replicas under load loses no request, with retries in mesh.yaml", async (t) => {
  const answer = (_: unknown, response: { end(text: string): void }): void => void setTimeout(() => response.end("a"), 1);
  const origins = await Promise.all([1, 2, 3, 4].map((n) => Origin.start(t, String(n), answer)));
  const mesh = `version: 1
services:
  web: { ports: [80], replicas: ${replicas(...origins)}, routes: [{ retries: { attempts: 3, on: [connect-failure, reset], budget: 1, back-off: 1ms } }] }
`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"] });
  const load = new SteadyLoad(daemon.port, 16, (text) => text.startsWith("HTTP/1.1 200"));
  for (const [index, origin] of origins.entries()) {
    const before = load.requests;
    await until("all carry load", () => load.requests > before + 80);
    await origin.stop(); // with what is on its way
    const without = load.requests;
    await until("the others do its work", () => load.requests > without + 40);
    origins[index] = await Origin.start(t, origin.name, answer, origin.port);
  }
  const last = load.requests;
  await until("requests go on", () => load.requests > last + 80);
  const report = await load.stop();
  t.deepEqual({ wrong: report.wrong, broken: report.broken }, { wrong: [], broken: 0 });
  t.true((await daemon.status()).retries > 0);
  const metrics = await daemon.metrics();
  t.regex(metrics, /^mitsu_nicd_ejections_total\{service="web"\} [1-9]/m);
  t.regex(metrics, /^mitsu_nicd_retries_refused_total\{service="web"\} 0$/m);
});

test("a dead replica gets no request after its first failure is known, and the others answer at once whatever the budget", async (t) => {
  const alive = await Origin.start(t, "alive");
  const dead = await Origin.start(t, "dead");
  await dead.stop();
  const mesh = `version: 1
services:
  web: { ports: [80], replicas: ${replicas(dead, alive)}, cluster: { selector: round-robin }, routes: [{ retries: { attempts: 1, on: [connect-failure], budget: 0, least-in-flight: 0, back-off: 10s } }] }
`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"] });
  const beganMs = performance.now();
  for (let n = 0; n < 4; n++) t.is((await ask(daemon.port, "/", { method: "POST", body: "once" })).body, "alive");
  for (const { body } of await askMany(daemon.port, 40)) t.is(body, "alive");
  const { clusters } = await daemon.call((client) => client.call("clusters", {}));
  const [gone, other] = clusters[0]!.endpoints;
  // Without replicad it is tried again after a second.
  t.true(gone!.requests >= 1 && gone!.requests <= 1 + Math.floor((performance.now() - beganMs) / 1000), `${gone!.requests} requests`);
  t.is(gone!.errors, gone!.requests);
  t.is(other!.requests, 44);
  t.regex((await daemon.cli("clusters")).out, new RegExp(`:${dead.port} .*(dead, [01] s|slow-start)`));
  t.regex(await daemon.metrics(), /^mitsu_nicd_ejections_total\{service="web"\} [1-9]/m);
});

test("a sticky cookie keeps a client at its replica, and another one takes over when that is gone", async (t) => {
  const origins = await Promise.all(["a", "b", "c"].map((name) => Origin.start(t, name)));
  const mesh = `version: 1
services:
  web: { ports: [80], replicas: ${replicas(...origins)}, cluster: { sticky: { cookie: session } }, routes: [{ retries: { attempts: 1, on: [connect-failure] } }] }
`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"] });
  const headers = { cookie: "theme=dark; session=s17" };
  const first = (await ask(daemon.port, "/", { headers })).body;
  for (let n = 0; n < 10; n++) t.is((await ask(daemon.port, "/", { headers })).body, first);
  await origins.find(({ name }) => name === first)!.stop();
  const second = (await ask(daemon.port, "/", { headers })).body;
  t.not(second, first);
  for (let n = 0; n < 5; n++) t.is((await ask(daemon.port, "/", { headers })).body, second);
});

test("the nicd of a dead replica's node tells the caller's, which asks another replica at once, whatever the method", async (t) => {
  const [origin, gone, port] = [await Origin.start(t, "here"), await freePort(), await freePort()];
  const mesh = (retries: string): string => `version: 1
nodes: { here: { address: 127.0.0.1 }, there: { address: 127.0.0.2 } }
links: { port: ${port}, security: plain-text }
services:
  web: { ports: [80], replicas: [{ node: there, port: ${gone} }, { node: here, port: ${origin.port} }], cluster: { selector: round-robin, locality: off }, routes: [{ ${retries} }] }
`;
  await InProcessNicd.start(t, { mesh: mesh(""), args: ["--node", "there", "--link-listen", "127.0.0.2"] });
  const here = await InProcessNicd.start(t, {
    mesh: mesh("retries: { attempts: 1, on: [connect-failure], budget: 0, least-in-flight: 0 }"),
    listen: ["web"],
    args: ["--node", "here"],
  });
  for (let n = 0; n < 4; n++) t.is((await ask(here.port, "/", { method: "POST", body: "once" })).body, "here");
  const { clusters } = await here.call((client) => client.call("clusters", {}));
  const [dead] = clusters[0]!.endpoints;
  t.true(dead!.errors > 0 && dead!.standing !== "healthy", JSON.stringify(dead));
  await here.reload(mesh("retries: 0").replace(/, \{ node: here[^}]*\}/, ""));
  const answer = await ask(here.port);
  t.is(answer.status, 503);
  t.is(answer.headers["proxy-status"], "nicd; error=connection_refused");
});
