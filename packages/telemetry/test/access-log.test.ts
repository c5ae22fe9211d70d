/** The access log's lines. @module */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { AccessLog } from "../src/access-log.ts";
import { accessRecord } from "../src/access-record.ts";
import type { Exchange } from "../src/exchange.ts";
import { someCall, someExchange, traceIdOf } from "./some-exchanges.ts";

const proxied = someExchange({
  ...{ from: "web", to: "cart", span: 7, ms: [1, 2, 5.25], target: "/items?user=1", authority: "cart.mesh" },
  ...{ flags: "URX", tries: 3, route: "cart-v2", status: 503, security: "mutual_tls" },
});

test("accessRecord() has the stable names, in their order", (t) => {
  t.is(
    JSON.stringify(accessRecord(proxied)),
    '{"start_time":"2026-01-01T00:00:00.001Z","method":"GET","path":"/items?user=1","protocol":"http/1","response_code":503,' +
      '"response_flags":"URX","grpc_status":null,"bytes_received":100,"bytes_sent":1000,"duration_ms":4.25,"upstream_host":"127.0.0.2:8080",' +
      '"upstream_service":"cart","caller":"web","downstream_remote_address":"127.0.0.1:40007","authority":"cart.mesh",' +
      '"trace_id":"00000000000000000000000000000001","route":"cart-v2","tries":3}',
  );
});

test("accessRecord() says null of what is not known", (t) => {
  const refused: Exchange = {
    ...someExchange({ from: "", to: "", span: 1, ms: [0, 0, 0], traceId: traceIdOf(0), method: "", target: "", status: 400 }),
    ...{ flags: "DPE", tries: 0 },
  };
  const nulls = { method: null, path: null, upstream_host: null, upstream_service: null, caller: null, authority: null, trace_id: null };
  t.like(accessRecord(refused), { ...nulls, route: null, response_flags: "DPE", tries: 0, response_code: 400 });
  t.like(accessRecord(someCall({ grpcStatus: 5 })), { protocol: "grpc", grpc_status: 5, response_flags: "-", tries: 1, route: null });
  t.is(accessRecord(someCall({ aborted: true })).response_flags, "UC");
});

test("accessRecord() keeps signatures of URLs to itself, cuts long paths, and brackets IPv6", (t) => {
  const of = (more: Partial<Exchange>) => accessRecord({ ...proxied, ...more });
  t.is(of({ target: "/f?sig=8A7F&a=b" }).path, "/f?sig=REDACTED&a=b");
  t.is(of({ target: `/${"x".repeat(9999)}` }).path?.length, 2048);
  t.is(of({ server: { ...proxied.server, address: "fd00::1" } }).upstream_host, "[fd00::1]:8080");
});

test("accessRecord() is one line of JSON whatever a client sends", (t) => {
  const text = fc.string({ unit: "binary" });
  t.notThrows(() =>
    fc.assert(
      fc.property(text, text, text, (method, target, authority) => {
        const line = JSON.stringify(accessRecord({ ...proxied, method, target, authority }));
        const back = JSON.parse(line);
        return !/[\n\r]/.test(line) && (back.method ?? "") === method && (back.authority ?? "") === authority;
      }),
      { seed: 7, numRuns: 1000 },
    ),
  );
});

/** Lines of a log that was told these exchanges. */
async function logged(t: ExecutionContext, share: number, exchanges: readonly Exchange[]) {
  const folder = mkdtempSync("/tmp/mitsu-access-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = await AccessLog.open({ to: `${folder}/access.log`, share });
  for (const exchange of exchanges) log.add(exchange);
  await log.close(5000);
  t.deepEqual([log.counts.lost, log.lastError], [0, undefined]);
  const lines = readFileSync(`${folder}/access.log`, "utf8").split("\n").slice(0, -1);
  t.is(log.counts.written, lines.length);
  return lines.map((line) => JSON.parse(line));
}

/** Ids as random as a hash makes them. */
const spread = (n: number): string => ((n * 2654435761) >>> 0).toString(16).padStart(32, "0");
const many = Array.from({ length: 2000 }, (_, n) => someExchange({ from: "a", to: "b", span: n, ms: [0, 1, 2], traceId: spread(n + 1) }));

test("AccessLog tells everything, nothing, or a share that is the same traces on every node", async (t) => {
  t.is((await logged(t, 1, many)).length, many.length);
  t.is((await logged(t, 0, many)).length, 0);
  const [here, there] = [await logged(t, 0.1, many), await logged(t, 0.1, many.toReversed())];
  t.true(here.length > 150 && here.length < 250, `${here.length} of 2000`);
  const ids = (lines: readonly { readonly trace_id: string }[]) => lines.map(({ trace_id }) => trace_id).sort();
  t.deepEqual(ids(here), ids(there));
});
