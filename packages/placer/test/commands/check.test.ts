import { run, type TestEnv, testEnv } from "@mitsu/cli";
import test from "ava";
import { placer } from "../../src/cli.ts";

const shop = `name: shop
nodes:
  - { name: n1, capacity: { cpu: 4, memory: 8GiB }, zone: a }
  - { name: n2, capacity: { cpu: 4, memory: 8GiB }, zone: b }
services:
  - { name: web, replicas: 3, requests: { cpu: 1, memory: 1GiB }, spread: [{ over: zone }] }
  - { name: cart, requests: { cpu: 500m }, affinity: [{ service: web, weight: 10 }], pinned: { cart-0: n1 } }
traffic: [{ from: web, to: cart, messages: 1200/s, bytes: 3.4MB/s }]
assignment: { cart-0: n1 }
`;

async function check(text: string, ...more: string[]): Promise<{ status: number; env: TestEnv }> {
  const env = testEnv({ files: { "/p.yaml": text } });
  return { status: await run(placer, ["check", "/p.yaml", ...more], env), env };
}

test("placer check prints what the problem is, what is unknown, and that it can be solved", async (t) => {
  const { status, env } = await check(shop);
  t.is(
    env.out(),
    `shop: 2 nodes in 2 zones, 2 services, 4 replicas

RESOURCE  CAPACITY   RESERVED  SHARE
cpu        8 cores  3.5 cores   44 %
memory    16.0 GiB   3.00 GiB   19 %

traffic: 1 edge, 1.20 kmsg/s, 3.24 MiB/s
rules: affinity 1 wish, spread 1 must, 1 replica pinned
unknown: memory of cart: neither requested nor measured, taken as 0
unknown: where 3 of 4 replicas run now: a budget does not count them

A placement keeps every rule.
`,
    env.err(),
  );
  t.is(status, 0);
});

test("placer check says that traffic has no unit where resources are shares of the cluster", async (t) => {
  const { env } = await check(
    "resources: { cpu: { unit: share } }\nnodes: [{ name: n1, capacity: { cpu: 1 } }]\nservices: [{ name: a }, { name: b }]\ntraffic: [{ from: a, to: b, messages: 0.5/s }]",
  );
  t.regex(env.out(), /\ntraffic: 1 edge, without a unit\n/, env.err());
});

test("placer check --json prints the same for programs", async (t) => {
  const { status, env } = await check(shop, "--json", "--max-utilisation", "0.7");
  const result = JSON.parse(env.out()) as Record<string, unknown>;
  t.is(status, 0);
  t.like(result, { name: "shop", nodes: 2, zones: 2, services: 2, replicas: 4, pinned: 1, present: 1, status: "feasible", clash: [] });
  t.deepEqual((result.resources as object[])[0], { name: "cpu", unit: "cores", capacity: 8, reserved: 3.5, share: 0.625 });
  t.deepEqual(result.traffic, { edges: 1, messagesPerSecond: 1200, bytesPerSecond: 3.4e6 });
});

test("placer check ends with 1 and names what clashes", async (t) => {
  const { status, env } = await check(
    "nodes: [{ name: n1, capacity: { cpu: 4 } }]\nservices: [{ name: web, replicas: 2, antiAffinity: [{ service: web }] }]",
  );
  t.is(status, 1, env.err());
  t.regex(env.out(), /No placement keeps every rule\. These clash:\n {2}.*web/);
});

test("placer check ends with 2 when the file is wrong, and prints nothing else", async (t) => {
  const { status, env } = await check("nodes: [{ name: n1, capacity: { memory: 8 } }]\nservices: [{ name: web }]");
  t.is(status, 2);
  t.is(env.out(), "");
  t.regex(env.err(), /^placer: \/p\.yaml:1:41: nodes\[0\]\.capacity\.memory: 8 needs a unit: 8MiB\?\n/);
});

test("placer check refuses a utilisation that is no share", async (t) => {
  const { status, env } = await check(shop, "--max-utilisation", "0");
  t.is(status, 2);
  t.regex(env.err(), /--max-utilisation 0 is no share/);
});
