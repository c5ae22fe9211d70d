/** The engine: looks when something happened, couples what is fit, keeps the tables true. @module */
import type { Log } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { Budget } from "./budget.ts";
import { Coupler, type JudgedFlow } from "./coupling/coupler.ts";
import { flowsOf, isEnrolled, shouldLeaveAlone } from "./coupling/flow.ts";
import type { SlotPool } from "./coupling/slot-pool.ts";
import type { Kernel } from "./kernel/kernel.ts";
import { freshPair, type Plan, planAction, planFor, type SockRecord, stateFlag, tcpState } from "./kernel/layout.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { SplicingPrograms } from "./mesh/splicing-programs.ts";

/** What the engine works on. */
export interface EngineOptions {
  readonly kernel: Kernel;
  readonly mesh: Mesh;
  readonly splicing: SplicingPrograms;
  /** Pairs of the kernel's map `pairs`, which others may look at. */
  readonly slots: SlotPool;
  /** False when the self-test refused: nothing is ever enrolled. */
  readonly usable: boolean;
  readonly log: Log;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Called after each full scan: programs may live in other namespaces than before. */
  readonly onScan: () => void;
}

/** Pauses between looks while something is unsettled: soon at first, since most connections settle within two. */
const pausesMs = [2, 4, 8, 8, 16, 32, 64, 128, 250, 500];
/** Between scans while sockets wait to leave the map. */
const leaveMs = 6;
/** The most of a core that looking may take over a while: under a storm of connections it becomes rarer, not the machine slower. */
const lookShare = 0.03;
/** Time that may be spent on it at once, before that share counts. */
const lookBurstMs = 60;
/** Between looks while programs are attached: a socket that turned unfit is found within this. */
const steadyMs = 2_000;
/** Between full scans: listeners and connections that the hooks did not see. */
const scanEveryMs = 10_000;
/** A new namespace without addresses may get them any moment, and no hook sees that: for a while they are read again after this. */
const incompleteMs = 0.9 * steadyMs;
/** After the last news; one without addresses by then is left to the full scan. */
const newsMs = 60_000;

/**
 * Runs the look-judge-plan loop.
 *
 * `watch` shows the connections cheaply and without locks; the coupler judges and plans. Only when there are plans does a full scan run,
 * which checks each socket again under its lock before it does what was planned.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #coupler: Coupler;
  readonly #detaching = new Set<number>();
  readonly #budget = new Budget(lookShare, lookBurstMs);
  #flows: readonly JudgedFlow[] = [];
  #records: readonly SockRecord[] = [];
  #listeners: readonly SockRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #step = 0;
  #unsettled = false;
  #urgent = false;
  /** Namespaces of the sockets that have plans. */
  #planned: Set<bigint> = new Set();
  #wantScan = true;
  /** What was announced may not be there yet at the first scan: a bind comes before its listen, a close before the socket is gone. */
  #scanAgain = false;
  #scannedAtMs = Number.NEGATIVE_INFINITY;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #newsAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #looks = 0;
  #totalMs = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#coupler = new Coupler(options.slots);
  }

  /** The flows as the last look found them. */
  get flows(): readonly JudgedFlow[] {
    return this.#flows;
  }
  get counts(): { readonly scans: number; readonly meanUs: number } {
    return { scans: this.#looks, meanUs: this.#looks ? Math.round((this.#totalMs * 1000) / this.#looks) : 0 };
  }

  /**
   * Something happened: look soon, then again at growing pauses until all is settled.
   *
   * @param scan Connections or listeners may have come that the hooks did not see.
   */
  kick(scan: boolean): void {
    this.#step = 0;
    this.#wantScan ||= scan;
    this.#scanAgain ||= scan;
    if (scan) this.#newsAtMs = this.#options.now();
    this.#plan(pausesMs[0]!);
  }

  /** A socket must leave the map: look at once, and again until it has left, whatever was spent on looking. */
  hurry(): void {
    this.#urgent = true;
    this.kick(false);
  }

  #plan(delayMs: number): void {
    if (this.#closed) return;
    const now = this.#options.now();
    const at = now + Math.max(delayMs, this.#urgent ? 0 : this.#budget.waitMs(now));
    if (this.#timer && this.#dueMs <= at) return;
    clearTimeout(this.#timer);
    this.#dueMs = at;
    this.#timer = setTimeout(() => this.#tick(), at - now);
    this.#timer.unref();
  }

  #tick(): void {
    this.#timer = undefined;
    try {
      this.look();
    } catch (error) {
      this.#options.log.error("cannot look at the sockets; connections stay as they are", { error });
    }
    const pause = this.#step < pausesMs.length ? pausesMs[this.#step++]! : undefined;
    if (pause === 64 && this.#scanAgain) {
      this.#scanAgain = false;
      this.#wantScan = true;
    }
    if (this.#urgent) this.#plan(leaveMs);
    else if (this.#unsettled) this.#plan(pause ?? pausesMs.at(-1)!);
    else if (pause !== undefined && pause <= 64) this.#plan(pause);
    else if (this.#options.mesh.attachments.length > 0) this.#plan(steadyMs);
  }

  /**
   * Looks once, now; carries out what was planned before.
   *
   * @param how `scan` also finds listeners, and connections that no hook has seen.
   * @returns the flows it found.
   */
  look(how: "watch" | "scan" = "watch"): readonly JudgedFlow[] {
    const { kernel, mesh, now } = this.#options;
    const begin = now();
    const cpu = process.threadCpuUsage();
    kernel.setControl("kicked", 0);
    const known = new Set(mesh.namespaces.all.map(({ cookie }) => cookie));
    const all =
      how === "scan" ||
      this.#wantScan ||
      begin - this.#scannedAtMs > scanEveryMs ||
      [...this.#planned].some((cookie) => !known.has(cookie));
    const scanned = all ? this.#scanAll(begin) : this.#scanPlanned();
    const outcome = new Map(scanned.map((r) => [r.cookie, r.applied]));
    this.#records = kernel.watch().map((r) => ({ ...r, applied: outcome.get(r.cookie) ?? 0 }));
    if (all) {
      this.#dropStale([...scanned, ...this.#records]);
      mesh.refresh(this.#listeners);
      this.#options.onScan();
    } else if (begin - this.#refreshedAtMs > this.#refreshEveryMs(begin)) {
      if (this.#refreshAddresses(begin)) {
        mesh.locate();
        mesh.refresh(this.#listeners);
      }
    }
    const rules = this.#rules();
    const { flows, plans: coupling, open, unsettled } = this.#coupler.step(flowsOf([...this.#listeners, ...this.#records]), rules, now());
    const spent = this.#records
      .filter((r) => shouldLeaveAlone(r, rules))
      .map(({ cookie }) => [cookie, planFor(planAction.release)] as const);
    const plans = new Map<bigint, Plan>([...spent, ...coupling]);
    this.#open(open);
    this.#send(plans);
    if (this.#planned.size === 0 && plans.size > 0) this.#step = 0; // carried out soon, and what must wait at growing pauses
    this.#planned = new Set(this.#records.filter(({ cookie }) => plans.has(cookie)).map(({ netns }) => netns));
    this.#flows = flows;
    this.#urgent = flows.some(({ reason }) => reason === "leaving");
    this.#unsettled = unsettled;
    this.#looks++;
    const tookMs = now() - begin;
    // What the processor did, not what the clock says: on a busy machine a look is preempted, and that must not make looks rarer.
    const { user, system } = process.threadCpuUsage(cpu);
    this.#budget.spend((user + system) / 1000, now());
    this.#totalMs += tookMs;
    return flows;
  }

  #refreshEveryMs(nowMs: number): number {
    return this.#options.mesh.namespaces.incomplete && nowMs - this.#newsAtMs < newsMs ? incompleteMs : scanEveryMs;
  }

  #refreshAddresses(beginMs: number): boolean {
    this.#refreshedAtMs = beginMs;
    return this.#options.mesh.namespaces.refresh();
  }

  #scanAll(beginMs: number): SockRecord[] {
    const { kernel, mesh } = this.#options;
    if (beginMs - this.#refreshedAtMs > this.#refreshEveryMs(beginMs)) {
      this.#refreshAddresses(beginMs);
      if (mesh.attachDeclared() > 0) mesh.refresh(); // nicd's own unit may be among them, and nicd is to hear of it
    }
    mesh.locate();
    const scanned = mesh.namespaces.all.flatMap(({ fd }) => kernel.scan(fd));
    this.#listeners = scanned.filter((r) => r.state === tcpState.listen);
    this.#wantScan = false;
    this.#scannedAtMs = beginMs;
    return scanned;
  }

  /** Carries out the plans. A scan walks the kernel's whole table of connections for each namespace, so only where there is something to do. */
  #scanPlanned(): SockRecord[] {
    const { kernel, mesh } = this.#options;
    return mesh.namespaces.all.filter(({ cookie }) => this.#planned.has(cookie)).flatMap(({ fd }) => kernel.scan(fd));
  }

  /** Sockets close before their plan is carried out, and an adopted inode's number is given to another socket some day. */
  #dropStale(scanned: readonly SockRecord[]): void {
    const { plans, adopted } = this.#options.kernel.maps;
    const cookies = new Set(scanned.map(({ cookie }) => cookie));
    const inodes = new Set(scanned.map(({ inode }) => inode));
    for (const [cookie] of plans.entries()) if (!cookies.has(cookie)) plans.delete(cookie);
    for (const [inode] of adopted.entries()) if (!inodes.has(inode)) adopted.delete(inode);
  }

  /** Lets redirect begin; a pair that an earlier daemon opened keeps its counts. */
  #open(slots: readonly number[]): void {
    const { pairs } = this.#options.kernel.maps;
    for (const slot of slots) if (!pairs.get(slot)?.open) pairs.set(slot, { ...freshPair, open: 1 });
  }

  /** Writes plans, and before them makes their pairs fresh: a slot may have been another connection's. Those that find no place are planned again at the next look. */
  #send(plans: ReadonlyMap<bigint, Plan>): void {
    const { maps } = this.#options.kernel;
    try {
      for (const [cookie, plan] of plans) {
        if (plan.action === planAction.enrol) maps.pairs.set(plan.slot, freshPair);
        maps.plans.set(cookie, plan);
      }
    } catch (error) {
      if (!(error instanceof MitsuError) || error.code !== "ERR_BPF_MAP_FULL") throw error;
      this.#options.log.debug("more plans than the kernel has room for; the rest follows", { plans: plans.size });
    }
  }

  #rules() {
    const { mesh, splicing, usable } = this.#options;
    const redirects = new Map(mesh.catalog.services.map(({ name, redirect }) => [name, redirect]));
    return {
      usable,
      redirect: (id: number) => (this.#detaching.has(id) ? "off" : (redirects.get(mesh.ids.services.name(id)) ?? "auto")),
      splices: (end: SockRecord) => splicing.in(end.cgroup, mesh),
    } as const;
  }

  /**
   * Begins over what an earlier daemon left in the kernel.
   *
   * @param renew Its programs were others: a socket in the map keeps running those it was enrolled with, so each leaves at a safe point and comes back.
   * @returns how many sockets were found in the map.
   */
  takeOver(renew: boolean): number {
    const { kernel } = this.#options;
    // What the daemon before this one still wanted: carried out late, it would enrol sockets behind the coupler's back.
    for (const [cookie] of kernel.maps.plans.entries()) kernel.maps.plans.delete(cookie);
    this.#coupler.renewing = renew;
    this.look("scan");
    this.#coupler.renewing = false;
    return this.#records.filter(isEnrolled).length;
  }

  /**
   * Brings every live socket of some services back to plain TCP, without losing a byte.
   *
   * @returns the number of sockets still in the map when time ran out; 0 when all are out.
   */
  async release(services: ReadonlySet<number>, timeoutMs: number): Promise<number> {
    for (const id of services) this.#detaching.add(id);
    const deadline = this.#options.now() + timeoutMs;
    const left = (): number =>
      this.#records.filter((r) => isEnrolled(r) && (services.has(r.service) || services.has(r.peer_service))).length;
    try {
      for (let pause = 1; ; pause = Math.min(16, pause * 2)) {
        this.look("scan");
        if (left() === 0 || this.#options.now() > deadline) return left();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      for (const id of services) this.#detaching.delete(id);
    }
  }

  /** Turns the copying of messages on or off for the sockets of a service. */
  tap(service: number, on: boolean): void {
    const { kernel } = this.#options;
    const flags = on ? stateFlag.tap : 0;
    const changing = kernel
      .watch()
      .filter((r) => isEnrolled(r) && (r.service === service || r.peer_service === service) && (r.flags & stateFlag.tap) !== flags);
    for (const { cookie } of changing) kernel.maps.plans.set(cookie, planFor(planAction.set, { flags }));
    if (changing.length > 0) this.look("scan");
  }

  /** Stops looking; what is coupled stays coupled. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
