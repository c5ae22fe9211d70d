/** A control socket that answers as sockhijack does, with a matrix that the test writes. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, testEnv } from "@mitsu/cli";
import { type Handlers, type MatrixCell, type Server, type SockhijackProtocol, type SockhijackStatus, serve, sockhijack } from "@mitsu/ipc";
import type { ExecutionContext } from "ava";

/** A folder of the test's own. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "placer-t-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Counters of one pair after so many messages, of 100 bytes each, that were redirected. */
export function cellOf(from: string, to: string, messages: number): MatrixCell {
  const bytes = 100 * messages;
  return { from, to, connections: 1, bytesOut: bytes, bytesIn: 0, messages, redirectedBytes: bytes, denied: 0 };
}

/** One that can be stopped, and started as another process would be. */
export class FakeSockhijack {
  readonly socket: string;
  readonly #totals = new Map<string, number>();
  #server: Server | null = null;
  #startedAtMs = 0;
  asked = 0;
  #waits: { readonly from: number; readonly resolve: () => void }[] = [];

  constructor(t: ExecutionContext, socket: string) {
    this.socket = socket;
    t.teardown(() => this.stop());
  }

  /** Counts so many more messages, of 100 bytes. */
  count(from: string, to: string, messages: number): void {
    this.#totals.set(`${from} ${to}`, (this.#totals.get(`${from} ${to}`) ?? 0) + messages);
  }

  /** Resolves once it has been asked for its matrix so many more times. */
  askedAgain(times: number): Promise<void> {
    return new Promise((resolve) => this.#waits.push({ from: this.asked + times, resolve }));
  }

  async start(): Promise<void> {
    this.#totals.clear();
    this.#startedAtMs++;
    const refuse = (): never => {
      throw new Error("not asked for in this test");
    };
    const startedAtMs = this.#startedAtMs;
    const handlers = {
      ...Object.fromEntries(Object.keys(sockhijack).map((name) => [name, refuse])),
      status: () => ({ ...status, startedAtMs }),
      matrix: () => {
        this.asked++;
        for (const wait of this.#waits) if (this.asked >= wait.from) wait.resolve();
        this.#waits = this.#waits.filter(({ from }) => this.asked < from);
        return { cells: this.#cells() };
      },
    } as unknown as Handlers<SockhijackProtocol>;
    const log = createLog(testEnv());
    this.#server = await serve({
      listen: { path: this.socket },
      daemon: "sockhijack",
      version: "0.1.0",
      protocol: sockhijack,
      log,
      handlers,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
    rmSync(this.socket, { force: true });
  }

  #cells(): MatrixCell[] {
    return [...this.#totals].map(([pair, messages]) => {
      const [from, to] = pair.split(" ") as [string, string];
      return cellOf(from, to, messages);
    });
  }
}

const status: SockhijackStatus = {
  version: "0.1.0",
  pid: 1,
  startedAtMs: 0,
  degraded: [],
  mesh: "default",
  services: 0,
  cgroups: 0,
  flows: 0,
  redirectedFlows: 0,
  counters: {},
  scans: 0,
  scanMeanUs: 0,
  dns: {},
  pins: "",
  nic: null,
};
