/** A cgroup of this kernel with a program that works for a known share of the time. */
import { spawn } from "node:child_process";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import { cgroup2Path } from "../../../ebpf-ts/src/mod.ts";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { placer } from "../../src/cli.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";

kernelTest("profile --cgroup measures a program that keeps one core busy", async (t) => {
  const folder = join(cgroup2Path()!, `mitsu-test-placer-${process.pid}`);
  mkdirSync(folder);
  t.teardown(() => rmdirSync(folder));
  const child = spawn("sh", ["-c", 'echo $$ >"$0/cgroup.procs"; echo in; while :; do :; done', folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await new Promise((resolve) => child.stdout!.once("data", resolve));
    const env = testEnv({ nowNs: () => process.hrtime.bigint() });
    t.is(await run(placer, ["profile", "--cgroup", `loop=${folder}`, "--seconds", "1"], env), 0, env.err());
    const { demand } = parseProblem(env.out(), "stdout").services[0]!;
    // Others use the cores as well, so how much of one it gets is not known.
    t.true(demand.cpu!.mean > 0.1 && demand.cpu!.p99 < 1.3, JSON.stringify(demand.cpu));
    if (demand.memory) t.true(demand.memory.mean > 0);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

kernelTest("profile --cgroup keeps what it measured of a cgroup that vanishes", async (t) => {
  const folder = join(cgroup2Path()!, `mitsu-test-placer-gone-${process.pid}`);
  mkdirSync(folder);
  const env = testEnv({ isTTY: true, columns: 200, nowNs: () => process.hrtime.bigint() });
  let removed = false;
  let shown = 0;
  const watched = {
    ...env,
    stderr: {
      ...env.stderr,
      write: (text: string) => {
        env.stderr.write(text);
        if (!removed && /cgroups: /.test(text) && ++shown === 2) {
          rmdirSync(folder);
          removed = true;
        }
      },
    },
  };
  t.is(await run(placer, ["profile", "--cgroup", `idle=${folder}`, "--seconds", "60"], watched), 0, env.err());
  t.is(parseProblem(env.out(), "stdout").services[0]!.demand.cpu!.mean, 0);
  t.regex(env.err(), /vanished after \d\.\d s; what was measured until then is kept/);
});
