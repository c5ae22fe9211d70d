/** One sockhijack, whose matrix is read again and again. @module */
import { type Client, connect, type PlacerSource, type SockhijackProtocol, sockhijack } from "@mitsu/ipc";
import { type Counter, DecayedMatrix, type KeptMatrix } from "./decayed-matrix.ts";

/** Times of one reading. */
export interface Now {
  /** Of a clock that never goes back, in milliseconds. */
  readonly monotonicMs: number;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

/** How a source begins. */
export interface SourceOptions {
  readonly socket: string;
  readonly halfLifeMs: number;
  /** What an earlier daemon kept of it, and how many milliseconds ago. */
  readonly kept?: { readonly matrix: KeptMatrix; readonly ageMs: number } | undefined;
}

/** An answer takes no longer. */
const answerMs = 5000;

/** Connects when it has to; one that is away is tried again at each reading, and its estimate decays meanwhile. */
export class Source {
  readonly socket: string;
  readonly matrix: DecayedMatrix;
  #client: Client<SockhijackProtocol> | null = null;
  #counter: Counter | null = null;
  #readings = 0;
  #resets = 0;
  #lastReadMs: number | null = null;
  #lastError: string | null = null;

  constructor({ socket, halfLifeMs, kept }: SourceOptions, now: Now) {
    this.socket = socket;
    this.matrix = new DecayedMatrix(halfLifeMs, kept?.matrix);
    // What happened while nobody looked is not known: it counts as the time when a source is away.
    this.matrix.decay(now.monotonicMs - Math.max(0, kept?.ageMs ?? 0));
    this.matrix.decay(now.monotonicMs);
  }

  get up(): boolean {
    return this.#client !== null;
  }

  /** Why it is away, as a sentence; null when it is up, or was not asked yet. */
  get trouble(): string | null {
    return this.#lastError === null ? null : `sockhijack at ${this.socket} is away: ${this.#lastError}`;
  }

  /** For `status`. */
  view(): PlacerSource {
    return {
      socket: this.socket,
      state: this.up ? "up" : "away",
      readings: this.#readings,
      resets: this.#resets,
      lastReadMs: this.#lastReadMs,
      coverage: this.matrix.coverage,
      lastError: this.#lastError,
    };
  }

  /** Takes a reading; never throws. @param now Asked once the answer is there. */
  async read(now: () => Now): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      const { cells } = await this.#client.call("matrix", {}, { timeoutMs: answerMs });
      const at = now();
      if (this.matrix.read(at.monotonicMs, this.#counter!, cells)) this.#readings++;
      else this.#resets++;
      this.#lastReadMs = at.wallMs;
      this.#lastError = null;
    } catch (error) {
      this.close();
      this.#lastError = (error as Error).message;
      this.matrix.away(now().monotonicMs);
    }
  }

  close(): void {
    this.#client?.close();
    this.#client = null;
  }

  async #connect(): Promise<Client<SockhijackProtocol>> {
    const client = await connect(this.socket, sockhijack, { timeoutMs: answerMs });
    try {
      const { pid, startedAtMs } = await client.call("status", {}, { timeoutMs: answerMs });
      this.#counter = { pid, startedAtMs };
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }
}
