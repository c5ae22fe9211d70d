/** Routes end to end, through real sockets: which requests go where, and what is changed on the way. */
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";

/** `web` with these routes, and the services `a`, `b` and `c` behind it. */
async function mesh(t: Parameters<typeof Origin.start>[0], web: string) {
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((name) => Origin.start(t, name)));
  const behind = [a!, b!, c!].map((one) => `  ${one.name}: { ports: [80], replicas: ${replicas(one)} }`).join("\n");
  const daemon = await InProcessNicd.start(t, { mesh: `version: 1\nservices:\n  web: ${web}\n${behind}\n`, listen: ["web"] });
  return { daemon, a: a!, b: b!, c: c! };
}

test("routes by host, path, method, header and query: the first that matches decides", async (t) => {
  const { daemon } = await mesh(
    t,
    `
    ports: [80]
    routes:
      - { match: { host: "*.shop.example" }, to: b }
      - { match: { host: shop.example, path: /api }, to: c }
      - { match: { path: { exact: /exact } }, to: b }
      - { match: { path: { regex: "/r[0-9]+" } }, to: c }
      - { match: { method: [PUT, DELETE] }, to: b }
      - { match: { header: { x-canary: { present: true } } }, to: c }
      - { match: { header: { x-team: { prefix: blue, not: true }, x-set: "1" } }, to: b }
      - { match: { query: { v: "2 3" } }, to: c }
      - { to: a }`,
  );
  const cases: readonly (readonly [to: string, path: string, options?: Parameters<typeof ask>[2]])[] = [
    ["b", "/", { headers: { host: "eu.shop.example" } }],
    ["b", "/", { headers: { host: "EU.Shop.Example:8080" } }],
    ["a", "/", { headers: { host: "shop.example" } }],
    ["c", "/api/x", { headers: { host: "shop.example" } }],
    ["c", "/api", { headers: { host: "shop.example." } }],
    ["a", "/apis", { headers: { host: "shop.example" } }],
    ["b", "/exact"],
    ["a", "/exact/x"],
    ["b", "/x/../exact?q"],
    ["b", "/%65xact"],
    ["c", "/r42"],
    ["a", "/r42x"],
    ["b", "/", { method: "PUT", body: "x" }],
    ["b", "/", { method: "DELETE" }],
    ["c", "/", { headers: { "X-Canary": "" } }],
    ["b", "/", { headers: { "x-team": "red", "x-set": "1" } }],
    ["a", "/", { headers: { "x-team": "blue-1", "x-set": "1" } }],
    ["b", "/", { headers: { "x-set": "1" } }],
    ["c", "/?u=1&v=2%203"],
    ["a", "/?v=2+3"],
    ["a", "/"],
  ];
  for (const [to, path, options] of cases)
    t.is((await ask(daemon.port, path, options)).body, to, `${path} ${JSON.stringify(options ?? {})}`);
});

test("a weighted split comes within four standard deviations of its shares, and a weight of 0 takes none", async (t) => {
  const { daemon } = await mesh(
    t,
    "{ ports: [80], routes: [{ to: [{ service: a, weight: 90 }, { service: b, weight: 10 }, { service: c, weight: 0 }] }] }",
  );
  const times = 2000;
  const answers = await askMany(daemon.port, times);
  const count = (name: string): number => answers.filter(({ body }) => body === name).length;
  const deviation = Math.sqrt(times * 0.9 * 0.1);
  t.true(Math.abs(count("b") - times * 0.1) < 4 * deviation, `${count("b")} of ${times}`);
  t.is(count("a") + count("b"), times);
});

test("a mirror gets a copy with its body; its answer, slow or failing, is nobody's", async (t) => {
  const answered: (() => void)[] = [];
  const shadow = await Origin.start(t, "shadow", (_, response) => void answered.push(() => response.writeHead(500).end()));
  const front = await Origin.start(t, "front");
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices:\n  web: { ports: [80], replicas: ${replicas(front)}, routes: [{ mirror: { service: shadow } }] }\n  shadow: { ports: [80], replicas: ${replicas(shadow)} }\n`,
    listen: ["web"],
  });
  const answer = await ask(daemon.port, "/p?q", { method: "POST", body: "hello" });
  t.deepEqual([answer.status, answer.body], [200, "front"]);
  const copy = await until("the copy came", () => shadow.asked[0]);
  t.like(copy, { method: "POST", url: "/p?q", body: "hello" });
  for (const end of answered) end();
  t.is((await daemon.status()).mirrored, 1);
  await until("the copy has ended", async () =>
    (await daemon.call((client) => client.call("clusters", {}))).clusters.every(({ inFlight }) => inFlight === 0),
  );
});

test("a mirror that is down costs nothing", async (t) => {
  const front = await Origin.start(t, "front");
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices:\n  web: { ports: [80], replicas: ${replicas(front)}, routes: [{ mirror: { service: shadow } }] }\n  shadow: { ports: [80], replicas: ${replicas({ port: 1 })} }\n`,
    listen: ["web"],
  });
  for (const answer of await askMany(daemon.port, 20)) t.is(answer.body, "front");
});

test("redirects, direct answers, rewrites of host and path, and header edits", async (t) => {
  const { daemon, a, b } = await mesh(
    t,
    `
    ports: [80]
    routes:
      - { match: { path: { exact: /old } }, redirect: { path: /new, status: 308 } }
      - { match: { path: /moved }, redirect: { scheme: https, host: eu.example, prefix: /there } }
      - { match: { path: /closed }, respond: { status: 410, body: gone for good } }
      - { match: { path: /api }, to: a, rewrite: { prefix: / , host: inner.example } }
      - { match: { path: /full }, to: a, rewrite: { path: /else } }
      - match: { path: /edit }
        to: b
        headers:
          request: { remove: [x-secret], set: { x-via: mesh }, add: { x-more: "2" } }
          response: { remove: [x-internal], set: { x-served: by-mesh } }`,
  );
  const moved = await ask(daemon.port, "/old?a=1");
  t.deepEqual([moved.status, moved.headers.location], [308, "http://test.example/new?a=1"]);
  t.is((await ask(daemon.port, "/moved/x?y")).headers.location, "https://eu.example/there/x?y");
  const gone = await ask(daemon.port, "/closed/x");
  t.deepEqual([gone.status, gone.body], [410, "gone for good\n"]);
  await ask(daemon.port, "/api/items?x=1");
  t.like(a.asked.at(-1), { url: "/items?x=1" });
  t.is(a.asked.at(-1)!.headers.host, "inner.example");
  await ask(daemon.port, "/full/x?keep=1");
  t.is(a.asked.at(-1)!.url, "/else?keep=1");
  const edited = await ask(daemon.port, "/edit", { headers: { "x-secret": "s", "x-more": "1" } });
  t.is(edited.headers["x-served"], "by-mesh");
  t.like(b.asked.at(-1)!.headers, { "x-via": "mesh", "x-more": "1, 2", "x-secret": undefined });
});

test("`locality: prefer` asks this node's replicas only, while one of them is healthy", async (t) => {
  const [near, far] = [await Origin.start(t, "near"), await Origin.start(t, "far")];
  const nodes = (locality: string): string => `version: 1
nodes: { n1: { address: 127.0.0.1 }, n2: { address: 127.0.0.2 } }
services:
  web:
    ports: [80]
    cluster: { locality: ${locality}, connect-timeout: 200ms, outlier: { consecutive-errors: 0 } }
    routes: [{ retries: { attempts: 3, least-in-flight: 100 } }]
    replicas: [{ address: 127.0.0.1, port: ${near.port}, node: n1 }, { address: 127.0.0.2, port: ${far.port}, node: n2 }]
`;
  const daemon = await InProcessNicd.start(t, { mesh: nodes("prefer"), listen: ["web"], args: ["--node", "n1"] });
  for (const { body } of await askMany(daemon.port, 100)) t.is(body, "near");
  const away = async (): Promise<number> =>
    (await daemon.call((client) => client.call("clusters", {}))).clusters[0]!.endpoints.find(({ here }) => !here)!.requests;
  t.is(await away(), 0);
  await daemon.reload(nodes("off"));
  for (const { body } of await askMany(daemon.port, 100))
    t.is(body, "near", "the other cannot be reached without a link, and is tried elsewhere");
  t.true((await away()) > 0);
});
