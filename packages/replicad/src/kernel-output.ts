/** Hands what is known of replicas to the kernel's connect hook, and reads its counts of connections. @module */
import type { Log } from "@mitsu/cli";
import type { NumberedReplica, ReplicadSource } from "@mitsu/ipc";
import { replicaKey } from "@mitsu/replica-table";
import { type Candidate, costOptions } from "@mitsu/selector";
import { replicaFlags } from "./bus/node-state.ts";
import { ScoreMap } from "./kernel/score-map.ts";
import { type ScoredCandidate, ScoreWriter } from "./kernel/score-writer.ts";
import { SockhijackFeed } from "./kernel/sockhijack-feed.ts";
import type { Choice, PortSelection } from "./select/port-selection.ts";

/** What it works with. */
export interface KernelOutputOptions {
  /** Control socket of sockhijack. */
  readonly socket: string;
  readonly log: Log;
  readonly clients: () => number;
  /** sockhijack found replicas, or lost some. */
  readonly onChange: () => void;
}

/** Scores are written anew so often, as reports age meanwhile. */
const everyMs = 4;
/** Selectors that go by more than the kernel's own counts. */
const scored: ReadonlySet<string> = new Set(["mitsu", "peak-ewma", "c3", "prequal"]);
/** Those of which the kernel samples one. */
const blind: ReadonlySet<string> = new Set(["random", "weighted"]);

/** A replica as the connect hook chooses it: own requests in flight are the connections of this node's programs. */
class KernelCandidate implements Candidate, ScoredCandidate {
  readonly id: number;
  readonly choice: Choice;
  inFlight = 0;
  takesNone = false;
  readonly sentSince = 0;
  readonly latencyMs = 0;
  readonly candidate: Candidate = this;

  constructor(id: number, choice: Choice) {
    this.id = id;
    this.choice = choice;
  }

  get key(): string {
    return this.choice.replica.key;
  }
  get weight(): number {
    return this.choice.candidate.weight;
  }
  get here(): boolean {
    return this.choice.replica.here;
  }
  get reportedInFlight(): number {
    return this.choice.known.inFlight;
  }
  get reportedServiceMs(): number {
    return this.choice.known.serviceMs;
  }
  get workers(): number {
    return this.choice.known.workers || 1;
  }
  get reportedAtMs(): number {
    return this.choice.known.atMs;
  }
  get ramp(): number {
    return this.choice.candidate.ramp;
  }
  get failures(): number {
    return this.choice.known.failures;
  }
}

/** Follows sockhijack; without it, or while it is away, nothing is written and what was written ends within a second. */
export class KernelOutput {
  writes = 0;
  readonly #options: KernelOutputOptions;
  readonly #feed: SockhijackFeed;
  #map: ScoreMap | null = null;
  #writer: ScoreWriter | null = null;
  #pins: string | null = null;
  #fault: string | null = null;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #byKey = new Map<string, NumberedReplica[]>();
  #frontends: { readonly id: number; readonly selection: PortSelection; readonly candidates: KernelCandidate[] }[] = [];
  #selections: readonly PortSelection[] = [];

  constructor(options: KernelOutputOptions) {
    this.#options = options;
    this.#feed = new SockhijackFeed({ socket: options.socket, onChange: () => this.#changed() });
  }

  /** What sockhijack found. */
  get found(): readonly NumberedReplica[] {
    return this.#feed.replicas;
  }

  /** Replicas whose scores are written. */
  get replicas(): number {
    return this.#map === null ? 0 : this.#frontends.reduce((sum, { candidates }) => sum + candidates.length, 0);
  }

  /** Whether scores reach the kernel. */
  get state(): { readonly state: "up" | "away"; readonly why: string | null } {
    return this.#map === null ? { state: "away", why: this.#fault ?? this.#feed.degraded()[0] ?? null } : { state: "up", why: null };
  }

  source(): ReplicadSource {
    return this.#feed.source();
  }

  degraded(): readonly string[] {
    return [...this.#feed.degraded(), ...(this.#fault === null ? [] : [this.#fault])];
  }

  /** Takes the selections that there are from now on. */
  configure(selections: Iterable<PortSelection>): void {
    this.#selections = [...selections];
    const byPort = Map.groupBy(this.found, ({ service, port, protocol }) => `${service} ${port}/${protocol}`);
    this.#frontends = this.#selections.flatMap((selection) => {
      const numbered = byPort.get(`${selection.service} ${selection.port}/tcp`) ?? [];
      const candidates = numbered.flatMap(({ id, address, target }) => {
        const choice = selection.choices.get(replicaKey(address, target));
        return choice === undefined ? [] : [new KernelCandidate(id, choice)];
      });
      return candidates.length === 0 ? [] : [{ id: numbered[0]!.frontend, selection, candidates }];
    });
    this.#writtenAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Connections of this node's programs that are open there; null when the kernel does not tell. */
  active(key: string): number | null {
    const map = this.#map;
    const numbered = this.#byKey.get(key);
    if (map === null || numbered === undefined) return null;
    let sum = 0;
    for (const { id } of numbered) sum += map.active(id);
    return sum;
  }

  /** Whether somebody listens there; null when nobody knows. */
  up(key: string): boolean | null {
    const numbered = this.#byKey.get(key);
    return numbered === undefined ? null : numbered.some(({ up }) => up);
  }

  /** Writes all scores, when it is time. */
  write(nowMs: number): void {
    if (this.#writer === null || nowMs - this.#writtenAtMs < everyMs) return;
    this.#writtenAtMs = nowMs;
    for (const { id, selection, candidates } of this.#frontends) {
      const { selector } = selection.policy;
      selection.apply(nowMs);
      for (const one of candidates) {
        one.inFlight = this.#map!.active(one.id);
        const { candidate, known } = one.choice;
        one.takesNone = candidate.weight === 0 || (known.flags & (replicaFlags.draining | replicaFlags.down)) !== 0;
      }
      this.#writer.write({
        frontend: id,
        candidates,
        clients: this.#options.clients(),
        nowMs,
        rule: scored.has(selector) ? "cost" : blind.has(selector) ? "random" : "least",
        options: costOptions(selector === "mitsu" ? selection.policy.selectorOptions : {}),
      });
    }
    this.writes++;
  }

  close(): void {
    this.#feed[Symbol.dispose]();
    this.#map?.close();
    this.#map = null;
    this.#writer = null;
  }

  #changed(): void {
    this.#byKey = Map.groupBy(this.found, ({ address, target }) => replicaKey(address, target));
    const pins = this.#feed.pins;
    if (pins !== this.#pins || this.#map === null || this.#map.replaced()) {
      this.#map?.close();
      this.#map = null;
      this.#writer = null;
      this.#pins = pins;
      this.#fault = null;
      if (pins !== null) this.#open(pins);
    }
    this.#options.onChange();
  }

  #open(pins: string): void {
    try {
      this.#map = ScoreMap.open(pins);
      this.#writer = new ScoreWriter(this.#map);
    } catch (error) {
      this.#fault = `the kernel gets no scores: ${(error as Error).message}`;
      this.#options.log.error("the kernel's maps cannot be opened; connects go by its own counts", { error });
    }
  }
}
