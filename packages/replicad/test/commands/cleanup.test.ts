/** `replicad cleanup`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { cli, folderOf } from "./canned-answers.ts";

test("cleanup removes socket, lock, reports and overrides, and leaves what else is in the state's folder", async (t) => {
  const folder = folderOf(t);
  const [socket, state] = [join(folder, "r.sock"), join(folder, "state")];
  mkdirSync(state);
  const files = [socket, `${socket}.lock`, `${socket}.reports`, join(state, "overrides.json")];
  for (const path of [...files, join(state, "other"), join(folder, "r.sock2")]) writeFileSync(path, "");
  const argv = ["cleanup", "--socket", socket, "--state", state, "--json"];
  t.deepEqual(JSON.parse((await cli(argv)).out), { endedDaemon: false, removed: files.toSorted() });
  for (const path of files) t.false(existsSync(path), path);
  for (const path of [join(state, "other"), join(folder, "r.sock2")]) t.true(existsSync(path), path);
  t.is((await cli(argv.slice(0, -1))).out, "nothing to clean up\n");
});

test("cleanup ends the daemon", async (t) => {
  const folder = folderOf(t);
  const [socket, state, mesh] = [join(folder, "r.sock"), join(folder, "state"), join(folder, "mesh.yaml")];
  writeFileSync(mesh, "version: 1\nmesh: shop\n");
  const bin = new URL("../../../../bin/replicad", import.meta.url).pathname;
  const off = ["--broker", "off", "--nicd", "off", "--sockhijack", "off"];
  const child = spawn(bin, ["daemon", "--config", mesh, "--socket", socket, "--state", state, ...off], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  let said = "";
  for await (const data of child.stderr.iterator({ destroyOnReturn: false })) {
    said += data;
    if (/\bready\b/.test(said)) break;
  }
  child.stderr.resume();
  const exited = child.exitCode === null ? once(child, "exit") : [child.exitCode, null];
  const { out } = await cli(["cleanup", "--socket", socket, "--state", state]);
  t.regex(out, /^the daemon has ended\n/, said);
  t.deepEqual(await exited, [0, null], said);
  t.false(existsSync(`${socket}.reports`));
});
