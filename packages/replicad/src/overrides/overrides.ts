/** All overrides that this node knows of, its own and others': the later word holds, whoever said it and in whatever order they came. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { canonicalKey, compareOverrides, maxWeight, type Override, type OverrideFault, parseOverride, saysNothing } from "./override.ts";
import { OverridesFile } from "./overrides-file.ts";

/** Why a message was not taken. */
export type OverrideRefusal =
  | OverrideFault
  /** What is known is later. */
  | "older"
  /** It takes back what nobody here knows of, and did so longer ago than that is remembered. */
  | "expired"
  /** One more than are kept. */
  | "too-many";

/** What bounds them. */
export interface OverridesOptions {
  /** Overrides kept, those that were taken back among them; 65 536 unless told. */
  readonly most?: number;
  /** How long it is remembered that one was taken back, so that a node that was away learns of it; a week unless told. */
  readonly rememberMs?: number;
}

/** A second after a write that failed, it is tried again. */
const retryMs = 1000;

/**
 * The overrides, in a file too unless the folder is null. An override that was taken back stays for a week as one that says nothing:
 * else a node that was away would bring it back. {@link Overrides.get} and {@link Overrides.all} leave it out.
 *
 * @example
 * ```ts
 * const overrides = await Overrides.open("/var/lib/mitsu/replicad");
 * overrides.onChange = (key, override) => membership.drain(key, override?.draining ?? false, nowMs);
 * overrides.set("10.0.0.7:8080", { draining: true }, "node-1", Date.now());
 * await overrides.saved();
 * ```
 */
export class Overrides {
  /** Messages that were not taken, by reason. */
  readonly refused: Map<OverrideRefusal, number> = new Map();
  /** Messages that changed something. */
  taken = 0;
  /** Called after a change; undefined when there is none any more. */
  onChange: (key: string, override: Override | undefined) => void = () => {};
  readonly #file: OverridesFile | null;
  readonly #most: number;
  readonly #rememberMs: number;
  readonly #kept = new Map<string, Override>();
  /** Those that say something. */
  #count = 0;
  #changes = 0;
  #writes = 0;
  #saving: Promise<void> | null = null;
  #failure: MitsuError | null = null;
  #retry: NodeJS.Timeout | undefined;
  /** Before the next write. */
  #pauseMs = 0;

  private constructor(folder: string | null, { most = 65_536, rememberMs = 7 * 86_400_000 }: OverridesOptions) {
    this.#file = folder === null ? null : new OverridesFile(folder);
    this.#most = most;
    this.#rememberMs = rememberMs;
  }

  /** Reads the file of a folder. @throws {MitsuError} `ERR_OVERRIDES_FILE` */
  static async open(folder: string | null, options: OverridesOptions = {}): Promise<Overrides> {
    const overrides = new Overrides(folder, options);
    for (const override of (await overrides.#file?.read()) ?? []) overrides.#put(override);
    return overrides;
  }

  /** How many say something. */
  get size(): number {
    return this.#count;
  }

  /** What holds for `address:port`. */
  get(key: string): Override | undefined {
    const override = this.#kept.get(key);
    return override === undefined || saysNothing(override) ? undefined : override;
  }

  /** All that say something. */
  all(): readonly Override[] {
    return [...this.#kept.values()].filter((override) => !saysNothing(override));
  }

  /** Also what was taken back: what {@link OverrideExchange} compares with the broker's. */
  kept(key: string): Override | undefined {
    return this.#kept.get(key);
  }

  /** Keys of all of {@link kept}. */
  keys(): IterableIterator<string> {
    return this.#kept.keys();
  }

  /**
   * An operator says something at this node; what is left out stays as it was. Later than everything this node has heard, even from a clock that is ahead.
   *
   * @throws {MitsuError} `ERR_REPLICA_KEY`, `ERR_WEIGHT`, `ERR_TOO_MANY_OVERRIDES`.
   */
  set(
    key: string,
    change: { readonly draining?: boolean | undefined; readonly weight?: number | null | undefined },
    node: string,
    nowMs: number,
  ): Override {
    const canonical = canonicalKey(key);
    const { weight } = change;
    if (typeof weight === "number" && !(weight >= 0 && weight <= maxWeight)) {
      throw new MitsuError(`no weight of a replica: ${weight}`, {
        code: "ERR_WEIGHT",
        hint: `write 0 to ${maxWeight}`,
        exit: exitStatus.usage,
      });
    }
    const before = this.#kept.get(canonical);
    if (before === undefined && this.#kept.size >= this.#most) {
      throw new MitsuError(`cannot keep what is said of ${canonical}: ${this.#most} replicas are drained or weighted already`, {
        code: "ERR_TOO_MANY_OVERRIDES",
        hint: "take some back: replicad drain <replica> --undo, replicad set-weight <replica> default",
      });
    }
    const override: Override = {
      key: canonical,
      draining: change.draining ?? before?.draining ?? false,
      weight: weight === undefined ? (before?.weight ?? null) : weight,
      atMs: Math.max(nowMs, before === undefined ? 0 : Math.floor(before.atMs) + 1),
      by: node,
    };
    this.#take(override);
    return override;
  }

  /**
   * Takes the message of a replica's topic; the same one again is no news and no fault.
   *
   * @returns Why not, and nothing changed.
   */
  receive(topicKey: string, bytes: Uint8Array, nowMs: number): OverrideRefusal | null {
    const refusal = this.#receive(topicKey, bytes, nowMs);
    if (refusal !== null) this.refused.set(refusal, (this.refused.get(refusal) ?? 0) + 1);
    return refusal;
  }

  /** Forgets what was taken back longer ago than it is remembered. @returns Its keys. */
  expire(nowMs: number): readonly string[] {
    const expired = [...this.#kept.values()].filter((override) => this.#expired(override, nowMs)).map(({ key }) => key);
    for (const key of expired) this.#kept.delete(key);
    if (expired.length > 0) this.#changed();
    return expired;
  }

  /** Resolves when everything so far is in the file. @throws {MitsuError} `ERR_OVERRIDES_SAVE` */
  async saved(): Promise<void> {
    const target = this.#changes;
    while (this.#file !== null && this.#writes < target) {
      this.#save();
      await this.#saving;
      if (this.#failure !== null) throw this.#failure;
    }
  }

  /** Why what is kept here would not survive a restart; empty when all is well. */
  degraded(): readonly string[] {
    return this.#failure === null ? [] : [`${this.#failure.message}; it is tried again every second`];
  }

  /** Writes what is left to write. */
  async close(): Promise<void> {
    await this.saved().catch(() => {});
    clearTimeout(this.#retry);
  }

  #receive(topicKey: string, bytes: Uint8Array, nowMs: number): OverrideRefusal | null {
    const override = parseOverride(topicKey, bytes, nowMs);
    if (typeof override === "string") return override;
    const before = this.#kept.get(override.key);
    if (before === undefined) {
      if (this.#expired(override, nowMs)) return "expired";
      if (this.#kept.size >= this.#most) return "too-many";
    } else {
      const order = compareOverrides(override, before);
      if (order === 0) return null;
      if (order < 0) return "older";
    }
    this.taken++;
    this.#take(override);
    return null;
  }

  #expired(override: Override, nowMs: number): boolean {
    return saysNothing(override) && nowMs - override.atMs > this.#rememberMs;
  }

  #take(override: Override): void {
    const said = this.get(override.key);
    this.#put(override);
    this.#changed();
    const says = this.get(override.key);
    if (said !== undefined || says !== undefined) this.onChange(override.key, says);
  }

  #put(override: Override): void {
    const before = this.#kept.get(override.key);
    this.#count += Number(!saysNothing(override)) - Number(before !== undefined && !saysNothing(before));
    this.#kept.set(override.key, override);
  }

  #changed(): void {
    this.#changes++;
    this.#save();
  }

  /** One write at a time, of all that there is then; a flood of messages takes a tenth of the time for it. */
  #save(): void {
    if (this.#file === null || this.#saving !== null) return;
    clearTimeout(this.#retry);
    this.#saving = this.#write(this.#file).finally(() => {
      this.#saving = null;
      if (this.#failure === null && this.#writes === this.#changes) return;
      this.#retry = setTimeout(() => this.#save(), this.#failure === null ? this.#pauseMs : retryMs).unref();
    });
  }

  async #write(file: OverridesFile): Promise<void> {
    const changes = this.#changes;
    const startMs = performance.now();
    try {
      await file.write([...this.#kept.values()]);
      this.#failure = null;
      this.#writes = changes;
    } catch (error) {
      this.#failure = error as MitsuError;
    }
    this.#pauseMs = 10 * (performance.now() - startMs);
  }
}
