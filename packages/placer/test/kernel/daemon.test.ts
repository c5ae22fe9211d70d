/** The daemon with a real sockhijack: what two unmodified programs say to each other in the kernel becomes an edge, and a proposal. */
import { mkdirSync } from "node:fs";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { needs } from "../../../sockhijack/test/kernel/support/needs.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { startNginx } from "../../../sockhijack/test/kernel/support/servers.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { Daemon } from "../watch/support/daemon.ts";

/** Asks again and again over one connection, and tells of each 100th answer; the pauses leave the cores to others. */
const client = `
const http = require("node:http"), agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let answers = 0;
const ask = () => http.get({ host: "web.mesh", port: 80, agent }, (answer) => {
  if (answer.statusCode !== 200) throw new Error(String(answer.statusCode));
  answer.resume().on("end", () => {
    if (++answers % 100 === 0) console.log("answers", answers);
    setTimeout(ask, 4);
  });
});
ask();
`;

kernelTest(
  "placer daemon sees a client talk to nginx through the kernel, as often as the client says, and proposes to put them together",
  async (t) => {
    needs("nginx", "nginx");
    const sandbox = new Sandbox(t);
    await sandbox.daemon();
    await startNginx(sandbox);
    const asking = sandbox.run("client", [process.execPath, "-e", client]);
    await sandbox.awaitFlow({ from: "client", to: "web", state: "redirected" });

    const folder = `${sandbox.directory}/placer`;
    mkdirSync(folder);
    const fast = ["--interval", "0.1", "--half-life", "1", "--hold", "0.5"];
    const daemon = await Daemon.start(t, { folder, sockhijackSocket: sandbox.socket, flags: fast });
    const answers = (): number => Number([...asking.stdout.matchAll(/^answers (\d+)$/gm)].at(-1)?.[1] ?? 0);
    const [before, beganMs] = [answers(), performance.now()];
    const { plan } = await until("a proposal", async () => ((answer) => answer.plan !== null && answer)(await daemon.proposal()), {
      timeoutMs: 30_000,
      seen: () => daemon.log,
    });
    const { assignment } = JSON.parse(plan!) as Plan;
    t.is(assignment["client-0"], assignment["web-0"]);

    await until("the client has had 300 answers meanwhile", () => answers() >= before + 300);
    const perSecond = (answers() - before) / ((performance.now() - beganMs) / 1000);
    const status = await daemon.status();
    t.like(status, { edges: 1, degraded: [], warm: true, unknown: [] });
    // A request and its answer are two messages at least; the machine is shared, so the rate is not even.
    t.log(
      `${Math.round(status.messagesPerSecond)} messages/s, ${Math.round(status.bytesPerSecond)} B/s; the client had ${Math.round(perSecond)} answers/s`,
    );
    t.true(status.messagesPerSecond > perSecond && status.messagesPerSecond < 8 * perSecond);
    t.true(status.bytesPerSecond > 600 * perSecond && status.bytesPerSecond < 4000 * perSecond);

    await asking.stop();
    await until("the estimate has halved", async () => (await daemon.status()).messagesPerSecond < status.messagesPerSecond / 2);
    t.is(await daemon.stop(), 0);
  },
);
