/** Two nodes for real: a nicd and a replicad each, one broker, replicas that are slow, die, and come back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { NicdEndpoint } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { ask } from "../../../nicd/test/daemon/support/ask.ts";
import { InProcessNicd } from "../../../nicd/test/daemon/support/in-process-nicd.ts";
import { Origin } from "../../../nicd/test/daemon/support/origin.ts";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { BrokerProcess } from "../bus/brokers.ts";
import { ReplicadProcess } from "./support/replicad-process.ts";

/** One request at a time: an origin that takes `ms` for each. */
function queueing(t: ExecutionContext, name: string, ms: number, port = 0): Promise<Origin> {
  let tail = Promise.resolve();
  return Origin.start(
    t,
    name,
    (_, response) => {
      tail = tail.then(() => delay(ms)).then(() => void response.end(name));
    },
    port,
  );
}

/** A node's two daemons. */
async function nodeOf(t: ExecutionContext, name: string, address: string, mesh: string, broker: string) {
  const folder = mkdtempSync(join(tmpdir(), "replicad-c-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, "replicad.sock");
  const args = ["--node", name, "--link-listen", address, "--replicad", socket];
  const nicd = await InProcessNicd.start(t, { mesh, listen: ["web"], args });
  const replicad = await ReplicadProcess.start(t, { mesh, node: name, broker, nicd: nicd.socket, socket });
  const endpoint = async (port: number): Promise<NicdEndpoint> =>
    (await nicd.call((client) => client.call("clusters", {}))).clusters[0]!.endpoints.find((one) => one.port === port)!;
  return { nicd, replicad, endpoint };
}

test("two nodes: what one measures the other selects by; a dead replica gets nothing once its node knows, and is slow-started when it is back", async (t) => {
  const broker = await BrokerProcess.start(t, "mqttnic");
  const [near, far] = [await queueing(t, "near", 12), await queueing(t, "far", 2)];
  const mesh = `version: 1
nodes: { a: { address: 127.0.0.1 }, b: { address: 127.0.0.2 } }
services:
  web:
    ports: [80]
    replicas: [{ node: a, address: 127.0.0.1, port: ${near.port} }, { node: b, address: 127.0.0.1, port: ${far.port} }]
    routes: [{ retries: { attempts: 2, on: [connect-failure], budget: 1 } }]
    cluster: { slow-start: 20s }
links: { port: ${await freePort()}, security: plain-text }
`;
  const a = await nodeOf(t, "a", "127.0.0.1", mesh, broker.url);
  const b = await nodeOf(t, "b", "127.0.0.2", mesh, broker.url);
  for (const { replicad } of [a, b])
    await until("nodes hear each other", async () => (await replicad.status()).nodes.length === 2, { seen: () => replicad.log });
  let running = true;
  let failed = 0;
  const load = Array.from({ length: 4 }, async () => {
    while (running) if ((await ask(a.nicd.port)).status !== 200) failed++;
  });
  t.teardown(async () => {
    running = false;
    await Promise.all(load);
  });
  // Its own node tells how long the far one takes, and a hears of it.
  await until("a knows the far replica", async () => {
    const { reportAgeMs, requests } = await a.endpoint(far.port);
    return requests > 50 && reportAgeMs !== null && reportAgeMs < 100;
  });
  const known = (await a.replicad.ask((client) => client.call("replicas", { service: "web" }))).replicas;
  t.true(known.find(({ here }) => here)!.serviceMs! > known.find(({ here }) => !here)!.serviceMs!, "the far one is faster");
  const before = [near.asked.length, far.asked.length] as const;
  await until("requests go on", () => near.asked.length + far.asked.length > before[0] + before[1] + 100);
  t.true(far.asked.length - before[1] > near.asked.length - before[0], "and gets more");

  await far.stop();
  await until("a knows that it is dead", async () => (await a.endpoint(far.port)).standing === "dead");
  await until("b's replicad tries it", async () => (await b.endpoint(far.port)).standing === "dead");
  const { requests } = await a.endpoint(far.port);
  const asked = near.asked.length;
  await until("requests go on", () => near.asked.length > asked + 50);
  t.is((await a.endpoint(far.port)).requests, requests, "none is sent to the dead one");
  t.is(failed, 0);

  const again = await queueing(t, "far", 2, far.port);
  await until("it is back", async () => (await a.endpoint(far.port)).standing === "slow-start", { seen: () => b.replicad.log });
  await until("it is asked again", () => again.asked.length > 0);
  t.is(failed, 0);
});
