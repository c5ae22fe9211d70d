/** The host's side of rtl/topic_matcher.sv: strings to beats, cycle by cycle, and beats back to entries. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { TopicEntry } from "./topic-matcher.ts";
import { type FilterLevel, LevelDictionary, type TopicLevels } from "./topic-matcher-levels.ts";

/** The ports, as a generated class has them. */
export interface TopicMatcherPorts {
  s_valid: number;
  s_data: number;
  s_dollar: number;
  s_last: number;
  readonly s_ready: number;
  m_ready: number;
  readonly m_valid: number;
  readonly m_data: number;
  readonly m_shared: number;
  readonly m_none: number;
  readonly m_last: number;
  c_valid: number;
  c_install: number;
  c_slot: number;
  c_kind: number;
  c_data: number;
  c_entry: number;
  c_shared: number;
  c_last: number;
  readonly c_ready: number;
  readonly d_valid: number;
  readonly d_bad: number;
  readonly cycle: number;
  step(): void;
  settle(): void;
}

/** An installation or a removal on its way. */
export interface TopicMatcherChange {
  readonly slot: number;
  /** Undefined for a removal. */
  readonly filter: string | undefined;
  /** The cycle in which its last beat was taken, and that in which it was done. */
  taken?: number;
  done?: number;
  /** Whether the matcher refused it. */
  bad?: boolean;
}

/** A topic on its way. */
export interface TopicMatcherLookup {
  readonly topic: string;
  readonly entries: TopicEntry[];
  /** The cycles in which its first and its last level were taken, and in which its last entry was. */
  first?: number;
  last?: number;
  done?: number;
}

/** A filter whose levels hold ids of the dictionary. */
interface Held {
  readonly filter: string;
  released: boolean;
}

interface QueuedChange {
  readonly change: TopicMatcherChange;
  readonly held: Held | undefined;
  /** What was in the slot before. */
  readonly replaced: Held | undefined;
}

interface TopicUnderWay extends TopicLevels {
  readonly lookup: TopicMatcherLookup;
  /** The level that is next. */
  at: number;
}

interface ControlBeat {
  readonly change: TopicMatcherChange;
  readonly level: FilterLevel | undefined;
  readonly entry: TopicEntry;
  readonly last: boolean;
}

/**
 * Queues topics and changes and carries them by {@link TopicMatcherHost.tick}, one clock cycle each. Filters are valid and without `$share/<group>/`;
 * a filter of a group has an entry with `shared`.
 *
 * @example
 * ```ts
 * const host = new TopicMatcherHost(await TopicMatcher.open(), 16);
 * host.install(0, "sport/#", { id: 7, shared: false });
 * host.run();
 * const lookup = host.match("sport/tennis");
 * host.run();
 * lookup.entries; // [{ id: 7, shared: false }]
 * ```
 */
export class TopicMatcherHost {
  readonly #levels: LevelDictionary;
  readonly #ports: TopicMatcherPorts;
  readonly #control: ControlBeat[] = [];
  readonly #changes: QueuedChange[] = [];
  readonly #filters = new Map<number, Held>();
  /** Filters that are gone, whose ids are let go between two topics: else a level could get an id that stands for another in the topic under way. */
  readonly #gone: (Held | undefined)[] = [];
  /** Looked up but not ended; `#entered` of them have been handed to the matcher. */
  readonly #lookups: TopicMatcherLookup[] = [];
  #entered = 0;
  #ended = 0;
  /** The topic whose levels are being handed over. */
  #current: TopicUnderWay | undefined;

  /** @param idBits The parameter `ID_W` of the matcher. */
  constructor(ports: TopicMatcherPorts, idBits: number) {
    this.#ports = ports;
    this.#levels = new LevelDictionary(idBits);
  }

  /** Whether nothing is on its way. */
  get idle(): boolean {
    return this.#changes.length === 0 && this.#ended === this.#lookups.length;
  }

  /**
   * Queues an installation. What was in the slot is removed.
   *
   * @throws {MitsuError} `ERR_RTL_LEVELS` when no ids are left for its levels.
   */
  install(slot: number, filter: string, entry: TopicEntry): TopicMatcherChange {
    const levels = this.#levels.filter(filter);
    const change: TopicMatcherChange = { slot, filter };
    const held: Held = { filter, released: false };
    this.#changes.push({ change, held, replaced: this.#filters.get(slot) });
    this.#filters.set(slot, held);
    for (const [at, level] of levels.entries()) this.#control.push({ change, level, entry, last: at === levels.length - 1 });
    return change;
  }

  /** Queues a removal. */
  remove(slot: number): TopicMatcherChange {
    const change: TopicMatcherChange = { slot, filter: undefined };
    this.#changes.push({ change, held: undefined, replaced: this.#filters.get(slot) });
    this.#filters.delete(slot);
    this.#control.push({ change, level: undefined, entry: { id: 0, shared: false }, last: true });
    return change;
  }

  /** Queues a topic. */
  match(topic: string): TopicMatcherLookup {
    const lookup: TopicMatcherLookup = { topic, entries: [] };
    this.#lookups.push(lookup);
    return lookup;
  }

  /** One cycle. `pause` offers no level in it, `stall` takes no entry. */
  tick(pause = false, stall = false): void {
    const ports = this.#ports;
    const topic = pause ? undefined : this.#offer();
    ports.s_valid = topic ? 1 : 0;
    if (topic) {
      ports.s_data = topic.ids[topic.at]!;
      ports.s_dollar = topic.dollar ? 1 : 0;
      ports.s_last = topic.at === topic.ids.length - 1 ? 1 : 0;
    }
    const control = this.#control[0];
    ports.c_valid = control ? 1 : 0;
    if (control) {
      ports.c_install = control.level ? 1 : 0;
      ports.c_slot = control.change.slot;
      ports.c_kind = control.level?.kind ?? 0;
      ports.c_data = control.level?.id ?? 0;
      ports.c_entry = control.entry.id;
      ports.c_shared = control.entry.shared ? 1 : 0;
      ports.c_last = control.last ? 1 : 0;
    }
    ports.m_ready = stall ? 0 : 1;
    ports.settle();
    const now = ports.cycle;
    if (topic && ports.s_ready) this.#levelTaken(now);
    if (control && ports.c_ready) {
      this.#control.shift();
      if (control.last) control.change.taken = now;
    }
    if (ports.d_valid) this.#changed(now);
    if (!stall && ports.m_valid) this.#entryTaken(now);
    ports.step();
  }

  /**
   * Ticks until nothing is on its way.
   *
   * @param most Cycles after which it gives up.
   * @throws {MitsuError} `ERR_RTL_STUCK` when it gave up.
   */
  run(pause?: () => boolean, stall?: () => boolean, most = 10_000_000): void {
    for (let cycle = 0; !this.idle; cycle++) {
      if (cycle === most)
        throw new MitsuError(`topic_matcher has not ended after ${most} cycles`, {
          code: "ERR_RTL_STUCK",
          hint: "look at a trace: open the model with { trace: <file> }",
        });
      this.tick(pause?.(), stall?.());
    }
  }

  /** The topic to hand over; its levels become ids only now. */
  #offer(): TopicUnderWay | undefined {
    if (this.#current) return this.#current;
    for (const held of this.#gone.splice(0)) {
      if (!held || held.released) continue;
      held.released = true;
      this.#levels.release(held.filter);
    }
    const lookup = this.#lookups[this.#entered];
    if (lookup) {
      this.#entered++;
      this.#current = { lookup, ...this.#levels.topic(lookup.topic), at: 0 };
    }
    return this.#current;
  }

  #levelTaken(now: number): void {
    const current = this.#current!;
    if (current.at === 0) current.lookup.first = now;
    current.at++;
    if (current.at < current.ids.length) return;
    current.lookup.last = now;
    this.#current = undefined;
  }

  #changed(now: number): void {
    const { change, held, replaced } = this.#changes.shift()!;
    change.done = now;
    change.bad = this.#ports.d_bad === 1;
    this.#gone.push(replaced);
    if (!change.bad) return;
    this.#gone.push(held);
    if (this.#filters.get(change.slot) === held) this.#filters.delete(change.slot);
  }

  #entryTaken(now: number): void {
    const { m_data, m_shared, m_none, m_last } = this.#ports;
    const lookup = this.#lookups[this.#ended]!;
    if (!m_none) lookup.entries.push({ id: m_data, shared: m_shared === 1 });
    if (!m_last) return;
    lookup.done = now;
    this.#ended++;
    if (this.#ended < this.#lookups.length) return;
    this.#lookups.length = 0;
    this.#ended = 0;
    this.#entered = 0;
  }
}
