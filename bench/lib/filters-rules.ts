/**
 * Rules as a module: how long a set takes to compile, and what a request costs with it. One JSON object on stdout.
 *
 *     node bench/lib/filters-rules.ts
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRules } from "../../packages/meshfilters/src/rules/build-rules.ts";
import {
  defaultLimits,
  FieldList,
  loadModule,
  mapType,
  type PluginHost,
  SharedMemories,
  type StreamHost,
  startPlugin,
} from "../../packages/proxy-wasm/src/mod.ts";

const sizes = [10, 1000, 10_000];
const requests = 20_000;
const rounds = 5;

/** A shop's rules: of a tenth hosts alone, of the others hosts and paths, half of these with a method; every hundredth has a header. */
function rulesText(count: number): string {
  const rules = Array.from({ length: count }, (_, at) => {
    const match = [`host: shop-${at % Math.max(1, Math.floor(count / 10))}.example`];
    if (at % 10 !== 0) match.push(`path: { exact: /items/${at} }`);
    if (at % 2 === 1) match.push("method: GET");
    if (at % 100 === 99) match.push('header: { x-canary: "1" }');
    // Those of hosts alone come last, or nothing behind them would decide.
    return { last: at % 10 === 0, line: `  - { name: r${at}, match: { ${match.join(", ")} }, do: { set: { x-rule: "${at}" } } }` };
  });
  const ordered = [...rules.filter(({ last }) => !last), ...rules.filter(({ last }) => last)];
  return `version: 1\nrules:\n${ordered.map(({ line }) => line).join("\n")}\n`;
}

const host = {
  log: () => {},
  logLevel: "error",
  nowNs: () => 0n,
  httpCall: () => null,
  grpcCall: () => null,
  shared: new SharedMemories().of(""),
  metric: () => null,
  setTick: () => {},
  property: () => undefined,
  foreign: () => undefined,
} satisfies PluginHost;

function streamOf(at: number, count: number): StreamHost {
  const head = new FieldList([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", `/items/${at}?q=1`],
    [":authority", `shop-${at % Math.max(1, Math.floor(count / 10))}.example`],
    ["user-agent", "bench"],
  ]);
  return {
    fields: (map) => (map === mapType.requestHeaders ? head : null),
    buffer: () => null,
    property: () => undefined,
    setProperty: () => false,
    respond: () => true,
    resume: () => {},
    close: () => {},
  };
}

/** CPU µs of this process for each call, the least of some rounds. */
function cost(call: (at: number) => void): number {
  const each = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    for (let at = 0; at < requests; at++) call(at);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / requests;
  });
  return Math.min(...each);
}

const folder = mkdtempSync(join(tmpdir(), "mitsu-rules-"));
try {
  // The compiler is loaded once, whatever is compiled.
  const warm = join(folder, "warm.yaml");
  writeFileSync(warm, rulesText(10));
  await buildRules(warm, { backEnds: ["wasm"] });
  const sets: object[] = [];
  for (const count of sizes) {
    const source = join(folder, `${count}.yaml`);
    const output = join(folder, `${count}.wasm`);
    writeFileSync(source, rulesText(count));
    const began = performance.now();
    const before = process.cpuUsage();
    await buildRules(source, { output, backEnds: ["wasm"] });
    const compileMs = performance.now() - began;
    const { user, system } = process.cpuUsage(before);
    const bytes = readFileSync(output);
    const nothing = new Uint8Array();
    const options = {
      name: "rules",
      rootId: "",
      vmId: "",
      configuration: nothing,
      vmConfiguration: nothing,
      limits: defaultLimits,
      capabilities: "all",
    } as const;
    const plugin = startPlugin(await loadModule(bytes, defaultLimits), options, host);
    const stride = 7919;
    const run = (at: number): void => {
      const context = plugin.openHttp(streamOf((at * stride) % count, count));
      context.requestHeaders(true);
      context.end();
    };
    const withRules = cost(run);
    const without = cost((at) => void streamOf((at * stride) % count, count));
    sets.push({ rules: count, compileMs, compileCpuMs: (user + system) / 1000, bytes: bytes.length, requestUs: withRules - without });
  }
  process.stdout.write(`${JSON.stringify({ sets })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
