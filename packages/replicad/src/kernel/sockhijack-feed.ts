/** Which replicas sockhijack knows on this node, and by which numbers: followed for as long as there is a sockhijack. @module */
import { type Client, connect, type NumberedReplica, type ReplicadSource, type SockhijackProtocol, sockhijack } from "@mitsu/ipc";

/** What it follows. */
export interface SockhijackFeedOptions {
  /** sockhijack's control socket. */
  readonly socket: string;
  /** Replicas or pins are others, or sockhijack went or came back: maps must be opened anew then, if they were replaced. */
  readonly onChange: () => void;
  /** Between two tries to connect; 500 unless told. */
  readonly retryMs?: number;
}

/**
 * Follows the stream `replicas`, and comes back by itself. While sockhijack is away the last replicas stay, as its kernel programs do.
 *
 * @example
 * ```ts
 * using feed = new SockhijackFeed({ socket: "/run/mitsu/sockhijack.sock", onChange: () => console.log(feed.replicas) });
 * ```
 */
export class SockhijackFeed {
  readonly #options: SockhijackFeedOptions;
  #replicas: readonly NumberedReplica[] = [];
  #pins: string | null = null;
  #client: Client<SockhijackProtocol> | undefined;
  #why: string | null = "sockhijack has not answered yet";
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Begins to connect. */
  constructor(options: SockhijackFeedOptions) {
    this.#options = options;
    void this.#follow();
  }

  /** All of the last event. */
  get replicas(): readonly NumberedReplica[] {
    return this.#replicas;
  }

  /** Folder of the pinned maps; null before the first event. */
  get pins(): string | null {
    return this.#pins;
  }

  source(): ReplicadSource {
    return { name: "sockhijack", path: this.#options.socket, state: this.#why === null ? "up" : "away", why: this.#why };
  }

  /** One sentence while sockhijack is away. */
  degraded(): readonly string[] {
    return this.#why === null ? [] : [`sockhijack is away, so replicas on this node are those it last knew: ${this.#why}`];
  }

  async #follow(): Promise<void> {
    try {
      using client = await connect(this.#options.socket, sockhijack);
      if (this.#closed) return;
      this.#client = client;
      for await (const { pins, replicas } of client.subscribe("replicas", {})) {
        this.#pins = pins;
        this.#replicas = replicas;
        this.#why = null;
        this.#options.onChange();
      }
      this.#lose("it ended");
    } catch (error) {
      this.#lose((error as Error).message);
    }
  }

  #lose(why: string): void {
    if (this.#closed) return;
    const was = this.#why;
    this.#client = undefined;
    this.#why = why;
    this.#timer = setTimeout(() => void this.#follow(), this.#options.retryMs ?? 500);
    if (was === null) this.#options.onChange();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client?.close();
  }
}
