/** The access log: a line of JSON for each request, a share of the traces, and a file that logrotate moves away. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin, replicas } from "../daemon/support/origin.ts";

const mesh = (origin: Origin): string =>
  `version: 1\nservices: { web: { ports: [80], tracing: header, replicas: ${replicas(origin)}, routes: [{ name: all }] } }\n`;

/** In a folder that goes with the test. */
function logOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "nicd-l-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, "access.log");
}

/** Lines so far. */
const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("a line for each request, under Envoy's names; queries that sign are not in it", async (t) => {
  const origin = await Origin.start(t, "hello");
  const log = logOf(t);
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--access-log", log] });
  await ask(daemon.port, "/a?sig=secret", { method: "POST", body: "xyz" });
  const [line] = await until("a line was written", () => lines(log).length === 1 && lines(log));
  t.like(line, {
    method: "POST",
    path: "/a?sig=REDACTED",
    response_code: 200,
    response_flags: "-",
    upstream_host: origin.at,
    upstream_service: "web",
    caller: null,
    authority: "test.example",
    route: "all",
    tries: 1,
  });
  t.regex(line!.downstream_remote_address as string, /^127\.0\.0\.1:\d+$/);
  t.is(line!.trace_id, /^00-([0-9a-f]{32})/.exec(origin.asked[0]!.headers.traceparent as string)![1]);
  t.true((line!.duration_ms as number) > 0);
});

test("--access-log-share takes whole traces: as many as it says, and the same ones on every node", async (t) => {
  const origin = await Origin.start(t, "hello");
  const log = logOf(t);
  const daemon = await InProcessNicd.start(t, {
    mesh: mesh(origin),
    listen: ["web"],
    args: ["--access-log", log, "--access-log-share", "0.25"],
  });
  await askMany(daemon.port, 600);
  await daemon.stop();
  const { length } = lines(log);
  t.true(Math.abs(length - 150) < 4 * Math.sqrt(600 * 0.25 * 0.75), `${length} of 600`);
});

test("SIGHUP opens the log anew after logrotate has moved it, and no line is lost", async (t) => {
  const origin = await Origin.start(t, "hello");
  const log = logOf(t);
  const daemon = await InProcessNicd.start(t, { mesh: mesh(origin), listen: ["web"], args: ["--access-log", log] });
  await askMany(daemon.port, 50);
  await until("all were written", () => lines(log).length === 50);
  renameSync(log, `${log}.1`);
  daemon.env.raise("SIGHUP");
  await until("reloaded", () => daemon.log.includes("reloaded"));
  await askMany(daemon.port, 50, "/after");
  await daemon.stop();
  t.is(lines(`${log}.1`).length + lines(log).length, 100);
  t.is(lines(log).filter(({ path }) => path === "/after").length, lines(log).length);
  t.true(lines(log).length > 0);
});
