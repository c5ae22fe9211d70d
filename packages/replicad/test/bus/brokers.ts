/** Real brokers as processes on loopback, each in a folder of its own, ended with the test. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";

/** Those that are tested with. */
export const brokerKinds = ["mqttnic", "mosquitto"] as const;
export type BrokerKind = (typeof brokerKinds)[number];

const mqttnic = fileURLToPath(new URL("../../../../bin/mqttnic", import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A broker that can be killed and started again at the same address. */
export class BrokerProcess {
  readonly kind: BrokerKind;
  readonly port: number;
  readonly folder: string;
  #child: ChildProcess | undefined;

  private constructor(kind: BrokerKind, port: number, folder: string) {
    this.kind = kind;
    this.port = port;
    this.folder = folder;
  }

  /** Starts one. `{folder}` in the lines of mosquitto.conf stands for its folder. */
  static async start(t: ExecutionContext, kind: BrokerKind, conf = ""): Promise<BrokerProcess> {
    const broker = new BrokerProcess(kind, await freePort(), mkdtempSync(join(tmpdir(), "replicad-broker-")));
    t.teardown(async () => {
      await broker.kill();
      rmSync(broker.folder, { recursive: true, force: true });
    });
    const user = kind === "mosquitto" ? "user root\nset_tcp_nodelay true\n" : "";
    const lines = `listener ${broker.port} 127.0.0.1\nallow_anonymous true\n${user}${conf.replaceAll("{folder}", broker.folder)}\n`;
    writeFileSync(join(broker.folder, "m.conf"), lines);
    await broker.run();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it, again after {@link kill}; resolves once it listens. */
  async run(): Promise<void> {
    const conf = join(this.folder, "m.conf");
    const child =
      this.kind === "mosquitto"
        ? spawn("/usr/sbin/mosquitto", ["-v", "-c", conf], { stdio: ["ignore", "pipe", "pipe"] })
        : spawn(mqttnic, ["daemon", "--config-file", conf, "--socket", join(this.folder, "control.sock")], {
            stdio: ["ignore", "pipe", "pipe"],
          });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    let said = "";
    const hear = (chunk: Buffer): void => {
      if (said.length < 100_000) said += chunk;
      if (/mosquitto version .* running| ready /.test(said)) ready.resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => ready.reject(new Error(`${this.kind} ended: ${said}`)));
    await ready.promise;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Stops it from reading, and lets it go on. */
  pause(): void {
    this.#child!.kill("SIGSTOP");
  }
  resume(): void {
    this.#child!.kill("SIGCONT");
  }
}
