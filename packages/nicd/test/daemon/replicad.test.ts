/** nicd beside a replicad: what it writes for it, reads of it, and says of both. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clockMs, type LoadCounts, LoadReader, ReportWriter } from "@mitsu/replica-table";
import test from "ava";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "./support/ask.ts";
import { InProcessNicd } from "./support/in-process-nicd.ts";
import { Origin, replicas } from "./support/origin.ts";

test("nicd looks for the replicad that it was told of, does as its reports say, and says when they are not there", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nicd-rd-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, "replicad.sock");
  const [a, b] = [await Origin.start(t, "a"), await Origin.start(t, "b")];
  const cluster = "cluster: { selector: round-robin, slow-start: 0 }";
  const mesh = `version: 1\nservices: { web: { ports: [80], replicas: ${replicas(a, b)}, ${cluster} } }\n`;
  const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"], args: ["--replicad", socket] });
  t.regex((await daemon.status()).degraded.join(), /there is no replicad at .*replicad\.sock/);
  t.is((await daemon.cli("status")).status, 69);
  await askMany(daemon.port, 10);

  const writer = ReportWriter.create(`${socket}.reports`);
  const row = { inFlight: 2, serviceMs: 1, latencyMs: 1, failures: 0, workers: 1, weight: Number.NaN };
  const tell = (flags: number): void => {
    const nowMs = clockMs();
    writer.write(writer.row(a.at), { ...row, atMs: nowMs, flags });
    writer.write(writer.row(b.at), { ...row, atMs: nowMs, flags: 0 });
    writer.commit(nowMs, 3);
  };
  let flags = 1;
  const beats = setInterval(() => tell(flags), 10);
  t.teardown(() => clearInterval(beats));
  tell(flags);
  await until("the reports are found", async () => (await daemon.status()).reports.state === "fresh");
  const status = await daemon.status();
  t.deepEqual(status.degraded, []);
  await until("they are heard", async () => {
    await ask(daemon.port);
    return (await daemon.status()).reports.replicas === 2;
  });
  for (const { body } of await askMany(daemon.port, 20)) t.is(body, "b", "a drains");
  const [first, second] = (await daemon.call((client) => client.call("clusters", {}))).clusters[0]!.endpoints;
  t.like(first, { standing: "draining" });
  t.true(second!.reportAgeMs! < 1000);
  t.regex((await daemon.cli("clusters")).out, /draining/);
  t.regex((await daemon.cli("status")).out, /reports fresh, of 2 replicas/);
  t.regex(await daemon.metrics(), /^mitsu_nicd_reports_age_seconds\{service="web"\} 0(\.\d+)?$/m);
  flags = 4;
  await until(
    "a is dead",
    async () => (await daemon.call((client) => client.call("clusters", {}))).clusters[0]!.endpoints[0]!.standing === "dead",
  );
  clearInterval(beats);
  await until("the reports are stale", async () => (await daemon.status()).reports.state === "stale");
  t.regex((await daemon.status()).degraded.join(), /has not written its reports/);
  await until("a is asked again", async () => (await ask(daemon.port)).body === "a");
  writer.close();
});

test("nicd counts requests and carried connections in <its socket>.load, beats, and removes it at its end", async (t) => {
  const held: (() => void)[] = [];
  const origin = await Origin.start(t, "a", (request, response) => {
    if (request.url === "/held") held.push(() => response.end("a"));
    else response.end("a");
  });
  const daemon = await InProcessNicd.start(t, {
    mesh: `version: 1\nservices: { web: { ports: [80], replicas: ${replicas(origin)} } }\n`,
    listen: ["web"],
  });
  const waiting = ask(daemon.port, "/held");
  await until("it is there", () => held.length === 1);
  await askMany(daemon.port, 5);
  const reader = LoadReader.open(`${daemon.socket}.load`);
  const counts = {} as LoadCounts;
  reader.counts(0, counts);
  t.is(reader.key(0), origin.at);
  t.like(counts, { inFlight: 1, begun: 6, ended: 5, failed: 0, here: true });
  t.true(counts.connections >= 2 && counts.latencyMs > 0);
  t.true(clockMs() - counts.busySinceMs < 5000, "by the machine's clock");
  t.true(reader.alive(clockMs()));
  held[0]!();
  await waiting;
  t.is(await daemon.stop(), 0);
  t.true(reader.replaced());
  reader.close();
});
