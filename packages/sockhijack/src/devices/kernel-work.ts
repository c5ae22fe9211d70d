/** sockhijack's pieces of work, placed: coupled connections, replicas, traced services and rules, and where each of them runs. @module */
import type { Log } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { type Balance, balance, type MatchAction, matchAction, Placement, redirect, type TraceInject, traceInject } from "@mitsu/hal";
import type { PlacementRow, PlacementStatus } from "@mitsu/ipc";
import type { KernelDevice } from "./kernel-device.ts";
import { ruleKeyBits } from "./policy-rules.ts";

/**
 * The placement. Each piece of work takes all entries that the kernel has of it, as nobody else is there to need them.
 *
 * @example
 * ```ts
 * const work = new KernelWork(device, log);
 * work.rules.add(ruleKey({ from: 1, to: 2, port: 80 }), ruleKeyBits, ruleAction({ action: 1, rule: 1 }));
 * work.status().work.find(({ capability }) => capability === "match-action")?.used; // 1
 * work.leave();
 * ```
 */
export class KernelWork {
  /** Replicas of frontends. */
  readonly balance: Balance;
  readonly tracing: TraceInject;
  /** Who may connect to whom. */
  readonly rules: MatchAction;
  readonly #placement: Placement;
  readonly #device: KernelDevice;
  /** Instead of coupled connections, where there may be none. */
  readonly #plain: PlacementRow | undefined;
  #ending = false;

  constructor(device: KernelDevice, log: Log) {
    this.#device = device;
    const notice = (what: string): void => (this.#ending ? undefined : log.warn("work is placed anew", { what }));
    this.#placement = new Placement([device], { notice });
    this.#plain = this.#placeConnections();
    const [replicas, services, rules] = [balance, traceInject, matchAction].map(({ name }) => this.#most(name));
    this.balance = this.#placement.place("replicas", { capability: balance, spec: { entries: replicas! } }).operations;
    this.tracing = this.#placement.place("traced services", { capability: traceInject, spec: { entries: services! } }).operations;
    const spec = { entries: rules!, keyBits: ruleKeyBits, match: "exact" } as const;
    this.rules = this.#placement.place("rules", { capability: matchAction, spec }).operations;
  }

  /** Where everything runs, and how much of it is in use. */
  status(): PlacementStatus {
    const { work, notices } = this.#placement.report();
    const rows = work.map((row) => ({ ...row, used: this.#device.used(row.capability) }));
    return { work: this.#plain ? [this.#plain, ...rows] : rows, notices };
  }

  /** The daemon ends, or only looked: what stands in the kernel stays. */
  leave(): void {
    this.#ending = true;
    this.#device.leave();
  }

  /** @returns What is left where the kernel may not: plain TCP, and why. */
  #placeConnections(): PlacementRow | undefined {
    const work = { capability: redirect, spec: { entries: this.#most(redirect.name) } };
    const verdict = this.#device.validate(work);
    if (verdict.ok) {
      this.#placement.place("connections", work);
      return undefined;
    }
    const { code, reason } = verdict;
    return {
      work: "connections",
      capability: redirect.name,
      policy: "auto",
      why: "no device takes it: they stay plain TCP",
      entries: 0,
      used: 0,
      moves: 0,
      refused: [{ device: this.#device.identity.name, code, reason }],
    };
  }

  #most(capability: string): number {
    const offer = this.#device.offers().find((one) => one.capability === capability);
    if (offer !== undefined) return offer.entries.most;
    throw new MitsuError(`the kernel does not do ${capability}`, { code: "ERR_HAL_NO_DEVICE", hint: "please report it" });
  }
}
