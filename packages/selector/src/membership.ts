/** Which replicas of a service may be asked now. Past 300 lines as one state machine: ejection, what is told, slow start and panic change the same members. @module */
import type { LiveCandidate } from "./live-candidate.ts";

/** A replica is out for at most this many times `refusedMs`: it may have been back for long. */
const mostRefusals = 10;

/** Parameters of a {@link Membership}. */
export interface MembershipOptions {
  /** Failures in a row that eject; 5 unless told, 0 for never. [Envoy, `consecutive_5xx`] */
  readonly failuresInRow?: number;
  /** How long the first ejection lasts; each further one longer by as much. 1000 unless told, as replicas restart in seconds (Envoy: 30 000). */
  readonly ejectMs?: number;
  /**
   * How long a replica is out that refused a connection, while nobody tells what it is now; each further time in a row longer by as much, ten times that at most.
   * 1000 unless told.
   */
  readonly refusedMs?: number;
  /** The longest ejection; 30 000 unless told. [Envoy, `max_ejection_time`] */
  readonly longestEjectMs?: number;
  /** Share of the replicas that may be ejected for failing, one at least; 0.5 unless told (Envoy: 0.1). Those that refuse connections come on top. */
  readonly mostEjected?: number;
  /** When a smaller share than this is healthy, those that fail are asked again too, as the fault may be elsewhere; 0.5 unless told. [Envoy, panic threshold] */
  readonly panicBelow?: number;
  /** How long a new or recovered replica takes to get its full share; 10 000 unless told, 0 for at once. [Envoy, slow start] */
  readonly slowStartMs?: number;
  /** The share that slow start begins with; 0.1 unless told. [Envoy, `min_weight_percent`] */
  readonly leastShare?: number;
}

/** What came of a request as membership sees it: `refused` is a connection nobody took, so that the replica is known to be gone. */
export type Outcome = "ok" | "failed" | "refused";

/** What others say of a replica: `down` refuses connections, `up` takes them again. */
export type Told = "up" | "down";

/** What a replica is to its membership. */
export type Standing = "healthy" | "slow-start" | "ejected" | "dead" | "draining";

interface Member<C> {
  readonly candidate: C;
  inRow: number;
  /** Ejections that count for the length of the next. */
  times: number;
  /** The same of refused connections. */
  refusals: number;
  /** 0 when it is not ejected; ∞ while it is told to be down. */
  untilMs: number;
  dead: boolean;
  /** Others say so. */
  toldDown: boolean;
  draining: boolean;
  /** When it came, or came back. */
  sinceMs: number;
}

/**
 * The replicas of one service, less those that are ejected, dead or drain. One answer costs O(1); the list is made anew only when it has changed.
 * A replica that refused a connection, here or as others tell, is out at once, also while there is panic, unless no other is left. A drained one, or one of weight 0, gets
 * no new requests; those in flight are not touched. Times are milliseconds of the clock that selectors see.
 *
 * @example
 * ```ts
 * const replicas = new Membership();
 * replicas.add(new LiveCandidate("10.0.0.7:8080"), nowMs);
 * const chosen = selector.select(replicas.usable(nowMs), context);
 * replicas.answered(chosen, nowMs, "refused"); // not in usable() any more
 * ```
 */
export class Membership<C extends LiveCandidate = LiveCandidate> {
  /** Ejections so far, of either kind, by what was seen here; not what was told. */
  ejections = 0;
  /** Ejections that were left out as too many are ejected already. */
  spared = 0;
  /** Times that panic began. */
  panics = 0;
  /** Too few are healthy, so those that fail are asked as well. */
  panic = false;
  #o: Required<MembershipOptions>;
  readonly #members = new Map<string, Member<C>>();
  #usable: C[] = [];
  #near: C[] = [];
  #dirty = false;
  /** Weights changed, so that the array must be another one though its replicas are the same. */
  #reweighed = false;
  /** When the first ejection ends. */
  #nextMs: number = Number.POSITIVE_INFINITY;
  #ejected = 0;
  readonly #ramping: Member<C>[] = [];
  #rampedAtMs: number = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(options: MembershipOptions = {}) {
    this.#o = {
      failuresInRow: 5,
      ejectMs: 1000,
      refusedMs: 1000,
      longestEjectMs: 30_000,
      mostEjected: 0.5,
      panicBelow: 0.5,
      slowStartMs: 10_000,
      leastShare: 0.1,
      ...options,
    };
  }

  /** Takes over new options; what is left out stays. Ejections last as long as they were to, slow starts go on by the new time. */
  configure(options: MembershipOptions): void {
    this.#o = { ...this.#o, ...options };
    this.#rampedAtMs = Number.NEGATIVE_INFINITY;
    this.#dirty = true;
    if (this.#o.slowStartMs > 0) return;
    for (const { candidate } of this.#ramping) candidate.ramp = 1;
    this.#ramping.length = 0;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Takes in a replica, in place of one of the same key, whose state and what was told of it are forgotten. The first of a service, which come together, need no slow start: `warm`. */
  add(candidate: C, nowMs: number, warm = false): void {
    this.remove(candidate.key);
    const member: Member<C> = {
      candidate,
      inRow: 0,
      times: 0,
      refusals: 0,
      untilMs: 0,
      dead: false,
      toldDown: false,
      draining: false,
      sinceMs: nowMs,
    };
    this.#members.set(candidate.key, member);
    candidate.ramp = 1;
    if (!warm) this.#slowStart(member, nowMs);
    this.#dirty = true;
  }

  /** Forgets a replica; false when there is none of that key. */
  remove(key: string): boolean {
    const member = this.#members.get(key);
    if (member === undefined) return false;
    this.#readmit(member);
    this.#leaveRamp(member);
    this.#members.delete(key);
    this.#dirty = true;
    return true;
  }

  /** No new requests, or new ones again, with a slow start; false when there is none of that key. */
  drain(key: string, draining: boolean, nowMs: number): boolean {
    const member = this.#members.get(key);
    if (member === undefined) return false;
    if (member.draining && !draining) this.#slowStart(member, nowMs);
    member.draining = draining;
    this.#dirty = true;
    return true;
  }

  /** Only ratios of weights count; 0 drains. `usable` is another array then, so that selectors see it. False when there is none of that key. */
  setWeight(key: string, weight: number, nowMs: number): boolean {
    const member = this.#members.get(key);
    if (member === undefined) return false;
    if (member.candidate.weight === 0 && weight > 0) this.#slowStart(member, nowMs);
    if (member.candidate.weight === weight) return true;
    member.candidate.weight = weight;
    this.#dirty = true;
    this.#reweighed = true;
    return true;
  }

  /**
   * Others say that it is so; false when there is none of that key. `down` takes it out at once, as a refused connection does, until `up` is told, which brings it
   * back with a slow start. What is told twice changes nothing: an `up` that was made before a connection was refused here does not bring it back.
   */
  tell(key: string, state: Told, nowMs: number): boolean {
    const member = this.#members.get(key);
    if (member === undefined) return false;
    if (member.toldDown === (state === "down")) return true;
    if (state === "up") this.#return(member, nowMs);
    else {
      if (member.untilMs > 0) this.#readmit(member);
      member.untilMs = Number.POSITIVE_INFINITY;
      member.dead = true;
      member.toldDown = true;
      this.#dirty = true;
    }
    return true;
  }

  /** It is known to be well again before its time is over. */
  revive(key: string, nowMs: number): void {
    const member = this.#members.get(key);
    if (member !== undefined && member.untilMs > 0) this.#return(member, nowMs);
  }

  /** A request to it ended so. What was sent before an ejection does not make that longer. */
  answered(candidate: C, nowMs: number, outcome: Outcome): void {
    const member = this.#members.get(candidate.key);
    if (member === undefined || member.candidate !== candidate) return; // removed while the request was in flight
    if (outcome === "ok") {
      member.inRow = 0;
      return;
    }
    member.inRow++;
    if (outcome === "refused") {
      if (!member.dead) this.#eject(member, nowMs, true);
    } else if (this.#o.failuresInRow > 0 && member.inRow >= this.#o.failuresInRow && member.untilMs === 0) {
      if (this.#ejected < Math.max(1, Math.floor(this.#o.mostEjected * this.#members.size))) this.#eject(member, nowMs, false);
      else {
        this.spared++;
        member.inRow = 0;
      }
    }
  }

  /** Those that may be asked now: the same array until one comes or goes. Empty when there is none but draining ones. */
  usable(nowMs: number): readonly C[] {
    if (nowMs >= this.#nextMs) this.#readmitDue(nowMs);
    if (this.#ramping.length > 0) this.#ramp(nowMs);
    if (this.#dirty) this.#rebuild();
    // One after the other forgets what was long ago: nobody asks a replica that looks bad, so no answer would ever mend that.
    if (this.#usable.length > 0) this.#usable[this.#turn++ % this.#usable.length]!.age(nowMs);
    return this.#usable;
  }

  /** Those of {@link usable} on this node: the same array until one comes or goes. */
  near(nowMs: number): readonly C[] {
    this.usable(nowMs);
    return this.#near;
  }

  /**
   * Whom to select from. Of requests with a key it is all that are usable, though near ones are preferred: nodes would send the same key to different replicas otherwise.
   * In panic too: those of this node may be the very ones that fail.
   *
   * @param preferNear Those on this node, while there is one.
   */
  eligible(nowMs: number, preferNear: boolean, stickyKey: string | null): readonly C[] {
    const usable = this.usable(nowMs);
    return preferNear && stickyKey === null && !this.panic && this.#near.length > 0 ? this.#near : usable;
  }

  /** Milliseconds until it may be asked again; 0 for now, ∞ for when it is told. */
  outForMs(key: string, nowMs: number): number {
    return Math.max(0, (this.#members.get(key)?.untilMs ?? 0) - nowMs);
  }

  standing(key: string): Standing | null {
    const member = this.#members.get(key);
    if (member === undefined) return null;
    if (member.draining || member.candidate.weight === 0) return "draining";
    if (member.untilMs > 0) return member.dead ? "dead" : "ejected";
    return member.candidate.ramp < 1 ? "slow-start" : "healthy";
  }

  #eject(member: Member<C>, nowMs: number, dead: boolean): void {
    const { ejectMs, refusedMs, longestEjectMs } = this.#o;
    const eachMs = dead ? refusedMs : ejectMs;
    const mostMs = dead ? Math.min(longestEjectMs, mostRefusals * refusedMs) : longestEjectMs;
    let times = dead ? member.refusals : member.times;
    if (member.untilMs > 0) this.#readmit(member);
    // Time without an ejection makes up for earlier ones. [Envoy decrements its multiplier likewise]
    else times = Math.max(0, times - Math.floor(Math.max(0, nowMs - member.sinceMs) / eachMs));
    times++;
    if (dead) member.refusals = times;
    else member.times = times;
    member.untilMs = nowMs + Math.min(mostMs, eachMs * times);
    member.dead = dead;
    if (!dead) this.#ejected++;
    this.ejections++;
    this.#nextMs = Math.min(this.#nextMs, member.untilMs);
    this.#dirty = true;
  }

  #readmit(member: Member<C>): void {
    if (member.untilMs > 0 && !member.dead) this.#ejected--;
    member.untilMs = 0;
    member.dead = false;
    member.toldDown = false;
    member.inRow = 0;
  }

  #return(member: Member<C>, nowMs: number): void {
    this.#readmit(member);
    this.#slowStart(member, nowMs);
    this.#dirty = true;
  }

  #readmitDue(nowMs: number): void {
    this.#nextMs = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      if (member.untilMs > 0 && nowMs >= member.untilMs) this.#return(member, nowMs);
      else if (member.untilMs > 0) this.#nextMs = Math.min(this.#nextMs, member.untilMs);
    }
  }

  #slowStart(member: Member<C>, nowMs: number): void {
    member.sinceMs = nowMs;
    if (this.#o.slowStartMs <= 0) return;
    member.candidate.ramp = this.#o.leastShare;
    if (!this.#ramping.includes(member)) this.#ramping.push(member);
    this.#rampedAtMs = Number.NEGATIVE_INFINITY;
  }

  #leaveRamp(member: Member<C>): void {
    const index = this.#ramping.indexOf(member);
    if (index >= 0) this.#ramping.splice(index, 1);
  }

  /** A hundred steps are fine enough. */
  #ramp(nowMs: number): void {
    const { slowStartMs, leastShare } = this.#o;
    if (nowMs < this.#rampedAtMs + slowStartMs / 100) return;
    this.#rampedAtMs = nowMs;
    for (let i = this.#ramping.length - 1; i >= 0; i--) {
      const member = this.#ramping[i]!;
      const part = Math.max(0, nowMs - member.sinceMs) / slowStartMs;
      member.candidate.ramp = part >= 1 ? 1 : leastShare + (1 - leastShare) * part;
      if (part >= 1) this.#ramping.splice(i, 1);
    }
  }

  #rebuild(): void {
    this.#dirty = false;
    const open = [...this.#members.values()].filter((one) => !one.draining && one.candidate.weight > 0);
    const healthy = open.filter((one) => one.untilMs === 0);
    const panic = open.length > 0 && healthy.length < this.#o.panicBelow * open.length;
    if (panic && !this.panic) this.panics++;
    this.panic = panic;
    let chosen = panic ? open.filter((one) => !one.dead) : healthy;
    if (chosen.length === 0) chosen = open;
    const usable = chosen.map((one) => one.candidate);
    if (!this.#reweighed && usable.length === this.#usable.length && usable.every((one, i) => one === this.#usable[i])) return;
    this.#reweighed = false;
    this.#usable = usable;
    this.#near = usable.filter((one) => one.here);
  }
}
