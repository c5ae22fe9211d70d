/** `cleanup`: with and without a daemon everything goes, and traffic goes on. @module */
import { existsSync } from "node:fs";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { coupledLoad } from "./support/coupled-load.ts";
import { gone, objectsOf, tracesOf } from "./support/kernel-state.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";
import { flawless } from "./support/wrk.ts";

for (const way of ["with a daemon", "after kill -9 of the daemon"] as const) {
  kernelTest(`cleanup ${way}, under wrk: no pins, links, programs or state are left, and no request fails`, async (t) => {
    const sandbox = new Sandbox(t);
    const daemon = await sandbox.daemon();
    const load = await coupledLoad(sandbox);
    const objects = objectsOf(sandbox.places.pins);
    t.true(objects.links.length > 20 && objects.programs.length > 10);
    if (way !== "with a daemon") await daemon.stop("SIGKILL");
    const ending = await sandbox.cli("cleanup");
    t.is(ending.status, 0, ending.stderr);
    t.false(daemon.running);
    t.false(existsSync(sandbox.places.pins));
    t.false(existsSync(sandbox.places.state));
    await until("programs and links are gone", () => gone(objects));
    const report = await load.report();
    t.like(report, flawless, report.text);
  });
}

kernelTest("cleanup where nothing is: says so, exit status 0", async (t) => {
  const sandbox = new Sandbox(t);
  t.like(await sandbox.cli("cleanup"), { status: 0, stdout: "nothing to clean up\n" });
});

kernelTest("cleanup removes the cgroups of `run` when their programs have ended, and only then", async (t) => {
  const sandbox = new Sandbox(t);
  const daemon = await sandbox.daemon();
  const program = sandbox.run("web:80", ["sh", "-c", "echo up; exec cat"], { input: "open" });
  await program.says(/up/);
  await daemon.stop("SIGKILL");
  program.child.stdin!.end();
  await program.ended;
  t.is((await sandbox.cli("cleanup")).status, 0);
  t.deepEqual(tracesOf(sandbox.socket).paths, []);
});

kernelTest("cleanup takes away what is pinned even when the state folder is gone", async (t) => {
  const sandbox = new Sandbox(t);
  const daemon = await sandbox.daemon();
  const program = sandbox.run("web:80", ["sh", "-c", "echo up; exec cat"], { input: "open" });
  await program.says(/up/);
  const objects = objectsOf(sandbox.places.pins);
  await daemon.stop("SIGKILL");
  sandbox.remove(sandbox.places.state);
  t.is((await sandbox.cli("cleanup")).status, 0);
  t.false(existsSync(sandbox.places.pins));
  await until("its programs are gone", () => gone(objects));
});
