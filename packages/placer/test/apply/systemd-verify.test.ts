import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { systemdFiles } from "../../src/apply/systemd-files.ts";
import { verifySystemd } from "../../src/apply/systemd-verify.ts";
import { buildProblem } from "../../src/problem/build-problem.ts";

const env = { vars: { PATH: process.env.PATH } };

/** Files for one replica, on a node that has its unit. */
function made(t: ExecutionContext, unitLines = "") {
  const directory = mkdtempSync(join(tmpdir(), "placer-verify-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "web-0.service"), `[Service]\nExecStart=/bin/true\n${unitLines}`);
  const problem = buildProblem({
    name: "shop",
    nodes: [{ name: "n1", capacity: { cpu: 2 } }],
    services: [{ name: "web", requests: { cpu: 1 } }],
  });
  const files = systemdFiles({
    problem,
    assignment: { "web-0": "n1" },
    reserve: "requests",
    node: "n1",
    directory,
    cpuset: true,
    unit: "{replica}.service",
  });
  /** The same with a line more in every file. */
  const worse = (line: string) => ({ ...files, files: files.files.map((file) => ({ ...file, contents: `${file.contents}${line}\n` })) });
  return { directory, files, worse };
}

test("verifySystemd() finds nothing to say about our files, and leaves nothing behind", (t) => {
  const { directory, files } = made(t);
  t.notThrows(() => verifySystemd(files, directory, env));
  t.deepEqual(readdirSync(directory), ["web-0.service"]);
});

for (const line of ["Foo=1", "CPUWeight=0", "AllowedCPUs=x", "NUMAPolicy=close"]) {
  test(`verifySystemd() fails on ${line}, though systemd-analyze ends with status 0`, (t) => {
    const { directory, worse } = made(t);
    const error = t.throws(() => verifySystemd(worse(line), directory, env), { code: "ERR_PLACER_SYSTEMD_VERIFY" });
    t.true(error?.message.includes(`${directory}/web-0.service.d/50-mitsu-placer.conf:`), error?.message);
  });
}

test("verifySystemd() does not blame us for a unit that is at fault already, but for what we add", (t) => {
  const { directory, files, worse } = made(t, "Bar=2\n");
  t.notThrows(() => verifySystemd(files, directory, env));
  const error = t.throws(() => verifySystemd(worse("Foo=1"), directory, env), { code: "ERR_PLACER_SYSTEMD_VERIFY" });
  t.false(error?.message.includes("Bar"));
});

test("verifySystemd() takes our new drop-in, not the old one that it replaces", (t) => {
  const { directory, files } = made(t);
  mkdirSync(join(directory, "web-0.service.d"));
  writeFileSync(join(directory, "web-0.service.d/50-mitsu-placer.conf"), "[Service]\nFoo=1\n");
  t.notThrows(() => verifySystemd(files, directory, env));
});
