/** The live matrix of a real sockhijack, under a load of wrk on nginx. */
import { run, testEnv } from "@mitsu/cli";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { coupledLoad } from "../../../sockhijack/test/kernel/support/coupled-load.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { flawless } from "../../../sockhijack/test/kernel/support/wrk.ts";
import { placer } from "../../src/cli.ts";
import { parseProblem } from "../../src/problem/parse-problem.ts";

kernelTest("profile --sockhijack has the messages and bytes that the kernel counted between wrk and nginx", async (t) => {
  const sandbox = new Sandbox(t);
  await sandbox.daemon();
  const load = await coupledLoad(sandbox);
  const sent = async (): Promise<{ messages: number; bytes: number }> => {
    const flows = await sandbox.matching({ from: "client", to: "web" });
    return flows.reduce((sum, flow) => ({ messages: sum.messages + flow.messages, bytes: sum.bytes + flow.bytesOut + flow.bytesIn }), {
      messages: 0,
      bytes: 0,
    });
  };
  const env = testEnv({ nowNs: () => process.hrtime.bigint() });
  const [before, beganMs] = [await sent(), performance.now()];
  t.is(await run(placer, ["profile", "--sockhijack", "--sockhijack-socket", sandbox.socket, "--seconds", "1"], env), 0, env.err());
  const [after, endedMs] = [await sent(), performance.now()];
  const { services, traffic } = parseProblem(env.out(), "stdout");
  t.deepEqual(
    services.map(({ name }) => name),
    ["client", "web"],
  );
  t.is(traffic.length, 1);
  const { messagesPerSecond, bytesPerSecond, ...edge } = traffic[0]!;
  t.like(edge, { from: "client", to: "web", sources: ["sockhijack"] });
  // The load does not stop for us to look: our own rate is over a little more time, in which wrk may have been slower or faster.
  const seconds = (endedMs - beganMs) / 1000;
  const near = (value: number, expected: number): boolean =>
    t.true(value > expected / 1.5 && value < expected * 1.5, `${value} is far from ${expected}`);
  near(messagesPerSecond, (after.messages - before.messages) / seconds);
  near(bytesPerSecond, (after.bytes - before.bytes) / seconds);
  t.like(await load.report(), flawless);
});
