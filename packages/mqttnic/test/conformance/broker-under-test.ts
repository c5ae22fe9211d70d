/**
 * The broker that the suite speaks to: ours, unless MITSU_CONFORMANCE_BROKER says `mosquitto` (the installed one, on a port of its own) or `host:port`
 * (one that runs already, as it is configured).
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";

/** Where to find it. */
export interface BrokerUnderTest {
  readonly kind: "mqttnic" | "mosquitto" | "other";
  readonly host: string;
  readonly port: number;
  /** Of a WebSocket listener, when one was asked for. */
  readonly webSocketPort: number | undefined;
  stop(): Promise<void>;
}

/** What it is started with. */
export interface BrokerOptions {
  /** Lines of mosquitto.conf, which both brokers read; a broker that runs already cannot be told. */
  readonly conf?: readonly string[];
  /** The same, for lines that belong to the listener. */
  readonly listenerConf?: readonly string[];
  readonly webSockets?: boolean;
  /** Ours as a process of its own, by `mqttnic daemon`, with all that only the daemon does. */
  readonly daemon?: boolean;
  /** SCRAM-SHA-256, which mosquitto.conf has no word for: ours only. */
  readonly scram?: boolean;
  /** Files that lines of `conf` name as `@name`, with their contents. */
  readonly files?: Readonly<Record<string, string>>;
}

const wanted = process.env.MITSU_CONFORMANCE_BROKER ?? "mqttnic";

/** MITSU_CONFORMANCE_PLANE: the data plane of ours. */
const dataPlane = (process.env.MITSU_CONFORMANCE_PLANE ?? "auto") as "auto" | "epoll" | "net";

/** Which broker the tests run against. */
export const brokerKind: BrokerUnderTest["kind"] = wanted === "mqttnic" || wanted === "mosquitto" ? wanted : "other";

/** Started once and not before anybody needs it. @throws {Error} with what it wrote when it does not start. */
export async function startBroker(options: BrokerOptions = {}): Promise<BrokerUnderTest> {
  if (brokerKind === "other") return running();
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const [port, webSocketPort] = await freePorts(2);
  const lines = [
    "allow_anonymous true",
    "max_packet_size 2097152",
    "sys_interval 1",
    ...(brokerKind === "mosquitto" ? ["log_type all", "log_dest stderr", "user root"] : []),
    ...(options.conf ?? []).map((line) => line.replace("@", `${folder}/`)),
    `listener ${port} 127.0.0.1`,
    ...(options.listenerConf ?? []),
    ...(options.webSockets ? [`listener ${webSocketPort} 127.0.0.1`, "protocol websockets"] : []),
    "",
  ];
  for (const [name, content] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), content, { mode: 0o600 });
  writeFileSync(join(folder, "broker.conf"), lines.join("\n"));
  const start = brokerKind === "mosquitto" ? startMosquitto : options.daemon ? startDaemon : startInProcess;
  const stop = await start(folder, options);
  return {
    kind: brokerKind,
    host: "127.0.0.1",
    port: port!,
    webSocketPort: options.webSockets ? webSocketPort : undefined,
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function running(): BrokerUnderTest {
  const at = wanted.lastIndexOf(":");
  const port = Number(wanted.slice(at + 1));
  if (at < 1 || !Number.isInteger(port)) throw new Error(`MITSU_CONFORMANCE_BROKER=${wanted}: want mosquitto or host:port`);
  return { kind: "other", host: wanted.slice(0, at), port, webSocketPort: undefined, stop: () => Promise.resolve() };
}

async function startMosquitto(folder: string): Promise<() => Promise<void>> {
  const program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) => existsSync(path));
  if (!program) throw new Error("MITSU_CONFORMANCE_BROKER=mosquitto: there is none; apt-get install mosquitto");
  return await startProcess(program, ["-c", join(folder, "broker.conf")]);
}

async function startDaemon(folder: string): Promise<() => Promise<void>> {
  const main = resolve(import.meta.dirname, "../../src/main.ts");
  const daemon = ["daemon", "--socket", join(folder, "control.sock"), "--data-plane", dataPlane, "-c", join(folder, "broker.conf")];
  return await startProcess(process.execPath, [main, ...daemon]);
}

/** Starts a broker that says so when it listens: mosquitto `running`, our daemon `ready`. @returns What ends it. */
async function startProcess(program: string, args: readonly string[]): Promise<() => Promise<void>> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  await ready(child);
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
}

/** Ours in this process: quicker to start. */
async function startInProcess(folder: string, options: BrokerOptions): Promise<() => Promise<void>> {
  const [{ openBroker }, { parseMosquittoConf }] = await Promise.all([
    import("../../src/open-broker.ts"),
    import("../../src/config/mosquitto-conf.ts"),
  ]);
  const { config } = parseMosquittoConf(readFileSync(join(folder, "broker.conf"), "utf8"), { file: "broker.conf" });
  const log = createLog(testEnv());
  const about = { version: "0.0.0", pid: process.pid, startedAtMs: Date.now(), node: "conformance" };
  const security = { ...config.security, scram: options.scram === true };
  const broker = await openBroker({ ...config, security }, { dataPlane, log, about });
  return () => broker.close(0);
}

async function ready(child: ChildProcess): Promise<void> {
  let said = "";
  await new Promise<void>((listening, failed) => {
    const hang = setTimeout(() => failed(new Error(`the broker does not say that it is ready: ${said}`)), 20_000);
    const hear = (data: Buffer): void => {
      said += data;
      if (!/\b(?:running|ready)\b/.test(said)) return;
      clearTimeout(hang);
      child.stdout?.off("data", hear).resume();
      child.stderr?.off("data", hear).resume();
      listening();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("error", failed);
    child.on("exit", (code) => failed(new Error(`the broker ended with ${code}: ${said}`)));
  });
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
