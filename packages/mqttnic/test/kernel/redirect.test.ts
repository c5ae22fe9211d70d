/** mqttnic behind sockhijack: its clients' connections leave the TCP stack and come back to it, and nothing is lost, doubled or out of order. */
import { fileURLToPath } from "node:url";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";
import { freePort } from "../../../sockhijack/test/kernel/support/free-port.ts";
import { needs } from "../../../sockhijack/test/kernel/support/needs.ts";
import { Sandbox } from "../../../sockhijack/test/kernel/support/sandbox.ts";
import { until } from "../../../sockhijack/test/kernel/support/until.ts";

const mqttnic = fileURLToPath(new URL("../../../../bin/mqttnic", import.meta.url));
const script = (name: string): string[] => [process.execPath, fileURLToPath(new URL(`support/${name}.ts`, import.meta.url))];

for (const [plane, load] of [
  ["epoll", "small"],
  ["epoll", "mixed"],
  ["net", "mixed"],
] as const)
  kernelTest(
    `mqttnic --data-plane ${plane} behind sockhijack: each message of a ${load} load comes once and in order, a killed client is seen`,
    async (t) => {
      const mosquittoSub = needs("mosquitto_sub", "mosquitto-clients");
      const sandbox = new Sandbox(t);
      const port = await freePort();
      // The reader is slower than the writer, and is to get all of it.
      const limits = "{ waiting-bytes: 512MiB, waiting-bytes-disconnect: 1GiB, queued-messages: 0, queued-bytes: 0 }";
      const mesh = sandbox.file(
        "mqttnic.yaml",
        `version: 1\nservices: {}\nmqtt:\n  listeners: [{ address: 127.0.0.1, port: ${port} }]\n  limits: ${limits}\n`,
      );
      const control = ["--socket", `${sandbox.directory}/mqttnic.sock`];
      const broker = sandbox.run(`broker:1883:${port}`, [mqttnic, "daemon", "--config", mesh, "--data-plane", plane, ...control]);
      await broker.says(/\bready\b/);
      await sandbox.serving("broker");

      const url = "mqtt://broker.mesh:1883";
      const reader = sandbox.run("reader", [...script("reader"), url, load]);
      await reader.says(/^subscribed$/m);
      const will = ["--will-topic", "wills", "--will-payload", "of the victim", "--will-qos", "1"];
      const victim = sandbox.run("victim", [mosquittoSub, "-h", "broker.mesh", "-p", "1883", "-t", "warm", ...will]);
      const writer = sandbox.run("writer", [...script("writer"), url, load], { input: "open" });
      await reader.says(/^warm$/m);
      for (const from of ["reader", "victim", "writer"]) await sandbox.awaitFlow({ from, to: "broker", state: "redirected" });

      victim.child.kill("SIGKILL");
      await reader.says(/^will of the victim$/m);

      writer.child.stdin!.write("go\n");
      await writer.says(/^written$/m, 60_000);
      await reader.says(/^whole$|^not whole|is wrong/m, 60_000);
      t.regex(reader.stdout, /^whole$/m);
      t.notRegex(reader.stdout, /closed|wrong/);
      const flows = await sandbox.matching({ to: "broker" });
      for (const { client, state, redirectedShare } of flows)
        t.log(`${client.service}: ${state} at the end, ${Math.round(100 * redirectedShare)} % redirected`);
      // Large writes go back to TCP amid the load (glossary: bulk); small ones stay where they are.
      if (load === "small") for (const { state } of flows) t.is(state, "redirected");
      else for (const { reason } of flows) t.is(reason, "bulk");

      writer.child.stdin!.end();
      await writer.succeeded();
      const { status } = await broker.stop();
      t.is(status, 0, broker.stderr);
      await reader.says(/^closed$/m);
      await until("the reader ends", () => !reader.running);
    },
  );
