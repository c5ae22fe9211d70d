/**
 * What rules cost: to compile, and for a request. `node packages/meshfilters/test/rules/cost.ts [rounds]`; `--json` for a program.
 * Times are of the processor (user and system), so that others on the machine count less.
 * @module
 */

import { backEndsOf } from "../../src/rules/build-rules.ts";
import { parseRules } from "../../src/rules/parse-rules.ts";
import { placeRules } from "../../src/rules/place-rules.ts";
import type { RuleRequest } from "../../src/rules/request.ts";
import { WasmRunner } from "./wasm-runner.ts";

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Rules of five kinds: exact host and path, prefix, header, caller with prefix, source with method. */
function rulesText(count: number): string {
  const kinds = [
    (at: number) => `host: h${at}.example, path: { exact: /p/${at} }`,
    (at: number) => `path: /api/v${at}/items`,
    (at: number) => `header: { x-tenant: t${at} }`,
    (at: number) => `from: s${at % 500}, path: /only/${at}`,
    (at: number) => `source: 10.${(at >> 8) & 255}.${at & 255}.0/24, method: [POST, PUT]`,
  ];
  const rules = Array.from(
    { length: count },
    (_, at) =>
      `  - { name: r${at}, match: { ${kinds[at % kinds.length]!(at)} }, do: ${at % 2 ? "{ deny: 403 }" : "{ set: { x-rule: r } }"} }`,
  );
  return `version: 1\nrules:\n${rules.join("\n")}\n`;
}

/** Requests for rules at the beginning, the end and none. */
function requestsOf(count: number): readonly RuleRequest[] {
  const usual = [
    ["accept", "*/*"],
    ["user-agent", "curl/7.88.1"],
    ["x-request-id", "8a1b"],
    ["x-b", "1"],
  ] as const;
  const last = count - 5;
  const request = (host: string, path: string, more: readonly (readonly [string, string])[] = []): RuleRequest => ({
    headers: [[":authority", host], [":path", path], [":method", "GET"], ...usual, ...more],
    service: "s3",
    spiffe: "",
    address: "192.168.0.1",
    port: 80,
  });
  return [
    request("shop.example:8080", "/index.html?x=1"),
    request(`h${last}.example`, `/p/${last}`),
    request("shop.example", `/api/v${last + 1}/items/7`),
    request("shop.example", "/a", [["x-tenant", `t${last + 2}`]]),
    request("shop.example", "/only/3/x"),
  ];
}

const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 20_000);
const rows: object[] = [];
for (const count of [10, 1000, 10_000]) {
  const text = rulesText(count);
  const [begin, beginMs] = [cpuMs(), performance.now()];
  const set = parseRules(text, "rules.yaml");
  const parsed = cpuMs();
  const placement = placeRules(set, await backEndsOf(set));
  const [done, doneMs] = [cpuMs(), performance.now()];
  const { bytes } = placement.devices.find(({ device }) => device === "wasm")!.artifact;
  const runner = await WasmRunner.of(bytes);
  const requests = requestsOf(count);
  const turn = (times: number): void => {
    for (let round = 0; round < times; round++) for (const request of requests) runner.judge(request);
  };
  turn(rounds / 10);
  const fuel = runner.fuel;
  const before = cpuMs();
  turn(rounds);
  const us = ((cpuMs() - before) * 1000) / (rounds * requests.length);
  rows.push({
    rules: count,
    "parse [ms]": Math.round(parsed - begin),
    "place and emit [ms]": Math.round(done - parsed),
    "by the clock [ms]": Math.round(doneMs - beginMs),
    "module [bytes]": bytes.length,
    "request [µs]": Number(us.toFixed(2)),
    "fuel a request": Math.round((runner.fuel - fuel) / (rounds * requests.length)),
    "memory [bytes]": runner.memoryBytes,
  });
}
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(rows)}\n`);
else console.table(rows);
