/**
 * Which of the AssemblyScript filters of bench/filters/examples do on nicd what they say. One JSON object on stdout.
 *
 *     node bench/lib/filters-examples.ts --scratch DIR
 *
 * @module
 */
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Answer, arrived, createAsk, field, type Question } from "../../packages/meshfilters/src/conformance/ask.ts";
import { startUpstream } from "../../packages/meshfilters/src/conformance/upstream.ts";
import { buildModules } from "./filters-build.ts";
import { startNicd } from "./filters-nicd.ts";

const { values } = parseArgs({ options: { scratch: { type: "string", default: "." } } });
const port = 18380;
const upstreamPort = 18390;

const of = (answer: Answer, name: string): string | undefined => field(answer.headers, name);
const at = (answer: Answer, name: string): string | undefined => field(arrived(answer)?.headers ?? [], name);

/** What is asked, in order, and what is right of each answer. */
type Case = readonly (readonly [Omit<Question, "check">, (answer: Answer) => boolean])[];
const cases: Readonly<Record<string, Case>> = {
  "ab-split": [
    [{ headers: ["x-user", "u1"] }, (a) => arrived(a)?.path === "/b/ab-split/x"],
    [{ headers: ["x-user", "u2"] }, (a) => arrived(a)?.path === "/a/ab-split/x"],
  ],
  "add-header": [[{}, (a) => at(a, "x-added") === "1" && of(a, "x-added") === "1"]],
  "api-key": [
    [{}, ({ status, body }) => status === 403 && body === "bad key\n"],
    [{ headers: ["x-api-key", "secret"] }, ({ status }) => status === 200],
  ],
  "basic-auth": [
    [{}, (a) => a.status === 401 && of(a, "www-authenticate") === "Basic"],
    [{ headers: ["authorization", "Basic dXNlcjpwYXNz"] }, ({ status }) => status === 200],
  ],
  "cache-control": [[{}, (a) => of(a, "cache-control") === "public, max-age=60"]],
  cors: [
    [{ method: "OPTIONS" }, (a) => a.status === 204 && of(a, "access-control-allow-methods") === "GET, POST"],
    [{}, (a) => of(a, "access-control-allow-origin") === "*"],
  ],
  "custom-error": [
    [{ answer: "status=503" }, ({ status, body }) => status === 503 && body === "sorry\n"],
    [{ answer: "body=fine" }, ({ body }) => body === "fine"],
  ],
  "geo-block": [
    [{ headers: ["x-country", "XX"] }, ({ status }) => status === 451],
    [{ headers: ["x-country", "DE"] }, ({ status }) => status === 200],
  ],
  "http-call": [[{}, ({ status }) => status === 200]],
  "json-error": [
    [{ body: "no" }, (a) => a.status === 400 && of(a, "content-type") === "application/json"],
    [{ body: "{}" }, (a) => arrived(a)?.body === "{}"],
  ],
  metrics: [[{}, (a) => of(a, "x-counted") === "1"]],
  "pii-scrub": [[{ answer: "body=call 555 0100" }, ({ body }) => body === "call *** ****"]],
  properties: [[{}, (a) => of(a, "x-method") === "GET" && of(a, "x-port-bytes") === "8" && of(a, "x-dotted") === "/properties/x"]],
  queue: [
    [{}, ({ status }) => status === 200],
    [{}, (a) => Number(of(a, "x-taken")) >= 1],
  ],
  "rate-limit": [
    ...Array.from({ length: 5 }, (): Case[number] => [{}, ({ status }) => status === 200]),
    [{}, ({ status }) => status === 429],
  ],
  redirect: [[{}, ({ status }) => status === 200]],
  "remove-header": [
    [{ headers: ["x-remove-me", "1"] }, (a) => a.status === 200 && at(a, "x-remove-me") === undefined && of(a, "x-one") === undefined],
  ],
  "request-id": [
    [{}, (a) => /^\d+-\d+$/.test(at(a, "x-request-id") ?? "")],
    [{ headers: ["x-request-id", "mine"] }, (a) => at(a, "x-request-id") === "mine"],
  ],
  tick: [[{}, (a) => Number(of(a, "x-ticks")) > 0]],
  "upper-body": [[{ answer: "body=quiet" }, ({ body }) => body === "QUIET"]],
};

const sources = globSync(join(import.meta.dirname, "../filters/examples/*.as")).toSorted();
const failures: string[] = await buildModules(values.scratch, sources);
const names = sources.map((path) => basename(path, ".as"));
const unbuilt = new Set(failures.map((line) => line.split(".as")[0]));
const built = names.filter((name) => !unbuilt.has(name));
const mesh = `version: 1
filters:
${built.map((name) => `  ${name}: { module: ${name}-as.wasm${name === "api-key" ? ", config: secret" : ""} }`).join("\n")}
services:
  upstream:
    ports: ["${port}:${upstreamPort}"]
    replicas: [{ address: 127.0.0.1, port: ${upstreamPort} }]
    routes:
${built.map((name) => `      - { name: ${name}, match: { path: /${name} }, filters: [${name}] }`).join("\n")}
`;

const upstream = await startUpstream({ upstream: upstreamPort, grpc: upstreamPort + 1 });
try {
  const nicd = await startNicd(values.scratch, mesh, port, "upstream");
  const { ask, close } = createAsk(`http://127.0.0.1:${port}`);
  try {
    // A few ticks.
    await wait(200);
    for (const name of built) {
      for (const [question, right] of cases[name] ?? []) {
        const answer = await ask(name, { check: name, ...question });
        if (right(answer)) continue;
        failures.push(`${name}: ${answer.status} ${answer.error || answer.body.slice(0, 80)}`);
        break;
      }
      if (cases[name] === undefined) failures.push(`${name}: nobody says what it should do`);
    }
  } finally {
    close();
    await nicd.stop();
  }
} finally {
  await upstream.close();
}
process.stdout.write(`${JSON.stringify({ filters: names.length, right: names.length - failures.length, failures })}\n`);
