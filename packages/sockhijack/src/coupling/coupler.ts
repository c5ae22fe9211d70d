/** The coupler: follows every flow from scan to scan, and plans which sockets enter and leave the kernel's socket map. @module */
import { applied, fact, type Plan, planAction, planFor, type SockRecord, stateFlag } from "../kernel/layout.ts";
import { type FitnessRules, unfit } from "./fitness.ts";
import { type Flow, isEnrolled } from "./flow.ts";
import type { Reason } from "./reason.ts";
import { type Ends, SlotPool } from "./slot-pool.ts";

/** Where a connection stands. It only ever moves right, and back to `tcp` from `leaving`. */
type Phase = "tcp" | "enrolling" | "coupled" | "leaving";

interface Tracked {
  phase: Phase;
  /** Scans in a row that found it fit. */
  fit: number;
  /** Scans that have tried to enrol both ends. */
  tries: number;
  /** Looks in a row that found, though it is coupled, bytes in TCP's own queue at one end. */
  left: number;
  slot: number;
  /** The kernel was told that both ends are in. */
  open: boolean;
  reason: Reason;
  /** Not before this time may it be enrolled again. */
  heldUntilMs: number;
  heldFor: Reason;
  seen: number;
  /** Looks in a row that showed one end only: the first may have missed the other, at the second it is gone. */
  alone: number;
}

/** A flow and what the coupler decided about it. */
export interface JudgedFlow extends Flow {
  readonly state: "redirected" | "tcp";
  readonly reason: Reason;
}

/** What one scan leads to. */
export interface Step {
  readonly flows: readonly JudgedFlow[];
  /** To be written to the kernel before the next scan. */
  readonly plans: ReadonlyMap<bigint, Plan>;
  /** Slots of the pairs whose both ends have entered the map: redirect may begin. */
  readonly open: readonly number[];
  /** Some flow is on its way in or out: scan again soon. */
  readonly unsettled: boolean;
}

/** How often a flow must be found fit, so that a program has had the time to set its socket up, or to read. */
const fitScans = 2;
/** As often is enrolment tried, about a second in all; an end that is in the map alone pays for it at every message. */
const mostTries = 10;
const bulkHoldMs = 5_000;
const longestHoldMs = 600_000;
/** After the map was full, connections are enrolled one by one for this long. */
const carefulMs = 60_000;

/**
 * Decides by what the scans report; has no effects of its own.
 *
 * A connection begins as plain TCP and is observed; when both ends were found fit twice, both are enrolled. What is no longer fit leaves
 * in two steps (see `bpf/scan.h`): both ends stop redirecting, then each leaves once its queue has been read.
 */
export class Coupler {
  readonly #tracked = new Map<bigint, Tracked>();
  readonly #slots: SlotPool;
  readonly #bulkEndpoints = new Map<string, { untilMs: number; times: number }>();
  #carefulUntilMs = 0;
  #scan = 0;

  /** Set while the first look at another version's sockets is taken: they leave the map, and come back with this version's programs. */
  renewing = false;

  /** @param pairs How many connections can be coupled at once: entries of the kernel's map `pairs`; or the slots themselves, where others look at them. */
  constructor(pairs: number | SlotPool) {
    this.#slots = typeof pairs === "number" ? new SlotPool(pairs) : pairs;
  }

  /** How many connections are in the socket map, or on their way. */
  get coupled(): number {
    return this.#slots.used;
  }

  /** Takes one scan of all namespaces in and says what comes next. */
  step(flows: readonly Flow[], rules: FitnessRules, nowMs: number): Step {
    this.#scan++;
    const plans = new Map<bigint, Plan>();
    let unsettled = false;
    const tracked = flows.map((flow) => this.#track(flow)); // all first: slots found in use must not be handed out
    const judged = flows.map((flow, index): JudgedFlow => {
      const t = tracked[index]!;
      t.seen = this.#scan;
      t.alone = flow.client && flow.server ? 0 : t.alone + 1;
      const against = unfit(flow, rules) ?? this.#held(flow, t, nowMs);
      this.#advance(flow, t, against, plans, nowMs);
      if (t.phase === "coupled" ? t.left > 0 : t.phase !== "tcp") unsettled = true;
      if (t.phase === "tcp" && (against === undefined || against === "not-accepted")) unsettled = true;
      return { ...flow, state: t.phase === "coupled" ? "redirected" : "tcp", reason: t.reason };
    });
    const opening = tracked.filter((t) => t.phase === "coupled" && !t.open);
    for (const t of opening) t.open = true;
    this.#forget();
    return { flows: judged, plans, open: opening.map(({ slot }) => slot), unsettled };
  }

  #track(flow: Flow): Tracked {
    const known = this.#tracked.get(flow.id);
    if (known) return known;
    // A daemon that starts over pinned state finds connections in the map already.
    const inside = [flow.client, flow.server].filter(isEnrolled);
    const slot = inside.find((end) => this.#slots.claim(end!.slot, endsOf(end!)))?.slot ?? 0;
    const coupled = inside.length === 2 && slot !== 0 && !this.renewing && !inside.some((end) => end!.flags & stateFlag.quiet);
    const fresh: Tracked = {
      phase: coupled ? "coupled" : inside.length > 0 ? "leaving" : "tcp",
      fit: 0,
      tries: 0,
      left: 0,
      slot,
      open: false,
      reason: coupled ? "redirected" : inside.length > 0 ? "leaving" : "young",
      heldUntilMs: 0,
      heldFor: "young",
      seen: 0,
      alone: 0,
    };
    this.#tracked.set(flow.id, fresh);
    return fresh;
  }

  /** Bulk is a habit of what a port serves: its next connections stay out for a while too. */
  #held(flow: Flow, t: Tracked, nowMs: number): Reason | undefined {
    if (t.phase !== "tcp") return undefined;
    if (t.heldUntilMs > nowMs) return t.heldFor;
    const endpoint = this.#bulkEndpoints.get(endpointKey(flow));
    return endpoint && endpoint.untilMs > nowMs ? "bulk" : undefined;
  }

  #advance(flow: Flow, t: Tracked, against: Reason | undefined, plans: Map<bigint, Plan>, nowMs: number): void {
    const ends = [flow.client, flow.server].filter((end) => end !== undefined);
    const inside = ends.filter(isEnrolled);
    if (t.alone === 1 && t.phase !== "tcp") return; // the end that is missing may have a plan, and may still be sending to this one
    switch (t.phase) {
      case "tcp":
        if (inside.length > 0) {
          t.reason = "leaving"; // enrolled by a plan that an earlier daemon left
          this.#leave(ends, t, plans);
          return;
        }
        t.fit = against ? 0 : t.fit + 1;
        t.reason = against ?? "young";
        if (t.fit >= fitScans) this.#enrol(flow, t, plans, nowMs);
        return;
      case "enrolling": {
        if (inside.length === 2) {
          t.phase = "coupled";
          t.reason = draining(flow) ? "draining" : "redirected";
          return;
        }
        t.tries++;
        const failed = against ?? enrolFailure(ends) ?? (t.tries > mostTries ? "unread" : undefined);
        if (failed) {
          t.heldFor = failed;
          t.heldUntilMs = nowMs + bulkHoldMs;
          if (t.heldFor === "full") this.#carefulUntilMs = nowMs + carefulMs;
          t.reason = "leaving";
          this.#leave(ends, t, plans);
        } else if (flow.client && flow.server) {
          t.reason = "enrolling";
          this.#planEnrol(flow.client, flow.server, t.slot, plans); // at every look: a plan may be lost with a socket that one scan missed
        }
        return;
      }
      case "coupled":
        t.reason = draining(flow) ? "draining" : "redirected";
        this.#take(ends, t, plans);
        if (!against || against === "not-established") return; // a closing connection takes its sockets with it
        if (against === "bulk") this.#holdBulk(flow, t, nowMs);
        t.reason = "leaving"; // what speaks against it shows once it is out
        this.#leave(ends, t, plans);
        return;
      case "leaving": {
        if (inside.length === 0) {
          this.#slots.free(t.slot);
          Object.assign(t, { phase: "tcp", slot: 0, fit: 0 });
          return;
        }
        // Planned at every look: the kernel is asked to try again only while there are plans.
        const action = inside.every((end) => end.flags & stateFlag.quiet) ? planAction.release : planAction.quiesce;
        for (const end of ends) plans.set(end.cookie, planFor(isEnrolled(end) ? action : planAction.quiesce));
      }
    }
  }

  #enrol({ client, server }: Flow, t: Tracked, plans: Map<bigint, Plan>, nowMs: number): void {
    // In a map that was full, ends of many connections at once would take the places of each other's other ends.
    if (nowMs < this.#carefulUntilMs && [...this.#tracked.values()].some(({ phase }) => phase === "enrolling")) {
      t.reason = "full";
      return;
    }
    t.slot = this.#slots.take([client!.cookie, server!.cookie]);
    if (t.slot === 0) {
      t.reason = "full";
      return;
    }
    t.phase = "enrolling";
    t.reason = "enrolling";
    t.tries = 0;
    t.open = false;
    this.#planEnrol(client!, server!, t.slot, plans);
  }

  #planEnrol(client: SockRecord, server: SockRecord, slot: number, plans: Map<bigint, Plan>): void {
    if (!isEnrolled(client)) plans.set(client.cookie, enrolPlan(server, slot, stateFlag.client));
    if (!isEnrolled(server)) plans.set(server.cookie, enrolPlan(client, slot, 0));
  }

  /** What could not be taken along at enrolment is moved, once it is clear that the program does not read it anyway. */
  #take(ends: readonly SockRecord[], t: Tracked, plans: Map<bigint, Plan>): void {
    const left = ends.filter((end) => isEnrolled(end) && end.facts & fact.unread);
    t.left = left.length > 0 ? t.left + 1 : 0;
    if (t.left >= fitScans) for (const end of left) plans.set(end.cookie, planFor(planAction.take));
  }

  #leave(ends: readonly SockRecord[], t: Tracked, plans: Map<bigint, Plan>): void {
    t.phase = "leaving";
    for (const end of ends) plans.set(end.cookie, planFor(planAction.quiesce));
  }

  #holdBulk(flow: Flow, t: Tracked, nowMs: number): void {
    const key = endpointKey(flow);
    const held = this.#bulkEndpoints.get(key);
    // Connections that leave together are one episode; only a port found bulk again after its hold is held twice as long.
    const times = held && held.untilMs > nowMs ? held.times : (held?.times ?? 0) + 1;
    const untilMs = nowMs + Math.min(longestHoldMs, bulkHoldMs * 2 ** (times - 1));
    this.#bulkEndpoints.set(key, { untilMs, times });
    t.heldUntilMs = untilMs;
    t.heldFor = "bulk";
    for (const [name, { untilMs: end }] of this.#bulkEndpoints) if (end + longestHoldMs < nowMs) this.#bulkEndpoints.delete(name);
  }

  /** Drops flows that no scan has seen twice in a row: one may be missed while its socket changes state. */
  #forget(): void {
    for (const [id, t] of this.#tracked) {
      if (t.seen > this.#scan - 2) continue;
      this.#tracked.delete(id);
      if (t.slot) this.#slots.free(t.slot);
    }
  }
}

function endsOf(end: SockRecord): Ends {
  return end.flags & stateFlag.client ? [end.cookie, end.peer] : [end.peer, end.cookie];
}

function enrolPlan(peer: SockRecord, slot: number, flags: number): Plan {
  return planFor(planAction.enrol, { peer: peer.cookie, peer_sk: peer.sk, slot, peer_service: peer.service, flags });
}

/** Behind nicd's one endpoint are many services, each with messages of its own size. */
function endpointKey({ client, server }: Flow): string {
  return server ? `${server.netns}:${server.local_port}:${server.service}:${client?.asked_service ?? 0}` : "";
}

/** Why the kernel did not let an end into the map, for good. */
function enrolFailure(ends: readonly SockRecord[]): Reason | undefined {
  if (ends.some((end) => end.applied === applied.full)) return "full";
  return ends.some((end) => end.applied === applied.refused) ? "refused" : undefined;
}

/** Enrolled, but nothing has been redirected yet or TCP's bytes are still on their way. */
function draining({ client, server }: Flow): boolean {
  return client?.redirected_messages === 0n && server?.redirected_messages === 0n;
}
