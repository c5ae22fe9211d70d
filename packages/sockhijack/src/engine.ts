/** The engine: scans when something happened, couples what is fit, keeps the tables true. @module */
import type { Log } from "@mitsu/cli";
import { Budget } from "./budget.ts";
import { Coupler, type JudgedFlow } from "./coupling/coupler.ts";
import { flowsOf, isEnrolled } from "./coupling/flow.ts";
import type { Kernel } from "./kernel/kernel.ts";
import { planAction, planFor, type SockRecord, stateFlag } from "./kernel/layout.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { SplicingPrograms } from "./mesh/splicing-programs.ts";

/** What the engine works on. */
export interface EngineOptions {
  readonly kernel: Kernel;
  readonly mesh: Mesh;
  readonly splicing: SplicingPrograms;
  /** False when the self-test refused: nothing is ever enrolled. */
  readonly usable: boolean;
  readonly log: Log;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** The most connections coupled at once (`MAX_PAIRS`). */
const pairs = 65536;
/** Pauses between scans while something is unsettled: soon at first, since most connections settle within two scans. */
const pausesMs = [2, 4, 8, 8, 16, 32, 64, 128, 250, 500];
/** The most of a core that scans may take over a while: under a storm of connections they become rarer, not the machine slower. */
const scanShare = 0.04;
/** Scan time that may be spent at once, before that share counts. */
const scanBurstMs = 40;
/** Between scans while connections are coupled: a socket that turns unfit is found within this. */
const steadyMs = 2_000;
/** Between scans when nothing is coupled: listeners, namespaces and cgroups still come and go. */
const restMs = 3_000;

/**
 * Runs the scan-judge-plan loop. A scan applies the plans of the one before, so that what is decided on one view of a socket is checked
 * again, under its lock, when it is carried out.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #coupler = new Coupler(pairs);
  readonly #detaching = new Set<number>();
  #flows: readonly JudgedFlow[] = [];
  #records: readonly SockRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  readonly #debt = new Budget(scanShare, scanBurstMs);
  #step = 0;
  #unsettled = false;
  #closed = false;
  #scans = 0;
  #scanTotalMs = 0;
  #refreshAll = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#refreshAll = options.kernel.takenOver;
  }

  /** The flows as the last scan found them. */
  get flows(): readonly JudgedFlow[] {
    return this.#flows;
  }
  /** The lines of the last scan. */
  get records(): readonly SockRecord[] {
    return this.#records;
  }
  get counts(): { readonly scans: number; readonly meanUs: number } {
    return { scans: this.#scans, meanUs: this.#scans ? Math.round((this.#scanTotalMs * 1000) / this.#scans) : 0 };
  }

  /** Something happened: scan soon, then again at growing pauses until all is settled. */
  kick(): void {
    this.#step = 0;
    this.#plan(pausesMs[0]!);
  }

  #plan(delayMs: number): void {
    if (this.#closed) return;
    const at = this.#options.now() + Math.max(delayMs, this.#debt.waitMs(this.#options.now()));
    if (this.#timer && this.#dueMs <= at) return;
    clearTimeout(this.#timer);
    this.#dueMs = at;
    this.#timer = setTimeout(() => this.#tick(), at - this.#options.now());
    this.#timer.unref();
  }

  #tick(): void {
    this.#timer = undefined;
    try {
      this.scan();
    } catch (error) {
      this.#options.log.error("scan failed, connections stay as they are", { error });
    }
    const next = this.#step < pausesMs.length ? pausesMs[this.#step++] : undefined;
    const idle = this.#coupler.coupled > 0 ? steadyMs : restMs;
    this.#plan(this.#unsettled || (next ?? idle) <= 64 ? (next ?? pausesMs.at(-1)!) : idle);
  }

  /** One scan of every namespace, now. @returns the flows it found. */
  scan(): readonly JudgedFlow[] {
    const { kernel, mesh, splicing, usable, now } = this.#options;
    const begin = now();
    kernel.setControl("kicked", 0);
    if (this.#step >= pausesMs.length) {
      mesh.namespaces.refresh();
      mesh.attachDeclared();
    }
    mesh.locate();
    this.#records = mesh.namespaces.all.flatMap(({ fd }) => kernel.scan(fd));
    if (this.#refreshAll) this.#refresh();
    mesh.refresh(this.#records);
    const redirects = new Map(mesh.catalog.services.map(({ name, redirect }) => [name, redirect]));
    const rules = {
      usable,
      redirect: (id: number) => (this.#detaching.has(id) ? "off" : (redirects.get(mesh.ids.services.name(id)) ?? "auto")),
      splices: (end: SockRecord) => splicing.in(end.cgroup, mesh),
    } as const;
    const { flows, plans, unsettled } = this.#coupler.step(flowsOf(this.#records), rules, now());
    for (const [cookie, plan] of plans) kernel.maps.plans.set(cookie, plan);
    this.#flows = flows;
    this.#unsettled = unsettled;
    this.#scans++;
    const tookMs = now() - begin;
    this.#debt.spend(tookMs, now());
    this.#scanTotalMs += tookMs;
    return flows;
  }

  /** After an upgrade: sockets in the map still run the programs they were enrolled with, until they are linked again. */
  #refresh(): void {
    this.#refreshAll = false;
    for (const record of this.#records.filter(isEnrolled)) this.#options.kernel.maps.plans.set(record.cookie, planFor(planAction.refresh));
    this.#options.log.info("live sockets move to this version's programs", { sockets: this.#records.filter(isEnrolled).length });
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
        this.scan();
        if (left() === 0 || this.#options.now() > deadline) return left();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      for (const id of services) this.#detaching.delete(id);
    }
  }

  /** Turns the copying of messages on or off for the sockets of a service. */
  tap(service: number, on: boolean): void {
    this.#options.kernel.setControl("tap", on ? 1 : 0);
    this.scan();
    const flags = on ? stateFlag.tap : 0;
    for (const r of this.#records) {
      if (isEnrolled(r) && (r.service === service || r.peer_service === service))
        this.#options.kernel.maps.plans.set(r.cookie, planFor(planAction.set, { flags }));
    }
    this.scan();
  }

  /** Stops scanning; what is coupled stays coupled. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
