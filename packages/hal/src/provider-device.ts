/** A device made of providers, one a capability: what all devices do alike stands here once. @module */
import { MitsuError } from "@mitsu/cli/error";
import { type AnyCapability, type Capability, capabilityLabel, entriesOf, specFault, type Work } from "./capability.ts";
import type { Cost, Device, Identity, Installed, Offer, RefusalCode, Verdict } from "./device.ts";

/** Work as a provider runs it. */
export interface Opened<Operations, State> {
  readonly operations: Operations;
  /** See {@link Installed.export}. */
  export(): State;
  /** Frees what it holds. */
  close?(): void;
}

/** How a device does one capability. */
export interface Provider<Spec extends object, Operations extends object, State> {
  readonly capability: Capability<Spec, Operations, State>;
  /** Entries there are; Infinity where memory is the limit. */
  readonly entries: number;
  /** Other limits by name, for people; {@link refuses} enforces them. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Of a usual operation, and of one of this spec. */
  cost(spec?: Spec): Cost;
  /** Why such a spec or state cannot be; entries are seen to elsewhere. */
  refuses?(spec: Spec, state: State): string | undefined;
  /** Begins work that nothing speaks against. */
  open(spec: Spec, state: State): Opened<Operations, State>;
  /** Its own counters, which only grow. */
  counters?(): Readonly<Record<string, number>>;
}

/** A provider of any capability. */
export type AnyProvider = Provider<object, object, unknown>;

interface Running {
  readonly provider: AnyProvider;
  readonly entries: number;
  readonly opened: Opened<object, unknown>;
}

/**
 * The device.
 *
 * @example
 * ```ts
 * const device = new ProviderDevice({ name: "tables", kind: "software", version: "1" }, [matchActionProvider()]);
 * device.setEntries(matchAction, 1000); // whoever watches hears of it
 * ```
 */
export class ProviderDevice implements Device {
  readonly identity: Identity;
  readonly #providers: readonly AnyProvider[];
  readonly #most: Map<AnyProvider, number>;
  readonly #running = new Map<object, Running>();
  readonly #listeners = new Set<() => void>();
  #gone = false;

  constructor(identity: Identity, providers: readonly AnyProvider[]) {
    this.identity = identity;
    this.#providers = providers;
    this.#most = new Map(providers.map((provider) => [provider, provider.entries]));
  }

  offers(): readonly Offer[] {
    if (this.#gone) return [];
    return this.#providers.map((provider) => ({
      capability: provider.capability.name,
      version: provider.capability.version,
      entries: { most: this.#most.get(provider)!, used: this.#used(provider) },
      limits: provider.limits ?? {},
      cost: provider.cost(),
    }));
  }

  validate(work: Work<object, object, unknown>, state?: unknown): Verdict {
    const no = (code: RefusalCode, reason: string): Verdict => ({ ok: false, code, reason });
    if (this.#gone) return no("gone", "the device is gone");
    const { capability, spec } = work;
    const alike = this.#providers.filter((one) => one.capability.name === capability.name);
    if (alike.length === 0) return no("capability", `does not do ${capability.name}`);
    const provider = alike.find((one) => one.capability.version === capability.version);
    if (provider === undefined)
      return no(
        "version",
        `has ${capability.name} of version ${alike.map((one) => one.capability.version).join(", ")}, not ${capability.version}`,
      );
    // By the device's own rules: it is its own idea of the capability that it can do.
    const own = { capability: provider.capability, spec };
    const fault = specFault(own);
    if (fault !== undefined) return no("spec", fault);
    const [needed, most] = [entriesOf(own), this.#most.get(provider)!];
    if (needed > most) return no("limit", `has ${most} entries in all, not ${needed}`);
    const left = Math.max(0, most - this.#used(provider));
    if (needed > left) return no("full", `has ${left} entries left of ${most}, not ${needed}`);
    const begun = state === undefined ? capability.empty : state;
    const held = provider.capability.count(begun);
    if (held > needed) return no("limit", `its state has ${held} entries, and ${needed} are asked for`);
    const reason = provider.refuses?.(spec, begun);
    return reason === undefined ? { ok: true, cost: provider.cost(spec) } : no("limit", reason);
  }

  install<Spec extends object, Operations extends object, State>(
    work: Work<Spec, Operations, State>,
    state?: State,
  ): Installed<Operations, State> {
    const verdict = this.validate(work, state);
    if (!verdict.ok)
      throw new MitsuError(`device ${this.identity.name} refuses ${capabilityLabel(work.capability)}: ${verdict.reason}`, {
        code: "ERR_HAL_REFUSED",
        hint: "ask validate() first, or another device",
      });
    const provider = this.#provider(work.capability) as unknown as Provider<Spec, Operations, State>;
    const opened = provider.open(work.spec, state === undefined ? work.capability.empty : state);
    const installed: Installed<Operations, State> = { operations: opened.operations, export: () => opened.export() };
    this.#running.set(installed, { provider: provider as unknown as AnyProvider, entries: entriesOf(work), opened });
    return installed;
  }

  uninstall(installed: Installed<object, unknown>): void {
    const running = this.#running.get(installed);
    if (running === undefined)
      throw new MitsuError(`this work is not installed on device ${this.identity.name}`, {
        code: "ERR_HAL_HANDLE",
        hint: "uninstall once, on the device that installed it",
      });
    this.#running.delete(installed);
    running.opened.close?.();
  }

  counters(): Readonly<Record<string, number>> {
    const all: Record<string, number> = {};
    for (const provider of this.#providers) {
      const label = capabilityLabel(provider.capability);
      all[`${label}.installed`] = [...this.#running.values()].filter((one) => one.provider === provider).length;
      all[`${label}.entries`] = this.#used(provider);
      for (const [name, value] of Object.entries(provider.counters?.() ?? {})) all[`${label}.${name}`] = value;
    }
    return all;
  }

  watch(listener: () => void): () => void {
    // Its own function for each call, so that one listener can watch twice and end once.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The device has more or fewer entries of a capability than before. What is installed stays. */
  setEntries(capability: { readonly name: string; readonly version: number }, most: number): void {
    const provider = this.#provider(capability);
    if (provider === undefined) throw new RangeError(`device ${this.identity.name} does not do ${capabilityLabel(capability)}`);
    this.#most.set(provider, most);
    this.#tell();
  }

  /** The device went away, or is back. What was installed can still be exported and uninstalled. */
  setGone(gone: boolean): void {
    if (this.#gone === gone) return;
    this.#gone = gone;
    this.#tell();
  }

  #provider({ name, version }: Pick<AnyCapability, "name" | "version">): AnyProvider | undefined {
    return this.#providers.find((one) => one.capability.name === name && one.capability.version === version);
  }

  #used(provider: AnyProvider): number {
    let used = 0;
    for (const one of this.#running.values()) if (one.provider === provider) used += one.entries;
    return used;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
