/** What a browser does: six connections kept alive, requests of all kinds among each other, and some given up half-way. */
import { Agent, type IncomingMessage, request } from "node:http";
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";

const tag = '"v1"';
const sizes = [0, 1, 300, 4_000, 70_000, 1_000_000];

/** The same for the same path, and different for others. */
const bodyOf = (path: string, size: number): string => `${path}\n`.repeat(size / (path.length + 1) + 1).slice(0, size);

/** A random number from 0 to below `n`, the same ones at each run (Numerical Recipes' generator). */
function dice(): (n: number) => number {
  let state = 20261126;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Fetched {
  readonly response: IncomingMessage;
  readonly body: string;
}

test("a browser's mix on six connections: every answer is its request's, given up ones harm nobody, and nothing is left", async (t) => {
  const origin = await Origin.start(t, "site", (incoming, response) => {
    const [, kind, size = "0"] = incoming.url!.split("/");
    const body = bodyOf(incoming.url!, Number(size));
    if (kind === "cached" && incoming.headers["if-none-match"] === tag) response.writeHead(304, { etag: tag }).end();
    else if (kind === "chunked") {
      response.writeHead(200, { etag: tag });
      for (let at = 0; at < body.length; at += 20_000) response.write(body.slice(at, at + 20_000));
      response.end();
    } else if (kind === "form") response.writeHead(201).end(String(origin.asked.at(-1)!.body.length));
    else response.writeHead(200, { etag: tag, "content-length": body.length }).end(body);
  });
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices:\n  site: { ports: [80], tracing: header, replicas: ${replicas(origin)} }\n`,
    listen: ["site"],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 6 });
  t.teardown(() => agent.destroy());
  const ask = (method: string, path: string, sent = "", headers = {}, giveUp = false): Promise<Fetched | null> =>
    new Promise((resolve, reject) => {
      const asking = request({ host: "127.0.0.1", port: daemon.port, agent, method, path, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => resolve({ response, body: Buffer.concat(parts).toString("latin1") }));
        response.on("error", () => {}).on("close", () => resolve(null));
        if (giveUp) response.destroy();
      });
      asking.on("error", (error) => (giveUp ? resolve(null) : reject(error)));
      asking.end(sent);
    });
  const roll = dice();
  let givenUp = 0;
  await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const size = sizes[roll(sizes.length)]!;
      const what = roll(6);
      const path = (kind: string): string => `/${kind}/${size}/${index}`;
      if (what === 0) {
        givenUp++;
        await ask("GET", path("plain"), "", {}, true);
        return;
      }
      const kinds = ["", "plain", "chunked", "cached", "head", "form"] as const;
      const kind = kinds[what]!;
      const sent = kind === "form" ? bodyOf("x", size) : "";
      const method = kind === "form" ? "POST" : kind === "head" ? "HEAD" : "GET";
      const { response, body } = (await ask(method, path(kind), sent, kind === "cached" ? { "if-none-match": tag } : {}))!;
      const wanted = { plain: 200, chunked: 200, cached: 304, head: 200, form: 201, "": 0 }[kind];
      t.is(response.statusCode, wanted, path(kind));
      if (kind === "plain" || kind === "chunked") t.true(body === bodyOf(path(kind), size), path(kind));
      if (kind === "form") t.is(body, String(size));
      if (kind === "head" || kind === "cached") t.is(body, "");
    }),
  );
  t.true(givenUp > 20);
  await until("nothing is in flight", async () =>
    (await daemon.call((client) => client.call("clusters", {}))).clusters.every(({ inFlight }) => inFlight === 0),
  );
  t.true((await daemon.status()).connections.http <= 6);
});
