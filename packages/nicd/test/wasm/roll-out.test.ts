/** Changed filters are tried out first: taken when they are well, rolled back by themselves when they are not, whether by a reload or by a push. */
import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sign } from "@mitsu/proxy-wasm";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import { ask, askMany } from "../daemon/support/ask.ts";
import { InProcessNicd } from "../daemon/support/in-process-nicd.ts";
import { Origin } from "../daemon/support/origin.ts";
import { compiled, filterTest } from "./compiled.ts";
import { meshOf, startFiltered } from "./filtered.ts";

const module = (): string => compiled("heads");

filterTest("a changed configuration gets its share first, then all; one that comes meanwhile takes its place", async (t) => {
  const origin = await Origin.start(t, "served");
  const mesh = (config: string, time: string) => ({
    filters: [`tag: { module: ${module()}, config: ${config}, canary: { share: 0.5, for: ${time} } }`],
    uses: "tag",
    port: origin.port,
  });
  const daemon = await startFiltered(t, mesh("old", "1h"));
  const tags = async (): Promise<unknown[]> =>
    [...new Set((await askMany(daemon.port, 40)).map(({ headers }) => headers["x-answered"]))].toSorted();
  await daemon.reload(meshOf(mesh("new", "1h")));
  t.deepEqual(await tags(), ["new", "old"]);
  await daemon.reload(meshOf(mesh("newer", "100ms")));
  await until("it is taken", async () => (await daemon.status()).filters![0]!.rollOut?.outcome === "taken");
  t.deepEqual(await tags(), ["newer"]);
  t.regex((await daemon.cli("filters")).out, /tag: [0-9a-f]{12} was taken: \d+ exchanges/);
});

filterTest("a canary that traps is rolled back at once, and not tried again; the others notice nothing", async (t) => {
  const origin = await Origin.start(t, "served");
  const daemon = await startFiltered(t, { filters: [`tag: { module: ${module()}, config: old }`], uses: "tag", port: origin.port });
  const changed = meshOf({
    filters: [`tag: { module: ${module()}, config: new, canary: { share: 0.5, for: 1h } }`],
    uses: "tag",
    port: origin.port,
  });
  await daemon.reload(changed);
  // Those of the old machine trap too: only until the first of the new one's.
  await until("a canary's request has come", async () => (await ask(daemon.port)).headers["x-answered"] === "new");
  const { rollOut } = (await daemon.status()).filters![0]!;
  t.is(rollOut, null);
  const worse = meshOf({
    filters: [`tag: { module: ${module()}, config: worse, canary: { share: 0.999999, for: 1h } }`],
    uses: "tag",
    port: origin.port,
  });
  await daemon.reload(worse);
  t.is((await ask(daemon.port, "/", { headers: { "x-do": "trap" } })).status, 500);
  const [filter] = (await daemon.status()).filters!;
  t.like(filter, { state: "running", traps: 1, canary: null });
  t.like(filter!.rollOut, { outcome: "rolled back" });
  t.regex(filter!.rollOut!.reason, /^it stopped in proxy_on_request_headers/);
  t.is((await ask(daemon.port)).headers["x-answered"], "old");
  await daemon.call((client) => client.call("reload", {}));
  t.is((await daemon.status()).filters![0]!.state, "running");
  t.regex(daemon.log, /a filter's new version was rolled back/);
});

filterTest("a canary with more errors than the rest is rolled back", async (t) => {
  const origin = await Origin.start(t, "served");
  const daemon = await startFiltered(t, { filters: [`tag: { module: ${module()}, config: old }`], uses: "tag", port: origin.port });
  // It answers in the place of a replica, with 503.
  writeFileSync(`${daemon.folder}/failing.wasm`, readFileSync(compiled("heads", "FAILING")));
  await daemon.reload(
    meshOf({ filters: ["tag: { module: failing.wasm, canary: { share: 0.5, for: 1h } }"], uses: "tag", port: origin.port }),
  );
  await askMany(daemon.port, 80);
  const { rollOut, state } = (await daemon.status()).filters![0]!;
  t.is(state, "running");
  t.regex(rollOut!.reason, /^\d+ of its \d+ exchanges ended with 5xx, of the others 0 %$/);
  t.is((await ask(daemon.port)).status, 200);
});

filterTest(
  "a module is pushed: refused for its signature, its name or its bytes, else tried out, taken, and still there after a restart",
  async (t) => {
    const origin = await Origin.start(t, "served");
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const own = mkdtempSync(join(tmpdir(), "nicd-p-"));
    t.teardown(() => rmSync(own, { recursive: true, force: true }));
    const key = join(own, "team.pub");
    writeFileSync(key, publicKey.export({ type: "spki", format: "pem" }));
    const signed = join(own, "signed.wasm");
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(signed, sign(readFileSync(module()), pem));
    const mesh = meshOf({
      filters: [`tag: { module: ${signed}, config: x, key: ${key}, canary: { share: 0.5, for: 100ms } }`],
      uses: "tag",
      port: origin.port,
    });
    const pushed = join(own, "pushed");
    const daemon = await InProcessNicd.start(t, { mesh, listen: ["web"], args: ["--filters", pushed] });
    const push = (bytes: Uint8Array, filter = "tag", wait = true) =>
      daemon.call((client) => client.call("pushFilter", { filter, module: bytes, wait }, { timeoutMs: 10_000 }));
    const other = readFileSync(compiled("heads", "OTHER"));
    t.regex((await t.throwsAsync(push(other))).message, /it is not signed/);
    t.regex(
      (await t.throwsAsync(push(sign(other, generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" })))))!.message,
      /it is signed by key/,
    );
    const damaged = Buffer.from(sign(other, pem));
    damaged[200]! ^= 1;
    await t.throwsAsync(push(damaged));
    t.regex((await t.throwsAsync(push(sign(other, pem), "tga"))).message, /no filter "tga"/);
    t.is((await ask(daemon.port)).headers["x-answered"], "x");
    t.like(await push(sign(other, pem), "tag", false), { outcome: "canary" });
    await until("it is taken", async () => (await daemon.status()).filters![0]!.origin === "push");
    t.is((await ask(daemon.port)).headers["x-answered"], "other");
    t.like(await push(sign(other, pem)), { outcome: "taken", reason: "it is the one that serves" });
    await daemon.stop();
    const again = await InProcessNicd.start(t, { mesh, listen: ["web"], args: ["--filters", pushed] });
    t.is((await ask(again.port)).headers["x-answered"], "other");
    // The file that it took the place of has changed: that is newer.
    copyFileSync(module(), signed);
    writeFileSync(signed, sign(readFileSync(compiled("heads", "THIRD")), pem));
    await again.call((client) => client.call("reload", {}));
    await until("the file's serves", async () => (await again.status()).filters![0]!.origin === "file");
  },
);

filterTest("reloads leave nothing behind: machines, streams and memory", async (t) => {
  const origin = await Origin.start(t, "served");
  const filter = (config: number): string => `tag: { module: ${module()}, config: "${config}", canary: { share: 1 } }`;
  const daemon = await startFiltered(t, { filters: [filter(0)], uses: "tag", port: origin.port });
  for (let round = 1; round <= 30; round++) {
    await daemon.reload(meshOf({ filters: [filter(round)], uses: "tag", port: origin.port }));
    t.is((await ask(daemon.port)).headers["x-answered"], String(round));
  }
  t.like((await daemon.status()).filters![0], { open: 0, traps: 0, state: "running" });
});
