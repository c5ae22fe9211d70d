/** Asks nicd and sockhijack how busy this node's replicas are, as often as it may cost, and says so when one of them does not answer. @module */
import { setTimeout as delay } from "node:timers/promises";
import { connect, nicd, sockhijack } from "@mitsu/ipc";
import type { ReplicaRows } from "../bus/node-state.ts";
import { PollPace, type PollPaceOptions } from "./poll-pace.ts";
import { ReplicaMerge } from "./replica-merge.ts";

/** Whom to ask. */
export interface ReplicaSignalsOptions {
  /** Control sockets; null for a daemon that this node does not have. */
  readonly nicd: string | null;
  readonly sockhijack: string | null;
  /** Where the answers go. */
  readonly rows: ReplicaRows;
  /** Whether a replica is on this node; what nicd says to be here is, without asking. */
  readonly here: (key: string) => boolean;
  /** Milliseconds by a clock that never goes back. */
  readonly now: () => number;
  /** Of each daemon. */
  readonly pace?: PollPaceOptions;
  /** Before a daemon that is away is tried again; 1000 unless told. */
  readonly retryMs?: number;
  /** After each answer was merged. */
  readonly onSample?: () => void;
}

/** CPU time of this thread, milliseconds. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/**
 * Polls until it is disposed.
 *
 * @example
 * ```ts
 * using signals = new ReplicaSignals({ nicd: "/run/mitsu/nicd.sock", sockhijack: null, rows: state.replicas, here, now });
 * ```
 */
export class ReplicaSignals {
  /** Answers that were merged. */
  polls = 0;
  readonly #merge: ReplicaMerge;
  readonly #options: ReplicaSignalsOptions;
  readonly #stop = new AbortController();
  readonly #missing = new Map<"nicd" | "sockhijack", string>();

  constructor(options: ReplicaSignalsOptions) {
    this.#options = options;
    this.#merge = new ReplicaMerge(options.here);
    if (options.nicd !== null) {
      const path = options.nicd;
      this.#keep("nicd", async (polled) => {
        using client = await connect(path, nicd, { timeoutMs: 2000 });
        await polled(async () => this.#merge.nicd((await client.call("clusters", {})).clusters, options.now()));
      });
    }
    if (options.sockhijack !== null) {
      const path = options.sockhijack;
      this.#keep("sockhijack", async (polled) => {
        using client = await connect(path, sockhijack, { timeoutMs: 2000 });
        await polled(async () => {
          const { services } = await client.call("services", {});
          const { flows } = await client.call("flows", {});
          this.#merge.sockhijack(services, flows, options.now());
        });
      });
    }
  }

  /** Which daemon does not answer, and why. */
  degraded(): readonly string[] {
    return [...this.#missing.values()];
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** Connects and polls, and again whenever that ends. */
  async #keep(
    daemon: "nicd" | "sockhijack",
    session: (polled: (poll: () => Promise<void>) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#stop;
    const pace = new PollPace(this.#options.pace);
    while (!signal.aborted) {
      try {
        await session(async (poll) => {
          while (!signal.aborted) {
            const before = cpuMs();
            await poll();
            if (signal.aborted) return;
            this.#missing.delete(daemon);
            this.#merge.write(this.#options.rows);
            this.polls++;
            this.#options.onSample?.();
            // What else the thread did meanwhile counts too: a busy daemon asks less.
            await this.#sleep(pace.next(cpuMs() - before));
          }
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#missing.set(daemon, `${daemon} does not say how busy replicas are: ${(error as Error).message}`);
        this.#merge.lost(daemon);
        this.#merge.write(this.#options.rows);
        this.#options.onSample?.();
        await this.#sleep(this.#options.retryMs ?? 1000);
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => {}); // disposed: the loop looks at the signal
  }
}
