/** The standalone binary does what the sources do, without Node, npm or libbpf. @module */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { emptyRoot, leastEnv } from "../../../scripts/test/empty-root.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/nicd");

test.serial.before("./build makes dist/bin/nicd", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = spawnSync(join(root, "build"), ["nicd"], { encoding: "utf8" });
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("the binary prints its version and its help in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  for (const [argument, output] of [
    ["--version", /^nicd \d+\.\d+\.\d+\n$/],
    ["--help", /nicd daemon --sockhijack off/],
  ] as const) {
    const run = empty.run(argument);
    t.deepEqual([run.status, run.stderr], [0, ""], argument);
    t.regex(run.stdout, output);
  }
});

test.serial("the binary makes an authority and a node's certificate in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  const made = empty.run("ca", "init", "--authority", "/ca", "--trust-domain", "shop.mesh");
  t.deepEqual([made.status, made.stderr], [0, ""]);
  const issued = empty.run("cert", "issue", "--authority", "/ca", "--certificates", "/own", "--node", "n1");
  t.deepEqual([issued.status, issued.stderr], [0, ""]);
  t.regex(empty.run("cert", "show", "--certificates", "/own").stdout, /^spiffe:\/\/shop\.mesh\/node\/n1$/m);
});

/** A server whose requests are counted. */
async function replica(t: ExecutionContext): Promise<{ readonly port: number; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((_request, answer) => {
    asked++;
    answer.end("hello\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
}

/** A port that nobody listens at just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One request on a connection of its own. */
async function get(port: number): Promise<string> {
  const asking = request({ host: "127.0.0.1", port, agent: false, timeout: 5000 }).end();
  const [answer] = await once(asking, "response");
  let text = "";
  for await (const piece of answer) text += String(piece);
  return `${answer.statusCode} ${text}`;
}

for (const workers of [1, 2]) {
  test.serial(`the binary carries requests with --workers ${workers}, and ends at SIGTERM with nothing left of it`, async (t) => {
    const { port, asked } = await replica(t);
    const at = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "mitsu-nicd-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const socket = join(folder, "n.sock");
    const args = ["daemon", "--sockhijack", "off", "--listen", `127.0.0.1:${at}`, "--route", `127.0.0.1:${port}`];
    const daemon = spawn(binary, [...args, "--socket", socket, "--workers", String(workers)], {
      env: { ...leastEnv, TMPDIR: folder, NODE_OPTIONS: "--max-semi-space-size=16" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(daemon, "exit");
    t.teardown(() => daemon.kill("SIGKILL"));
    for await (const line of createInterface({ input: daemon.stderr })) if (line.includes(` ready socket=${socket} `)) break;
    daemon.stderr.resume();

    for (let times = 0; times < 20; times++) t.is(await get(at), "200 hello\n");
    t.is(asked(), 20);
    const status = spawnSync(binary, ["status", "--json", "--socket", socket], { encoding: "utf8", env: leastEnv });
    t.like(JSON.parse(status.stdout), { workers, requests: 20, degraded: [] });

    daemon.kill("SIGTERM");
    t.deepEqual(await ended, [0, null]);
    t.deepEqual(
      readdirSync(folder).filter((name) => !name.endsWith(".lock")),
      [],
    );
  });
}
