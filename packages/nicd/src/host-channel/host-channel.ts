/** The channel to sockhijack: says that nicd is here, and learns who opened the connections it is sent. @module */
import { MitsuError } from "@mitsu/cli/error";
import { connect, type NicReplica, type NicState, sockhijack } from "@mitsu/ipc";
import { Callers, type SentCaller } from "./callers.ts";

/** Where sockhijack is, and where nicd listens. */
export interface HostChannelOptions {
  /** sockhijack's control socket. */
  readonly socket: string;
  /** Port that all workers share. */
  readonly port: number;
  /**
   * Addresses listened at; `0.0.0.0` and `::` stand for all of nicd's network namespace. Programs in the same namespace come by loopback where it is among
   * them, those in other namespaces to the first other one.
   */
  readonly addresses: readonly string[];
  /** Called when `replicas` or `degraded` have changed. */
  readonly onChange?: () => void;
}

/** What the channel needs of the world. */
export interface HostChannelEffects {
  readonly openCallers: (pins: string) => Pick<Callers, "of" | "close">;
  /** Settles after so many ms, or when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Between two tries to reach sockhijack; it keeps sending connections here for 5 s after it was started anew. */
const retryMs = 250;

const system: HostChannelEffects = {
  openCallers: (pins) => Callers.open(pins),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

/**
 * A registration that is renewed whenever sockhijack comes back. One process of nicd holds it, whatever the number of workers; workers that only look
 * callers up open {@link Callers} themselves, from `pins`.
 *
 * @example
 * ```ts
 * const channel = await HostChannel.open({ socket: "/run/mitsu/sockhijack.sock", port: 15001, addresses: ["0.0.0.0"] });
 * server.on("connection", (s) => channel.callerOf(s.localAddress!, s.localPort!, s.remoteAddress!, s.remotePort!));
 * ```
 */
export class HostChannel {
  readonly #options: HostChannelOptions;
  readonly #effects: HostChannelEffects;
  readonly #closing = new AbortController();
  #callers: Pick<Callers, "of" | "close"> | undefined;
  #pins: string | undefined;
  #state: NicState | undefined;
  #trouble: string | null = null;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: HostChannelOptions, effects: HostChannelEffects) {
    this.#options = options;
    this.#effects = effects;
  }

  /** Registers nicd, or finds that it cannot for now and goes on trying; never rejects. Listen first: connections may come at once. */
  static async open(options: HostChannelOptions, effects: HostChannelEffects = system): Promise<HostChannel> {
    const channel = new HostChannel(options, effects);
    const tried = Promise.withResolvers<void>();
    channel.#ended = channel.#run(tried.resolve);
    await tried.promise;
    return channel;
  }

  /** The replicas that sockhijack knows, as nicd reaches them; the last known while it is away. */
  get replicas(): readonly NicReplica[] {
    return this.#state?.replicas ?? [];
  }

  /** sockhijack's folder of pins; undefined while it was never reached. */
  get pins(): string | undefined {
    return this.#pins;
  }

  /** Why the channel is not what it should be, one sentence; null when it is. */
  get degraded(): string | null {
    if (this.#trouble !== null || !this.#state) return this.#trouble;
    if (!this.#state.active) return "another nicd was registered later and takes the connections";
    return this.#state.service === ""
      ? "nicd belongs to no service, so its sockets are not redirected past TCP; start it by sockhijack run --service nicd, or give its service `cgroup: nicd.service` in mesh.yaml"
      : null;
  }

  /**
   * Who opened an accepted connection, and what for. Ask once for each, as it is accepted: one system call, under 2 µs.
   *
   * @returns null for a connection that sockhijack has not sent: to an explicit listener, or while it is not there.
   */
  callerOf(localAddress: string, localPort: number, remoteAddress: string, remotePort: number): SentCaller | null {
    return this.#callers?.of(localAddress, localPort, remoteAddress, remotePort) ?? null;
  }

  async #run(tried: () => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#register(tried);
      } catch (error) {
        this.#fail(error);
      }
      tried();
      if (!signal.aborted) await this.#effects.pause(retryMs, signal);
    }
    this.#callers?.close();
    this.#callers = undefined;
  }

  async #register(tried: () => void): Promise<void> {
    const { socket, port, addresses, onChange } = this.#options;
    using client = await connect(socket, sockhijack);
    const stop = (): void => client.close();
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    try {
      const { pins } = await client.call("status", {});
      // Before the first connection can be sent here, and in place of those of a daemon that was cleaned up meanwhile.
      const callers = this.#effects.openCallers(pins);
      this.#callers?.close();
      this.#callers = callers;
      this.#pins = pins;
      for await (const state of client.subscribe("nic", { port, addresses })) {
        this.#state = state;
        this.#trouble = null;
        tried();
        onChange?.();
      }
      throw new Error("it ended the registration");
    } finally {
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { message, hint } = error instanceof MitsuError ? error : { message: String((error as Error).message), hint: undefined };
    const before = this.#trouble;
    this.#trouble = `sockhijack sends nothing here that it did not know of: ${message}${hint ? ` (${hint})` : ""}`;
    if (this.#trouble !== before) this.#options.onChange?.();
  }

  /** Ends the registration: connections go to replicas again, or are refused, as their services say. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#ended;
  }
}
