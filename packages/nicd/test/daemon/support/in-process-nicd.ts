/** `nicd daemon` inside the test's process, as its command line has it: fast, and its clients still come by real sockets. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnv, testEnv } from "@mitsu/cli";
import { type Client, connect, type NicdProtocol, type NicdStatus, nicd as protocol } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";
import { until } from "../../../../sockhijack/test/kernel/support/until.ts";
import { nicd } from "../../../src/cli.ts";

/** What it is started with. */
export interface InProcessOptions {
  /** Text of its mesh file; none unless told. */
  readonly mesh?: string;
  /** One listener each, in this order, at ports that are free: a service's name, or "" for `--route`. */
  readonly listen?: readonly string[];
  readonly args?: readonly string[];
  readonly vars?: Readonly<Record<string, string>>;
}

/** A daemon of a test's own, gone with the test. */
export class InProcessNicd {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nicd-t-"));
  readonly socket: string = join(this.folder, "nicd.sock");
  readonly config: string = join(this.folder, "mesh.yaml");
  readonly env: TestEnv;
  /** Its exit status. */
  readonly ended: Promise<number>;
  /** In the order of `listen`. */
  ports: readonly number[] = [];
  #exit: number | undefined;

  private constructor({ mesh, listen = [], args = [], vars = {} }: InProcessOptions) {
    this.env = testEnv({ now: Date.now, nowNs: process.hrtime.bigint, vars });
    if (mesh !== undefined) writeFileSync(this.config, mesh);
    const own = mesh === undefined ? [] : ["--config", this.config];
    const listeners = listen.flatMap((service) => ["--listen", service === "" ? "127.0.0.1:0" : `127.0.0.1:0=${service}`]);
    const without = args.includes("--replicad") ? [] : ["--replicad", "off"];
    const argv = ["daemon", "--socket", this.socket, "--sockhijack", "off", ...without, ...own, ...listeners, ...args];
    this.ended = run(nicd, argv, this.env).then((status) => (this.#exit = status));
  }

  /** Waits until it is ready. @throws with what it said when it ends first. */
  static async start(t: ExecutionContext, options: InProcessOptions): Promise<InProcessNicd> {
    const made = InProcessNicd.begin(t, options);
    await until("nicd is ready", () => made.#exit !== undefined || made.log.includes("ready"), { timeoutMs: 30_000 });
    if (made.#exit !== undefined) throw new Error(`nicd ended with ${made.#exit}: ${made.log}`);
    made.ports = (await made.status()).listening.map(({ port }) => port);
    return made;
  }

  /** Does not wait; look at `ended`. */
  static begin(t: ExecutionContext, options: InProcessOptions): InProcessNicd {
    const made = new InProcessNicd(options);
    t.teardown(async () => {
      await made.stop();
      rmSync(made.folder, { recursive: true, force: true });
    });
    return made;
  }

  /** All it has logged. */
  get log(): string {
    return this.env.err();
  }

  get port(): number {
    return this.ports[0]!;
  }

  async call<T>(ask: (client: Client<NicdProtocol>) => Promise<T>): Promise<T> {
    using client = await connect(this.socket, protocol);
    return await ask(client);
  }

  status(): Promise<NicdStatus> {
    return this.call((client) => client.call("status", {}));
  }

  async metrics(): Promise<string> {
    return (await this.call((client) => client.call("metrics", {}))).text;
  }

  /** Runs another command against it. */
  async cli(...argv: readonly string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
    const env = testEnv({ now: Date.now, nowNs: process.hrtime.bigint, columns: 200 });
    const status = await run(nicd, [...argv, "--socket", this.socket], env);
    return { status, out: env.out(), err: env.err() };
  }

  /** Writes another mesh file and waits until it is in force by `nicd reload`. */
  async reload(mesh: string): Promise<void> {
    writeFileSync(this.config, mesh);
    await this.call((client) => client.call("reload", {}));
  }

  async stop(): Promise<number> {
    if (this.#exit === undefined) this.env.raise("SIGTERM");
    return this.ended;
  }
}
