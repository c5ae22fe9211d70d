/** The daemon as a process: alone, with another node through a broker, with a broken mesh file, killed and started again. */
import { existsSync, writeFileSync } from "node:fs";
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { BrokerProcess } from "../bus/brokers.ts";
import { ReplicadProcess } from "./support/replicad-process.ts";

const mesh = `version: 1
nodes: { a: { address: 127.0.0.1 }, b: { address: 127.0.0.2 } }
services:
  web: { ports: [80], replicas: [{ node: a, port: 8080 }, { node: b, port: 8081 }] }
  two: { ports: [1, 2], replicas: [{ node: a }] }
`;
const [onA, onB] = ["127.0.0.1:8080", "127.0.0.2:8081"] as const;

test("a daemon alone: selects, counts what is asked and answered, and says what is wrong with a question", async (t) => {
  const one = await ReplicadProcess.start(t, { mesh });
  const status = await one.status();
  t.like(status, { node: "a", services: 2, replicas: 4, degraded: [], overrides: 0 });
  t.like(status.broker, { state: "none", url: null });
  t.deepEqual(
    status.nodes.map(({ name, here }) => [name, here]),
    [["a", true]],
  );
  t.true(status.nodes[0]!.figures.runQueue! >= 0);
  const answer = await one.ask((client) => client.call("select", { service: "web" }));
  t.true(answer.here ? answer.node === "a" && answer.port === 8080 : answer.node === "b" && answer.port === 8081);
  t.is((await one.status()).waiting, 1);
  await one.ask((client) => client.call("answered", { ticket: answer.ticket, latencyMs: 2, outcome: "refused" }));
  t.is((await one.ask((client) => client.call("select", { service: "web" }))).here, !answer.here, "one refused");
  await t.throwsAsync(
    one.ask((client) => client.call("answered", { ticket: 99, latencyMs: 2, outcome: "ok" })),
    { code: "ERR_NO_TICKET" },
  );
  const error = await t.throwsAsync(
    one.ask((client) => client.call("select", { service: "wep" })),
    { code: "ERR_NO_SERVICE" },
  );
  t.regex((error as Error & { hint: string }).hint, /web/);
  await t.throwsAsync(
    one.ask((client) => client.call("select", { service: "two" })),
    { code: "ERR_NO_PORT", message: /several ports/ },
  );
  await t.throwsAsync(
    one.ask((client) => client.call("override", { replica: "127.0.0.1:9", draining: true })),
    { code: "ERR_NO_REPLICA" },
  );
  t.is((await one.status()).unknownTickets, 1);
  t.is(await one.stop(), 0);
  t.false(existsSync(one.socket));
  t.false(existsSync(`${one.socket}.reports`));
});

test("two daemons and a broker: each hears the other, what is drained on one is drained on both, kill -9 or not", async (t) => {
  const broker = await BrokerProcess.start(t, "mqttnic");
  const [a, b] = await Promise.all([
    ReplicadProcess.start(t, { mesh, node: "a", broker: broker.url }),
    ReplicadProcess.start(t, { mesh, node: "b", broker: broker.url }),
  ]);
  for (const one of [a, b]) await until("it hears the other", async () => (await one.status()).nodes.length === 2, { seen: () => one.log });
  await until("clocks are compared", async () => (await a.status()).nodes[1]!.clockErrorMs !== null);
  const { untold, replica } = await a.ask((client) => client.call("override", { replica: onB, draining: true }));
  t.is(untold, null);
  t.like(replica, { replica: onB, standing: "draining", overridden: false });
  const standing = async (one: ReplicadProcess, key: string): Promise<string> =>
    (await one.ask((client) => client.call("replicas", { service: "web" }))).replicas.find(({ replica }) => replica === key)!.standing;
  await until("b knows", async () => (await standing(b, onB)) === "draining");
  t.like(await b.ask((client) => client.call("select", { service: "web" })), { port: 8080 });
  await b.kill();
  await broker.kill();
  await until("a says that the broker is away", async () => (await a.status()).degraded.some((why) => /broker/.test(why)));
  await b.run();
  t.is(await standing(b, onB), "draining", "from its state, without a broker");
  t.regex((await b.ask((client) => client.call("override", { replica: onB, draining: false }))).untold ?? "", /broker/);
  await broker.run();
  await until("what was said meanwhile reaches a", async () => (await standing(a, onB)) !== "draining", { seen: () => a.log });
  t.is(await standing(a, onA), "healthy");
});

test("a mesh file that is wrong is told with its line, and the old one stays; the next right one holds at once", async (t) => {
  const one = await ReplicadProcess.start(t, { mesh });
  const from = one.log.length;
  writeFileSync(one.mesh, mesh.replace("port: 8081", "port: 8081, weight: -1"));
  one.hangUp();
  await until("it says so", () => /the old configuration stays.*mesh\.yaml:4:/s.test(one.log.slice(from)), { seen: () => one.log });
  t.is((await one.status()).replicas, 4);
  writeFileSync(one.mesh, mesh.replace("replicas: [{ node: a, port: 8080 }, ", "cluster: { selector: round-robin }, replicas: ["));
  await until("it is taken", async () => (await one.status()).replicas === 3);
  t.is((await one.ask((client) => client.call("explain", { service: "web" }))).selector, "round-robin");
});

for (const [what, options, status, says] of [
  ["an interval that is none", { flags: ["--interval", "0"] }, 2, /--interval cannot be 0 ms/],
  ["a name of a node that is none", { node: "a/b" }, 2, /--node a\/b: /],
  ["a broker that is none", { broker: "http://x" }, 2, /no URL of a broker: http:\/\/x/],
  ["a password file that is not there", { flags: ["--broker-password-file", "/none"] }, 78, /--broker-password-file \/none: ENOENT/],
  ["a mesh file that is wrong", { mesh: mesh.replace("port: 8081", "port: none") }, 78, /mesh\.yaml:4:/],
] as const) {
  test(`the daemon refuses ${what}`, (t) => {
    const refused = ReplicadProcess.refused(t, { mesh, ...options });
    t.is(refused.status, status, refused.err);
    t.regex(refused.err, says);
  });
}
