/** Writes what all replicas of a frontend cost into the kernel's map, as one batch. @module */
import { type Candidate, type CostOptions, choicesFor, type Score, scoreOf, scoreScale, takesNoneScore } from "@mitsu/selector";
import { ConnectRate } from "./connect-rate.ts";
import type { ScoreMap } from "./score-map.ts";

/** One backend of a frontend. */
export interface ScoredCandidate {
  /** Its number in the kernel's tables. */
  readonly id: number;
  /** Its `inFlight` is {@link ScoreMap.active}: the kernel goes on counting from there. */
  readonly candidate: Candidate;
  /** It drains, or is down: it gets a connection only where no other can be reached. */
  readonly takesNone: boolean;
}

/**
 * What the kernel goes by: `cost` is mitsu's cost; `least` its own counts, of two, as without replicad; `random` none: by weight alone.
 * In each case those that take none are spared.
 */
export type ScoreRule = "cost" | "least" | "random";

/** What is written of one frontend. */
export interface ScoreBatch {
  readonly frontend: number;
  readonly candidates: readonly ScoredCandidate[];
  /** Programs, or nodes, that send to these replicas and know the same. */
  readonly clients: number;
  /** By `clockMs()`. */
  readonly nowMs: number;
  readonly options: CostOptions;
  /** `cost` unless told. */
  readonly rule?: ScoreRule;
  /** How many backends are compared; unless told, by {@link choicesFor} from the connections of this node in the last second, the clients and the reports' age. */
  readonly choices?: number;
}

type ScoredMap = Pick<ScoreMap, "write" | "choices" | "total">;

/** How long what is written holds: a replicad that dies leaves the kernel's own counts within this. */
const holdsMs = 1000;
/** What a connection costs at weight 100 by the kernel's own counts. */
const ownEach = 1024;
const all = 16;

/**
 * Fills one {@link ScoreMap}.
 *
 * @example
 * ```ts
 * const writer = new ScoreWriter(map);
 * writer.write({ frontend: 1, candidates, clients: 3, nowMs: clockMs(), options });
 * ```
 */
export class ScoreWriter {
  readonly #map: ScoredMap;
  readonly #score: Score = { score: 0, each: 0 };
  readonly #rates = new Map<number, ConnectRate>();
  #takers: Candidate[] = [];

  constructor(map: ScoredMap) {
    this.#map = map;
  }

  /** Writes one batch: O(n), and no system call. */
  write(batch: ScoreBatch): void {
    const { frontend, candidates, nowMs, rule = "cost" } = batch;
    const untilMs = nowMs + holdsMs;
    if (rule === "cost") this.#costs(batch, untilMs);
    else for (const one of candidates) this.#own(one, rule === "least" ? ownEach : 0, untilMs);
    const choices = batch.choices ?? (rule === "cost" ? this.#choices(batch) : rule === "least" ? 2 : all);
    this.#map.choices(frontend, choices, untilMs);
  }

  #costs({ candidates, nowMs, clients, options }: ScoreBatch, untilMs: number): void {
    this.#takers.length = 0;
    for (const { candidate, takesNone } of candidates) if (!takesNone) this.#takers.push(candidate);
    const scale = scoreScale(this.#takers, nowMs, clients, options);
    for (const { id, candidate, takesNone } of candidates) {
      if (takesNone) this.#spare(id, untilMs);
      else this.#map.write(id, scoreOf(candidate, scale, this.#score), untilMs);
    }
  }

  #own({ id, candidate, takesNone }: ScoredCandidate, each: number, untilMs: number): void {
    if (takesNone) {
      this.#spare(id, untilMs);
      return;
    }
    this.#score.score = 0;
    this.#score.each = Math.min(takesNoneScore, Math.round(each / candidate.weight));
    this.#map.write(id, this.#score, untilMs);
  }

  #spare(id: number, untilMs: number): void {
    this.#score.score = takesNoneScore;
    this.#score.each = ownEach;
    this.#map.write(id, this.#score, untilMs);
  }

  /** Requests come from each of the other clients as from this node, whose own the kernel counts at once. */
  #choices({ frontend, candidates, clients, nowMs, options }: ScoreBatch): number {
    let total = 0;
    let ages = 0;
    let fresh = 0;
    for (const { id, candidate } of candidates) {
      total += this.#map.total(id);
      const age = nowMs - candidate.reportedAtMs;
      if (age >= options.staleMs) continue;
      ages += Math.max(0, age);
      fresh++;
    }
    const rate = this.#rates.get(frontend) ?? new ConnectRate();
    this.#rates.set(frontend, rate);
    const perMs = rate.at(total, nowMs);
    // Without reports the kernel's counts are all there is, and nobody else has them: there is no herd.
    return choicesFor(candidates.length, fresh === 0 ? 0 : (perMs * Math.max(0, clients - 1) * ages) / fresh);
  }
}
