/** A mosquitto of the test's own, on loopback, ended with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

/** One that runs. */
export interface Mosquitto {
  readonly port: number;
  readonly socket: string;
  readonly kill: () => Promise<void>;
  /** The same again, after {@link kill}. */
  readonly restart: () => Promise<boolean>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Starts one; undefined, with a notice, when it is not installed.
 *
 * @param conf - More lines of its mosquitto.conf; files are named `{name}`.
 */
export async function startMosquitto(
  t: ExecutionContext,
  conf: string = "allow_anonymous true\n",
  files: Readonly<Record<string, string>> = {},
): Promise<Mosquitto | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-m-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  let text = conf;
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    text = text.replaceAll(`{${name}}`, join(folder, name));
  }
  const socket = join(folder, "m.sock");
  const port = await freePort();
  const user = process.getuid?.() === 0 ? "user root\n" : "";
  writeFileSync(join(folder, "m.conf"), `${user}listener ${port} 127.0.0.1\nlistener 0 ${socket}\nset_tcp_nodelay true\n${text}`);
  let child: ChildProcess | undefined;
  const run = async (): Promise<boolean> => {
    child = await spawned(["-c", join(folder, "m.conf")]);
    if (child) await listening(child, port);
    return child !== undefined;
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  t.teardown(kill);
  if (await run()) return { port, socket, kill, restart: run };
  t.log("skipped: mosquitto is not installed");
  t.pass();
  return undefined;
}

/** undefined when it is not installed. */
async function spawned(args: readonly string[]): Promise<ChildProcess | undefined> {
  const child = spawn("/usr/sbin/mosquitto", args, { stdio: ["ignore", "ignore", "pipe"] });
  const started = await Promise.race([once(child, "spawn").then(() => true), once(child, "error").then(() => false)]);
  return started ? child : undefined;
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  let said = "";
  child.stderr!.on("data", (data: Buffer) => {
    said += data.toString();
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended: ${said}`);
    const probe = connect(port, "127.0.0.1");
    const up = await Promise.race([once(probe, "connect").then(() => true), once(probe, "error").then(() => false)]).catch(() => false);
    probe.destroy();
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
