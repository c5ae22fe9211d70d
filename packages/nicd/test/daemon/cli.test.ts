/** The command line: help, bad arguments, exit codes, and a daemon that is or is not there. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import test from "ava";
import { nicd } from "../../src/cli.ts";
import { ask } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin } from "./support/origin.ts";

/** Runs a command to its end. */
async function cli(...argv: readonly string[]) {
  const env = testEnv({ now: Date.now });
  return { status: await run(nicd, argv, env), out: env.out(), err: env.err() };
}

for (const { name, hidden } of nicd.commands) {
  test(`nicd ${name} --help says what it does, with an example`, async (t) => {
    const { status, out } = await cli(...name.split(" "), "--help");
    t.is(status, exitStatus.ok);
    t.regex(out, new RegExp(`nicd ${name}`));
    t.regex(out, /example/i);
    if (!hidden) t.regex((await cli("--help")).out, new RegExp(`\\b${name.split(" ")[0]}\\b`));
  });
}

test("nicd --help, --version and an unknown command", async (t) => {
  t.regex((await cli("--help")).out, /nicd daemon/);
  t.deepEqual(JSON.parse((await cli("--version", "--json")).out), { name: "nicd", version: nicd.version });
  const unknown = await cli("rotues");
  t.is(unknown.status, exitStatus.usage);
  t.regex(unknown.err, /routes/);
});

/** Starts a daemon that must refuse to; a free socket each. */
async function refused(...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "nicd-r-"));
  try {
    return await cli("daemon", "--socket", join(folder, "n.sock"), "--sockhijack", "off", ...args);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const bad: readonly (readonly [what: string, args: readonly string[], status: number, says: RegExp])[] = [
  ["no listener at all", [], exitStatus.usage, /nothing to listen at.*\n.*--listen 127\.0\.0\.1:8080/],
  ["--listen without --route", ["--listen", "127.0.0.1:0"], exitStatus.usage, /there is no service routes\n.*--route/],
  ["a --listen that is no address", ["--listen", "8080", "--route", "127.0.0.1:1"], exitStatus.usage, /'8080': not address:port/],
  ["a --listen port too high", ["--listen", "127.0.0.1:65536", "--route", "127.0.0.1:1"], exitStatus.usage, /not address:port/],
  ["an unknown service for --listen", ["--listen", "127.0.0.1:0=shop", "--route", "127.0.0.1:1"], exitStatus.usage, /no service shop/],
  ["a --listen given twice", ["--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9", "--route", "127.0.0.1:1"], exitStatus.usage, /twice/],
  ["a --route whose target is no address", ["--listen", "127.0.0.1:0", "--route", "/a=localhost:1"], exitStatus.usage, /'\/a=localhost:1'/],
  ["a --route whose host is none", ["--listen", "127.0.0.1:0", "--route", "a b/c=127.0.0.1:1"], exitStatus.usage, /cannot use --route/],
  [
    "a share out of range",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--access-log-share", "1.5"],
    exitStatus.usage,
    /from 0 to 1/,
  ],
  ["a rate of 0", ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--otlp-rate", "0"], exitStatus.usage, /--otlp-rate 0/],
  ["no workers", ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--workers", "0"], exitStatus.usage, /--workers 0/],
  [
    "workers that each take any port",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--workers", "2"],
    exitStatus.usage,
    /name a port/,
  ],
  [
    "a collector's URL that is none",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--otlp", "nowhere"],
    exitStatus.config,
    /nowhere/,
  ],
  [
    "a folder without a certificate",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--certificates", "/nowhere"],
    exitStatus.config,
    /certificate \/nowhere\/tls\.crt.*\n(.*\n)?.*nicd cert issue/,
  ],
  [
    "links without a certificate",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--link-listen", "127.0.0.1:0"],
    exitStatus.config,
    /links to other nodes need a certificate/,
  ],
  [
    "a mesh file that is not there",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--config", "/nowhere/mesh.yaml"],
    exitStatus.config,
    /\/nowhere\/mesh\.yaml: no such file/,
  ],
  [
    "an access log that cannot be written",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--access-log", "/nowhere/log"],
    exitStatus.config,
    /\/nowhere\/log/,
  ],
  [
    "a metrics address that is none",
    ["--listen", "127.0.0.1:0", "--route", "127.0.0.1:1", "--metrics", "x:y:z"],
    exitStatus.usage,
    /x:y:z/,
  ],
];
for (const [what, args, status, says] of bad) {
  test(`nicd daemon refuses ${what}`, async (t) => {
    const answer = await refused(...args);
    t.is(answer.status, status, answer.err);
    t.regex(answer.err, says);
    t.is(answer.out, "");
    t.regex(answer.err, /hint: /, "what to do next");
  });
}

test("nicd daemon refuses a port that is taken, alone and with workers", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  for (const workers of ["1", "2"]) {
    const answer = await refused("--listen", `127.0.0.1:${port}`, "--route", "127.0.0.1:1", "--workers", workers);
    t.not(answer.status, exitStatus.ok);
    t.regex(answer.err, new RegExp(`cannot listen at 127\\.0\\.0\\.1:${port}: EADDRINUSE`));
    t.regex(answer.err, /choose another port/);
  }
});

test("nicd daemon refuses --route where the mesh file has a service of the same name", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nicd-r-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "mesh.yaml"), "version: 1\nservices: { routes: { ports: [80] } }\n");
  const answer = await refused("--config", join(folder, "mesh.yaml"), "--listen", "127.0.0.1:0", "--route", "127.0.0.1:1");
  t.is(answer.status, exitStatus.usage);
  t.regex(answer.err, /the mesh file has a service routes/);
});

test("nicd daemon --listen names a port that the service must have", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nicd-r-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "mesh.yaml"), "version: 1\nservices: { web: { ports: [80, 81] }, none: {} }\n");
  const config = ["--config", join(folder, "mesh.yaml")];
  const answer = await refused(...config, "--listen", "127.0.0.1:0=web:82");
  t.is(answer.status, exitStatus.usage);
  t.regex(answer.err, /web has no such TCP port\n.*it has 80, 81/);
  t.regex((await refused(...config, "--listen", "127.0.0.1:0=none")).err, /none has no such TCP port/);
});

for (const command of ["status", "routes", "clusters", "links", "top", "trace", "metrics", "reload"]) {
  test(`nicd ${command} says how to start the daemon where none is`, async (t) => {
    const socket = join(tmpdir(), `nicd-none-${process.pid}.sock`);
    const { status, err } = await cli(command, "--socket", socket);
    t.is(status, exitStatus.unavailable);
    t.regex(err, /nicd daemon/);
    const json = JSON.parse((await cli(command, "--socket", socket, "--json")).err);
    t.is(json.error.code, "ERR_DAEMON_DOWN");
  });
}

test("a second nicd daemon on the same socket is refused, and the first goes on", async (t) => {
  const origin = await Origin.start(t, "a");
  const first = await InProcessNicd.start(t, { listen: [""], args: ["--route", origin.at] });
  const second = await cli("daemon", "--socket", first.socket, "--sockhijack", "off", "--listen", "127.0.0.1:0", "--route", origin.at);
  t.is(second.status, exitStatus.temporary);
  t.regex(second.err, /already serves/);
  t.is((await ask(first.port)).body, "a");
});

test("nicd status, routes, clusters, links, top and trace speak to people and, with --json, to programs", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, {
    listen: [""],
    args: ["--route", `/a=${origin.at}`, "--route", `shop.example/b=${origin.at},127.0.0.1:9`],
  });
  t.regex((await daemon.cli("clusters")).out, /no service was called yet/);
  t.regex((await daemon.cli("links")).out, /no links/);
  t.is((await ask(daemon.port, "/a/x")).body, "a");

  const status = await daemon.cli("status");
  t.is(status.status, exitStatus.ok, status.out);
  t.regex(status.out, new RegExp(`listening at 127\\.0\\.0\\.1:${daemon.port}\n1 request`));
  t.like(JSON.parse((await daemon.cli("status", "--json")).out), {
    requests: 1,
    workers: 1,
    degraded: [],
    spoken: { http1: 1 },
    node: (await import("node:os")).hostname(),
  });

  const routes = await daemon.cli("routes");
  t.regex(routes.out, /routes +route-2 +host shop\.example, path \/b\*? +route-2/);
  t.regex(routes.out, /routes +route-1 +path \/a\*? +route-1/);
  t.regex(routes.out, /routes +nowhere +all +answer 404/);
  t.deepEqual(
    (JSON.parse((await daemon.cli("routes", "--json")).out) as { routes: { name: string }[] }).routes.map(({ name }) => name).slice(0, 3),
    ["route-2", "route-1", "nowhere"],
  );
  t.regex((await daemon.cli("routes", "--service", "nobody")).out, /no routes/);

  t.regex((await daemon.cli("clusters")).out, new RegExp(`route-1:80 .*127\\.0\\.0\\.1:${origin.port} +here .*`));
  t.like(JSON.parse((await daemon.cli("clusters", "--json", "--service", "route-1")).out).clusters[0], { service: "route-1", port: 80 });
  t.deepEqual(JSON.parse((await daemon.cli("links", "--json")).out), { links: [] });
  t.regex((await daemon.cli("trace")).out, /→ route-1 {2}GET \/a\/x/);
  t.is(JSON.parse((await daemon.cli("trace", "--json")).out).traces.length, 1);
  t.deepEqual(JSON.parse((await daemon.cli("top", "--json", "--interval-ms", "20")).out), { rows: [] });
  t.regex((await daemon.cli("metrics")).out, /^mitsu_nicd_accepted_total\{protocol="http1"\} 1$/m);
  t.is((await daemon.cli("trace", "--limit", "0")).status, exitStatus.usage);
  const unknown = await daemon.cli("trace", "0af7651916cd43dd8448eb211c80319c");
  t.is(unknown.status, exitStatus.failure);
  t.regex(unknown.err, /no trace 0af7651916cd43dd8448eb211c80319c among the last 1/);
});

test("a request that no --route is about gets 404", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { listen: [""], args: ["--route", `/a=${origin.at}`] });
  const answer = await ask(daemon.port, "/other");
  t.is(answer.status, 404);
  t.regex(answer.body, /no --route/);
});

test("nicd daemon ends with status 0 on SIGTERM and removes its socket; cleanup removes what is left", async (t) => {
  const origin = await Origin.start(t, "a");
  const daemon = await InProcessNicd.start(t, { listen: [""], args: ["--route", origin.at] });
  t.is(await daemon.stop(), exitStatus.ok);
  const { status, out } = await daemon.cli("cleanup");
  t.is(status, exitStatus.ok, out);
  t.regex(out, /removed .*nicd\.sock\.lock/);
  t.regex((await daemon.cli("cleanup")).out, /nothing to clean up/);
});
