import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBpffs, isBpffs, makePinFolder } from "../../src/mod.ts";
import { kernelTest } from "../kernel-test.ts";
import { testPinFolder } from "../sandbox.ts";

kernelTest("ensureBpffs() says how to mount one, or mounts it if asked", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bpffs-"));
  t.teardown(() => rmdirSync(folder));
  t.throws(() => ensureBpffs(folder), { code: "ERR_BPFFS_MISSING", message: `no bpffs is mounted at ${folder}` });
  t.false(isBpffs(folder));
  ensureBpffs(folder, { mount: true });
  t.teardown(() => execFileSync("umount", [folder]));
  t.true(isBpffs(folder));
  makePinFolder(join(folder, "a/b"));
  t.is(statSync(join(folder, "a/b")).mode & 0o777, 0o700);
});

kernelTest("makePinFolder() makes parents in a bpffs, and nothing elsewhere", (t) => {
  const folder = testPinFolder(t);
  makePinFolder(`${folder}/x/y`);
  t.true(isBpffs(`${folder}/x/y`));
  const elsewhere = join(tmpdir(), `no-bpffs-${process.pid}`);
  t.throws(() => makePinFolder(elsewhere), { code: "ERR_BPFFS_MISSING" });
  t.false(existsSync(elsewhere));
});
