/** The broker as a process with a store, to be killed and started again on the same port. @module */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ExecutionContext } from "ava";

const main = resolve(import.meta.dirname, "../../src/main.ts");
/** As scripts/run-daemon has it: starts are most of what its tests take. */
const node = [process.execPath, "--import", resolve(import.meta.dirname, "../../../../scripts/compile-cache.mjs")] as const;

/** A process, one after the other. */
export class BrokerProcess {
  readonly port: number;
  readonly folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  /** What the last one wrote. */
  said = "";

  private constructor(port: number, folder: string, plane: "epoll" | "net") {
    this.port = port;
    this.folder = folder;
    this.#args = ["daemon", "--socket", join(folder, "control.sock"), "--data-plane", plane, "-c", join(folder, "broker.conf")];
  }

  /** Prepares one that keeps its state below a folder of its own; both go with the test. */
  static async prepare(t: ExecutionContext, plane: "epoll" | "net", conf: readonly string[] = []): Promise<BrokerProcess> {
    const folder = mkdtempSync(join(tmpdir(), "mqttnic-"));
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    const lines = ["allow_anonymous true", "persistence true", `persistence_location ${folder}`, ...conf, `listener ${port} 127.0.0.1`, ""];
    writeFileSync(join(folder, "broker.conf"), lines.join("\n"));
    const broker = new BrokerProcess(port, folder, plane);
    t.teardown(async () => {
      await broker.end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
    return broker;
  }

  /** Starts it and waits until it listens. @throws {Error} with what it wrote when it ends instead. */
  async start(): Promise<void> {
    const child = spawn(node[0], [...node.slice(1), main, ...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.said = "";
    const ready = Promise.withResolvers<void>();
    const hear = (data: Buffer): void => {
      this.said += data;
      if (/\bready\b/.test(this.said)) ready.resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", ready.reject);
    child.once("exit", (code, signal) => ready.reject(new Error(`the broker ended with ${code ?? signal}: ${this.said}`)));
    await ready.promise;
  }

  /** Ends it. @returns Its exit status, null for SIGKILL. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, "exit");
    child.kill(signal);
    return (await exit)[0] as number | null;
  }

  /** Runs it to its end. @returns Its exit status. */
  async fails(): Promise<number | null> {
    const child = spawn(node[0], [...node.slice(1), main, ...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.said = "";
    const hear = (data: Buffer): void => {
      this.said += data;
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const [code] = (await once(child, "close")) as [number | null];
    return code;
  }
}
