import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectNats } from "@nats-io/transport-node";
import test, { type ExecutionContext } from "ava";
import { type RunningNats, startNats } from "../../src/bridge/nats.ts";
import { startCore } from "./core-broker.ts";
import { client, collect, eventually, freePort, quiet } from "./mosquitto.ts";

async function startServer(t: ExecutionContext, port: number): Promise<ChildProcess> {
  const child = spawn("/usr/sbin/nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`nats-server ended: ${said}`)));
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("Server is ready")) resolve();
    });
  });
  return child;
}

async function node(t: ExecutionContext, brokerId: string, port: number) {
  const broker = await startCore(t, { node: brokerId });
  const config = { servers: [`127.0.0.1:${port}`], subjectPrefix: "mqtt", credentialsFile: undefined };
  const nats: RunningNats = startNats(broker.core, config, { log: quiet, brokerId, readFile: () => new Uint8Array(), alsoWanted: [] });
  t.teardown(() => nats.stop());
  return { ...broker, nats };
}

test.serial("startNats() hands messages to nodes that want them, once, with QoS, RETAIN and properties", async (t) => {
  const port = await freePort();
  await startServer(t, port);
  const [a, b] = [await node(t, "a", port), await node(t, "b", port)];
  await eventually(() => a.nats.status().state === "up" && b.nats.status().state === "up");
  const [atA, atB] = [await client(t, a.port), await client(t, b.port)];
  // Two filters that overlap and none of which covers the other.
  const seen = await collect(atB, "x/+");
  await atB.subscribeAsync("+/1", { qos: 2, rap: true });
  const back = await collect(atA, "x/#");
  // The fence: NATS has the subscriptions when a message comes by them.
  const probe = await collect(await client(t, b.port), "probe");
  const timer = setInterval(() => atA.publish("probe", ""), 10);
  await probe.until(1);
  clearInterval(timer);
  for (const qos of [0, 1, 2] as const) await atA.publishAsync("x/1", `q${qos}`, { qos });
  await atA.publishAsync("x/1", "props", { qos: 1, retain: true, properties: { contentType: "t", userProperties: { k: "v w" } } });
  await atA.publishAsync("x/", "empty level", { qos: 1 });
  await atA.publishAsync("x/a.b *", "odd", { qos: 1 });
  await seen.until(6);
  t.deepEqual(
    seen.seen.map(({ topic, payload, qos, retain }) => [topic, payload, qos, retain]),
    [
      ["x/1", "q0", 0, false],
      ["x/1", "q1", 1, false],
      ["x/1", "q2", 2, false],
      ["x/1", "props", 1, true],
      ["x/", "empty level", 1, false],
      ["x/a.b *", "odd", 1, false],
    ],
  );
  t.is(seen.seen[3]?.properties?.contentType, "t");
  t.is(seen.seen[3]?.properties?.userProperties?.k, "v w");
  await atB.publishAsync("x/1", "from b", { qos: 1 });
  await back.until(7);
  t.is(back.seen.length, 7, "each once at the node where it came in, too");
});

test.serial("startNats() gives retained messages to nodes where nobody wants them yet", async (t) => {
  const port = await freePort();
  await startServer(t, port);
  const [a, b] = [await node(t, "a", port), await node(t, "b", port)];
  await eventually(() => a.nats.status().state === "up" && b.nats.status().state === "up");
  await (await client(t, a.port)).publishAsync("kept", "1", { qos: 1, retain: true });
  await eventually(() => [...b.core.retainedMessages("kept")].length === 1);
  t.like((await (await collect(await client(t, b.port), "kept")).until(1))[0], { payload: "1", retain: true });
});

test.serial("startNats() speaks with programs that use NATS alone", async (t) => {
  const port = await freePort();
  await startServer(t, port);
  const a = await node(t, "a", port);
  await eventually(() => a.nats.status().state === "up");
  const program = await connectNats({ servers: `127.0.0.1:${port}` });
  t.teardown(() => program.close());
  const heard = Promise.withResolvers<string>();
  program.subscribe("mqtt.out.>", { callback: (_error, message) => heard.resolve(`${message.subject} ${message.string()}`) });
  await program.flush();
  const atA = await client(t, a.port);
  const seen = await collect(atA, "in/#");
  const timer = setInterval(() => program.publish("mqtt.in.x", "y"), 10);
  t.like((await seen.until(1))[0], { topic: "in/x", payload: "y" });
  clearInterval(timer);
  await atA.publishAsync("out/1", "z");
  t.is(await heard.promise, "mqtt.out.1 z");
});

test.serial("startNats() has our broker keep QoS 1 while there is no server, and goes on when one comes", async (t) => {
  const port = await freePort();
  const server = await startServer(t, port);
  const a = await node(t, "a", port);
  await eventually(() => a.nats.status().state === "up");
  server.kill("SIGKILL");
  await once(server, "exit");
  await eventually(() => a.nats.status().state !== "up");
  const atA = await client(t, a.port);
  for (let index = 0; index < 100; index++) await atA.publishAsync("q", String(index), { qos: 1 });
  await eventually(() => a.nats.status().lastError !== null);
  await startServer(t, port);
  const program = await connectNats({ servers: `127.0.0.1:${port}` });
  t.teardown(() => program.close());
  const heard: string[] = [];
  program.subscribe("mqtt.q", { callback: (_error, message) => void heard.push(message.string()) });
  await program.flush();
  // The subscription was there before or after ours came back: the last ones tell.
  await eventually(() => a.nats.status().messagesOut >= 100);
  await atA.publishAsync("q", "100", { qos: 1 });
  await eventually(() => heard.at(-1) === "100");
  t.is(a.nats.counters().skipped, 0);
  t.deepEqual(
    heard,
    Array.from({ length: heard.length }, (_, index) => String(101 - heard.length + index)),
  );
});
