/** A module that is pushed to a nicd of two workers reaches both. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, nicd } from "@mitsu/ipc";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { Program } from "../../../sockhijack/test/kernel/support/program.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "../daemon/support/ask.ts";
import { Origin } from "../daemon/support/origin.ts";
import { compiled, filterTest } from "./compiled.ts";
import { meshOf } from "./filtered.ts";

filterTest("a push reaches every worker, and says how it went with all of them", async (t) => {
  const origin = await Origin.start(t, "served");
  const folder = mkdtempSync(join(tmpdir(), "nicd-w-"));
  const [socket, config, port] = [join(folder, "n.sock"), join(folder, "mesh.yaml"), await freePort()];
  writeFileSync(config, meshOf({ filters: [`tag: { module: ${compiled("heads")}, canary: { for: 0 } }`], uses: "tag", port: origin.port }));
  const bin = join(import.meta.dirname, "../../../../bin/nicd");
  const own = ["--socket", socket, "--config", config, "--filters", join(folder, "pushed"), "--sockhijack", "off", "--replicad", "off"];
  const program = new Program([bin, "daemon", ...own, "--listen", `127.0.0.1:${port}=web`, "--workers", "2"]);
  t.teardown(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await program.says(/\bready\b[^\n]*n\.sock["\s]/);
  using client = await connect(socket, nicd);
  const answer = await client.call(
    "pushFilter",
    { filter: "tag", module: readFileSync(compiled("heads", "OTHER")), wait: true },
    { timeoutMs: 60_000 },
  );
  t.is(answer.outcome, "taken");
  const tags = new Set((await askMany(port, 40)).map(({ headers }) => headers["x-answered"]));
  t.deepEqual([...tags], ["other"]);
  const [filter] = (await client.call("status", {})).filters!;
  t.like(filter, { origin: "push", state: "running" });
  // A canary that one worker rolls back is gone from the other one, too.
  writeFileSync(
    config,
    meshOf({
      filters: [`tag: { module: ${compiled("heads")}, config: x, canary: { share: 0.9, for: 1h } }`],
      uses: "tag",
      port: origin.port,
    }),
  );
  await client.call("reload", {}, { timeoutMs: 60_000 });
  await until("a canary has trapped", async () => {
    await ask(port, "/", { headers: { "x-do": "trap" } });
    return (await client.call("status", {})).filters![0]!.rollOut?.outcome === "rolled back";
  });
  await until("no worker has a canary", async () => (await client.call("status", {})).filters![0]!.canary === null);
  await t.throwsAsync(client.call("pushFilter", { filter: "tag", module: Buffer.from("no"), wait: true }), {
    message: /filter tag: the pushed module/,
  });
});
