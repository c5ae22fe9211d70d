/**
 * A filter's configuration is changed again and again, each time until an answer shows it; then the resident set is read. One JSON object on stdout.
 *
 *     node bench/lib/filters-reload.ts --scratch DIR --reloads 2000
 *
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createAsk } from "../../packages/meshfilters/src/conformance/ask.ts";
import { compileKit } from "../../packages/meshfilters/src/conformance/compile-kit.ts";
import { startUpstream } from "../../packages/meshfilters/src/conformance/upstream.ts";
import { startNicd } from "./filters-nicd.ts";

const { values } = parseArgs({ options: { scratch: { type: "string", default: "." }, reloads: { type: "string", default: "2000" } } });
const port = 18280;
const upstreamPort = 18290;
/** Until a changed configuration must show, ms. */
const patienceMs = 5000;
/** The resident set is read this often. */
const every = 20;

const mesh = (tag: number): string => `version: 1
filters:
  state: { module: state.wasm, config: tag-${tag}, canary: { share: 1, for: 0 } }
services:
  kit:
    ports: ["${port}:${upstreamPort}"]
    replicas: [{ address: 127.0.0.1, port: ${upstreamPort} }]
    filters: [state]
`;

/** Slope by least squares of y over x. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [x, y] = [mean(0), mean(1)];
  return points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0) / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}

await compileKit(values.scratch);
const upstream = await startUpstream({ upstream: upstreamPort, grpc: upstreamPort + 1 });
const nicd = await startNicd(values.scratch, mesh(0), port, "kit");
const { ask, close } = createAsk(`http://127.0.0.1:${port}`);
const resident: (readonly [reload: number, mb: number])[] = [];
const total = Number(values.reloads);
let shown = 0;
let failed = 0;
const began = performance.now();
try {
  for (let tag = 1; tag <= total; tag++) {
    nicd.reload(mesh(tag));
    const until = performance.now() + patienceMs;
    for (;;) {
      const { status, body } = await ask("state", { check: "configuration" });
      if (status !== 200) failed++;
      if (body.startsWith(`value=tag-${tag} `)) {
        shown++;
        break;
      }
      if (performance.now() > until) break;
      await wait(2);
    }
    if (tag % every === 0) resident.push([tag, nicd.residentMb()]);
    // One that does not show at all will not show a thousand times.
    if (shown === 0 && tag === 3) break;
  }
} finally {
  close();
  await nicd.stop();
  await upstream.close();
}
// The first half is V8's: it compiles, and its heap grows to what it likes.
const settled = resident.filter(([tag]) => tag > total / 2);
process.stdout.write(
  `${JSON.stringify({
    reloads: total,
    shown,
    failed,
    perReloadMs: (performance.now() - began) / total,
    firstMb: resident[0]?.[1] ?? 0,
    lastMb: resident.at(-1)?.[1] ?? 0,
    slopeKb: settled.length > 1 ? slope(settled) * 1000 : null,
    resident,
  })}\n`,
);
