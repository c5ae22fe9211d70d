import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type RunningMesh, startMesh } from "../../src/bridge/mesh.ts";
import type { MeshConfig } from "../../src/config/broker-config.ts";
import { meshSecret, startCore } from "./core-broker.ts";
import { client, collect, eventually, quiet } from "./mosquitto.ts";

const secretFile = join(tmpdir(), `mesh-secret-${process.pid}`);
test.before(() => writeFileSync(secretFile, `${meshSecret}\n`, { mode: 0o600 }));
test.after.always(() => rmSync(secretFile, { force: true }));

interface Node {
  readonly name: string;
  readonly port: number;
  readonly core: Awaited<ReturnType<typeof startCore>>["core"];
  readonly mesh: RunningMesh;
  readonly config: MeshConfig;
  close(): Promise<void>;
}

const configOf = (node: string, ports: Readonly<Record<string, number>>): MeshConfig => ({
  node,
  peers: Object.entries(ports).map(([name, port]) => ({ node: name, host: "127.0.0.1", port })),
  tls: undefined,
  secretFile,
});

async function start(t: ExecutionContext, names: readonly string[]): Promise<Node[]> {
  const brokers = await Promise.all(names.map((node) => startCore(t, { node, meshNodes: names.filter((name) => name !== node) })));
  const ports = Object.fromEntries(names.map((name, index) => [name, brokers[index]!.port]));
  const nodes = names.map((name, index): Node => {
    const { core, port, close } = brokers[index]!;
    const config = configOf(name, ports);
    const mesh = startMesh(core, config, { log: quiet, readFile: readFileSync, alsoWanted: [] });
    const end = async (): Promise<void> => {
      await mesh.stop();
      await close(0);
    };
    t.teardown(() => mesh.stop());
    return { name, port, core, mesh, config, close: end };
  });
  await eventually(() => nodes.every(({ mesh }) => mesh.status().every(({ state }) => state === "up")));
  return nodes;
}

/** Waits until all peers of a node have a filter of its own. */
const has = (nodes: readonly Node[], of: string, filter: string): Promise<void> =>
  eventually(() =>
    nodes
      .filter(({ name }) => name !== of)
      .every(({ core }) => [...core.subscriptions()].some((one) => one.clientId === `$mesh/${of}` && one.filter === filter)),
  );

test.serial("startMesh() hands each message to the nodes that want it, over each link once", async (t) => {
  const nodes = await start(t, ["a", "b", "c"]);
  const [a, b, c] = nodes as [Node, Node, Node];
  t.deepEqual(
    a.mesh.status().map(({ name, kind }) => [name, kind]),
    [
      ["b", "mesh"],
      ["c", "mesh"],
    ],
  );
  const [atA, atB, atC] = [await client(t, a.port), await client(t, b.port), await client(t, c.port)];
  const [seenA, seenB, seenC] = [await collect(atA, "x/#"), await collect(atB, "x/#"), await collect(atC, "y")];
  await has(nodes, "a", "x/#");
  await has(nodes, "b", "x/#");
  await has(nodes, "c", "y");
  for (let index = 0; index < 30; index++) await atA.publishAsync(`x/${index}`, "", { qos: (index % 3) as 0 | 1 | 2 });
  for (let index = 0; index < 30; index++) await atC.publishAsync("x/c", String(index), { qos: 1 });
  await atB.publishAsync("y", "end", { qos: 1 });
  await seenA.until(60);
  await seenB.until(60);
  await seenC.until(1);
  await atA.publishAsync("x/end", "", { qos: 2 });
  await seenB.until(61);
  await seenA.until(61);
  t.deepEqual([seenA.seen.length, seenB.seen.length, seenC.seen.length], [61, 61, 1]);
  const [linkIn] = [(of: Node, from: string): number => of.mesh.status().find(({ name }) => name === from)!.messagesIn];
  t.deepEqual([linkIn(b, "a"), linkIn(b, "c"), linkIn(c, "a"), linkIn(c, "b"), linkIn(a, "c"), linkIn(a, "b")], [31, 30, 0, 1, 30, 0]);
});

test.serial("startMesh() brings retained messages with RETAIN, and nothing that begins with $", async (t) => {
  const nodes = await start(t, ["a", "b"]);
  const [a, b] = nodes as [Node, Node];
  const [atA, atB] = [await client(t, a.port), await client(t, b.port)];
  await atA.publishAsync("kept/1", "old", { qos: 1, retain: true });
  a.core.publish({ topic: "$SYS/broker/x", payload: Buffer.from("a"), qos: 0, retain: true });
  const [kept, sys] = [await collect(atB, "kept/+"), await collect(await client(t, b.port), "$SYS/#")];
  const [first] = await kept.until(1);
  t.like(first, { payload: "old", retain: true });
  await atA.publishAsync("kept/1", "new", { qos: 1, retain: true });
  await kept.until(2);
  const late = await collect(await client(t, b.port), "kept/#");
  t.like((await late.until(1))[0], { payload: "new" });
  t.deepEqual(sys.seen, []);
  await has(nodes, "b", "kept/#");
  t.deepEqual(
    [...a.core.subscriptions()].filter(({ clientId }) => clientId === "$mesh/b").map(({ filter }) => filter),
    ["kept/#"],
    "the wider filter has replaced the other",
  );
});

test.serial("startMesh() follows thousands of filters, and unsubscribes what nobody wants any more", async (t) => {
  const nodes = await start(t, ["a", "b"]);
  const [a, b] = nodes as [Node, Node];
  const atB = await client(t, b.port);
  const filters = Array.from({ length: 3000 }, (_, index) => `f/${index}/+`);
  await atB.subscribeAsync(filters, { qos: 1 });
  const count = (): number => [...a.core.subscriptions()].filter(({ clientId }) => clientId === "$mesh/b").length;
  await eventually(() => count() === 3000);
  await atB.endAsync();
  await eventually(() => count() === 0);
  t.pass();
});

test.serial("startMesh() has what a node missed come later, in order, when it was away [QoS 1]", async (t) => {
  const nodes = await start(t, ["a", "b"]);
  const [a, b] = nodes as [Node, Node];
  const [atA, atB] = [await client(t, a.port), await client(t, b.port)];
  const seen = await collect(atB, "x", 1);
  await has(nodes, "b", "x");
  for (let index = 0; index < 10; index++) await atA.publishAsync("x", String(index), { qos: 1 });
  await seen.until(10);
  t.true(a.core.disconnect("$mesh/b"));
  for (let index = 10; index < 200; index++) await atA.publishAsync("x", String(index), { qos: 1 });
  // Those that were not acknowledged when it went come twice.
  const distinct = (): number[] => [...new Set(seen.seen.map(({ payload }) => Number(payload)))];
  await eventually(() => distinct().length === 200);
  t.deepEqual(
    distinct(),
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test.serial("RunningMesh.reload() lets peers come and go, and aggregates' filters are wanted, too", async (t) => {
  const nodes = await start(t, ["a", "b", "c"]);
  const [a, b, c] = nodes as [Node, Node, Node];
  const ports = { a: a.port, b: b.port, c: c.port };
  await a.mesh.reload(configOf("a", { a: a.port, b: b.port }), ["load/+"]);
  t.deepEqual(
    a.mesh.status().map(({ name }) => name),
    ["b"],
  );
  await has([b], "a", "load/+");
  const heard = Promise.withResolvers<string>();
  a.core.watch("load/+", ({ topic }) => heard.resolve(topic));
  await (await client(t, b.port)).publishAsync("load/b", "1", { qos: 1 });
  t.is(await heard.promise, "load/b");
  await a.mesh.reload(configOf("a", ports), []);
  await eventually(() => a.mesh.status().every(({ state }) => state === "up"));
  t.is(a.mesh.status().length, 2);
  await eventually(() => [...b.core.subscriptions()].every(({ clientId }) => clientId !== "$mesh/a"));
});

test.serial("startMesh() says so when its peer knows it not", async (t) => {
  const [one, other] = [await startCore(t, { node: "a", meshNodes: ["b"] }), await startCore(t, { node: "b", meshNodes: ["c"] })];
  const mesh = startMesh(one.core, configOf("a", { a: one.port, b: other.port }), { log: quiet, readFile: readFileSync, alsoWanted: [] });
  t.teardown(() => mesh.stop());
  await eventually(() => mesh.status()[0]?.lastError !== null);
  t.regex(mesh.status()[0]?.lastError ?? "", /refuses client \$mesh\/a: CONNACK 0x87/);
});
