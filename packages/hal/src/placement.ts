/**
 * A set of devices, and the work that is done by them. Long because installing, moving and growing share how a device is found, and what happens when none is.
 * @module
 */
import { MitsuError } from "@mitsu/cli/error";
import { capabilities } from "./capabilities.ts";
import { type AnyCapability, type AnyWork, capabilityLabel, entriesOf, specFault, type Work } from "./capability.ts";
import type { Device, Installed, Offer } from "./device.ts";
import { messageOf, reasonOf, type Search, searchDevices } from "./device-search.ts";
import { Placed, type PlacedWork } from "./placed-work.ts";
import { describe, noDevice, refusals } from "./placement-error.ts";
import { type PlacementReport, type Policy, policies, policyAllows } from "./placement-report.ts";

/** How a placement is made. */
export interface PlacementOptions {
  /** Capabilities it knows beside Mitsu's own, for {@link Placement.placeByName} and for what devices offer. */
  readonly capabilities?: readonly AnyCapability[];
  /** Told of what is skipped, and of each move. */
  readonly notice?: (text: string) => void;
}

/** A request as it stands in a file. */
export interface NamedWork {
  readonly capability: string;
  /** 1 unless told. */
  readonly version?: number;
  readonly spec: object;
}

/**
 * The placement: each piece of work runs on the cheapest device that takes it, and moves with its state when that one loses room, fills up or goes away.
 *
 * @example
 * ```ts
 * const placement = new Placement([softwareMatchAction()]);
 * const routes = placement.place("routes", { capability: matchAction, spec: { entries: 64, keyBits: 32, match: "prefix" } });
 * routes.operations.add(0x0a000000n, 8, 7);
 * routes.operations.lookup(0x0a010203n); // 7
 * ```
 */
export class Placement {
  readonly #known: readonly AnyCapability[];
  readonly #told: ((text: string) => void) | undefined;
  /** Each with the end of its watch. */
  readonly #devices = new Map<Device, () => void>();
  /** In the order in which they were placed. */
  readonly #placed = new Map<PlacedWork<object>, Placed>();
  readonly #notices = new Set<string>();

  constructor(devices: readonly Device[], { capabilities: more = [], notice }: PlacementOptions = {}) {
    this.#known = [...capabilities, ...more];
    this.#told = notice;
    for (const device of devices) this.add(device);
  }

  /** Takes a device in; work that runs nowhere is placed on it if it fits. @throws {MitsuError} `ERR_HAL_DEVICE_NAME` for a name that is taken. */
  add(device: Device): void {
    const { name } = device.identity;
    if ([...this.#devices.keys()].some((one) => one.identity.name === name))
      throw new MitsuError(`there is a device ${name} already`, {
        code: "ERR_HAL_DEVICE_NAME",
        hint: "give each device a name of its own",
      });
    this.#devices.set(
      device,
      device.watch(() => this.#changed(device)),
    );
    this.#lookAt(device);
    this.#settle();
  }

  /**
   * Moves all work off a device and lets it go. Work that fits nowhere else stays on it, and the device stays too.
   *
   * @throws {MitsuError} `ERR_HAL_NO_DEVICE`, with who refused and why; what had moved by then stays where it is now.
   */
  remove(device: Device): void {
    for (const placed of this.#on(device)) this.#moveOff(placed, `${device.identity.name} is taken out`);
    this.#devices.get(device)?.();
    this.#devices.delete(device);
  }

  /**
   * Begins a piece of work on the cheapest device that takes it.
   *
   * @param name What reports call it.
   * @throws {MitsuError} `ERR_HAL_SPEC` for a spec that is none, `ERR_HAL_NO_DEVICE` when no device takes it, with each one's reason.
   */
  place<Spec extends object, Operations extends object, State>(
    name: string,
    work: Work<Spec, Operations, State>,
    policy: Policy = "auto",
  ): PlacedWork<Operations> {
    return this.#place(name, work as unknown as AnyWork, policy) as PlacedWork<object> as PlacedWork<Operations>;
  }

  /** The same for a request by name; undefined, with a notice, for a capability or version that is not known here. */
  placeByName(name: string, { capability, version = 1, spec }: NamedWork, policy: Policy = "auto"): PlacedWork<object> | undefined {
    const known = this.#known.find((one) => one.name === capability && one.version === version);
    if (known !== undefined) return this.#place(name, { capability: known, spec }, policy);
    this.#skip(`${name} asks for ${capability} version ${version}, which is not known here`);
    return undefined;
  }

  /**
   * Lets a piece of work run elsewhere than before, while it runs. Where its device may keep it, it stays ({@link improve} moves it to what is cheaper);
   * else it moves with its state. Work that runs nowhere is placed if the new policy has a device for it.
   *
   * @throws {MitsuError} `ERR_HAL_NO_DEVICE` when it must move and no device takes it, with each one's reason: the policy and all else are as before.
   * `ERR_HAL_POLICY` for a policy that is none, `ERR_HAL_HANDLE` for work that is not placed here.
   * @example
   * ```ts
   * placement.setPolicy(routes, "software-only"); // off the card, before it is taken out
   * ```
   */
  setPolicy(work: PlacedWork<object>, policy: Policy): void {
    checkPolicy(policy);
    const placed = this.#placed.get(work);
    if (placed === undefined)
      throw new MitsuError(`cannot set the policy of ${work.name}: it is not placed here`, {
        code: "ERR_HAL_HANDLE",
        hint: "place it first; what was withdrawn is over",
      });
    const [before, refused] = [placed.policy, placed.refused];
    placed.policy = policy;
    const kind = placed.device?.identity.kind;
    if (kind !== undefined && !policyAllows(policy, kind)) {
      try {
        this.#moveOff(placed, `it is ${policy} now`);
      } catch (error) {
        [placed.policy, placed.refused] = [before, refused];
        throw error;
      }
    }
    // It may have left room that others wait for, or wait itself.
    this.#settle();
  }

  /** Ends a piece of work. Unknown work is ignored. */
  withdraw(work: PlacedWork<object>): void {
    const placed = this.#placed.get(work);
    if (placed === undefined) return;
    this.#placed.delete(work);
    this.#release(placed.device, placed.installed);
    placed.keep(undefined);
    placed.why = "withdrawn";
    this.#settle();
  }

  /** Moves work to devices that have become cheaper than its own, and places what runs nowhere. @returns Pieces that moved. */
  improve(): number {
    let moved = 0;
    for (const placed of this.#placed.values()) if (this.#toCheaper(placed)) moved++;
    return moved + this.#settle();
  }

  /** Where everything runs, and why. */
  report(): PlacementReport {
    return {
      work: [...this.#placed.values()].map((placed) => ({
        work: placed.name,
        capability: capabilityLabel(placed.work.capability),
        policy: placed.policy,
        device: placed.device?.identity.name,
        kind: placed.device?.identity.kind,
        why: placed.why,
        cost: placed.cost,
        entries: entriesOf(placed.work),
        moves: placed.moves,
        refused: placed.refused,
      })),
      notices: [...this.#notices],
    };
  }

  /** Ends all work and lets all devices go. */
  close(): void {
    for (const placed of [...this.#placed.values()]) {
      this.#placed.delete(placed);
      this.#release(placed.device, placed.installed);
      placed.keep(undefined);
      placed.why = "withdrawn";
    }
    for (const unwatch of this.#devices.values()) unwatch();
    this.#devices.clear();
  }

  #place(name: string, work: AnyWork, policy: Policy): PlacedWork<object> {
    checkPolicy(policy);
    const fault = specFault(work);
    if (fault !== undefined)
      throw new MitsuError(`cannot place ${name}: ${capabilityLabel(work.capability)}: ${fault}`, {
        code: "ERR_HAL_SPEC",
        hint: "correct the spec",
      });
    const placed = new Placed(
      name,
      work,
      policy,
      (one, error, beyond) => this.#rescue(one, error, beyond),
      (one) => noDevice(one, "runs nowhere"),
    );
    const search = this.#search(placed, work, placed.state);
    if (!this.#begin(placed, work, placed.state, search)) throw noDevice(placed, "cannot be placed");
    this.#placed.set(placed, placed);
    return placed;
  }

  #search(placed: Placed, work: AnyWork, state: unknown, without?: Device, beyond?: ReadonlyMap<Device, string>): Search {
    return searchDevices(this.#devices.keys(), placed.policy, work, state, without, beyond);
  }

  /** Installs on the first candidate that keeps its word. Nothing changes but what is known of refusals when there is none. */
  #begin(placed: Placed, work: AnyWork, state: unknown, { candidates, refused }: Search): boolean {
    const all = [...refused];
    for (const [at, { device, cost }] of candidates.entries()) {
      try {
        const installed: Installed<object, unknown> = device.install(work, state);
        placed.runOn(device, installed);
        placed.work = work;
        placed.cost = cost;
        placed.refused = all;
        placed.why = reasonOf(cost, candidates[at + 1]);
        return true;
      } catch (error) {
        all.push({ device: device.identity.name, code: "gone", reason: messageOf(error) });
      }
    }
    placed.refused = all;
    return false;
  }

  /** A device said that something about it is different. */
  #changed(device: Device): void {
    this.#lookAt(device);
    this.#settle();
  }

  /** Moves work off devices that have not the room for it, and places what runs nowhere. @returns Pieces that run again. */
  #settle(): number {
    for (const device of this.#devices.keys())
      for (const placed of this.#on(device)) {
        const { name, version } = placed.work.capability;
        const offer = this.#offersOf(device).find((one) => one.capability === name && one.version === version);
        if (offer === undefined) this.#lost(placed);
        else if (offer.entries.used > offer.entries.most) this.#squeezed(placed);
      }
    return this.#placeWaiting();
  }

  /** Its device is gone: it runs elsewhere, or nowhere with its state kept. */
  #lost(placed: Placed): void {
    const { device, installed } = placed;
    const why = `${device?.identity.name} is gone`;
    try {
      this.#moveOff(placed, why);
    } catch (error) {
      this.#tell(messageOf(error));
      try {
        placed.keep(installed!.export());
        placed.why = `${why}, and nothing else takes it: its state is kept`;
        this.#release(device, installed);
      } catch (broken) {
        // Without its state it would begin anew elsewhere and answer wrongly: better that its calls fail.
        placed.why = `${why}, and does not give its state back (${messageOf(broken)}): it stays`;
        this.#tell(`${describe(placed)}: ${placed.why}`);
      }
    }
  }

  /** Its device has lost entries: it runs elsewhere, or stays. */
  #squeezed(placed: Placed): void {
    const why = `${placed.device?.identity.name} has lost entries`;
    try {
      this.#moveOff(placed, why);
    } catch (error) {
      placed.why = `${why}, and nothing else takes it: it stays`;
      this.#tell(messageOf(error));
    }
  }

  /** Work on a device, the last that was placed first: those who were there before stay. */
  #on(device: Device): readonly Placed[] {
    return [...this.#placed.values()].filter((placed) => placed.device === device).reverse();
  }

  /** Begins elsewhere before it ends here, in one step as all is synchronous. */
  #moveOff(placed: Placed, why: string, beyond?: ReadonlyMap<Device, string>): void {
    const { device, installed } = placed;
    const state = installed!.export();
    if (!this.#begin(placed, placed.work, state, this.#search(placed, placed.work, state, device, beyond)))
      throw noDevice(placed, `cannot move, though ${why}`);
    this.#left(placed, device, installed, why);
  }

  /** An operation failed: for want of entries, by a limit or for its device, elsewhere it may not. */
  #rescue(placed: Placed, error: unknown, beyond: Map<Device, string>): boolean {
    if (!this.#placed.has(placed) || placed.installed === undefined || !(error instanceof MitsuError)) return false;
    if (error.code === "ERR_HAL_FULL") return this.#grow(placed);
    if (error.code === "ERR_HAL_LIMIT") return this.#exceed(placed, error, beyond);
    if (error.code !== "ERR_HAL_GONE") return false;
    const { installed } = placed;
    this.#lost(placed);
    return placed.installed !== installed;
  }

  /** A call was beyond its device: another may have wider limits. @throws {MitsuError} `ERR_HAL_LIMIT` when none has, with each one's reason; it is back then where it was. */
  #exceed(placed: Placed, error: MitsuError, beyond: Map<Device, string>): boolean {
    beyond.set(placed.device!, error.message);
    try {
      this.#moveOff(placed, error.message, beyond);
      return true;
    } catch {
      const text = `a call of ${describe(placed)} is beyond every device: ${refusals(placed.refused)}`;
      this.#toCheaper(placed);
      throw new MitsuError(text, { code: "ERR_HAL_LIMIT", hint: "add a device with wider limits", cause: error });
    }
  }

  #toCheaper(placed: Placed): boolean {
    const { installed, device, cost } = placed;
    if (installed === undefined || cost === undefined) return false;
    const state = installed.export();
    const search = this.#search(placed, placed.work, state, device);
    const better = { ...search, candidates: search.candidates.filter((one) => one.cost.ns < cost.ns) };
    if (better.candidates.length === 0 || !this.#begin(placed, placed.work, state, better)) return false;
    this.#left(placed, device, installed, "it is cheaper there");
    return true;
  }

  /**
   * Twice the entries, on whatever device is cheapest for so many: its own too, so its present room is freed first and taken again if nothing fits.
   *
   * @returns False where more is never to be had.
   * @throws {MitsuError} `ERR_HAL_FULL` when no device has so many, with each one's reason; all is as before.
   */
  #grow(placed: Placed): boolean {
    const { device, installed, work, cost, why } = placed;
    if (!("entries" in work.spec)) return false;
    const state = installed!.export();
    const larger: AnyWork = { ...work, spec: { ...work.spec, entries: 2 * entriesOf(work) } };
    if (specFault(larger) !== undefined) return false;
    this.#release(device, installed);
    if (this.#begin(placed, larger, state, this.#search(placed, larger, state))) {
      if (placed.device !== device) this.#moved(placed, device, "it was full");
      return true;
    }
    const { refused } = placed;
    try {
      placed.runOn(device!, device!.install(work, state));
      [placed.cost, placed.why, placed.refused] = [cost, why, refused];
    } catch (error) {
      // A device that does not take back what it had breaks its word; the state is still there.
      placed.keep(state);
      placed.why = `${device?.identity.name} did not take it back (${messageOf(error)}): its state is kept`;
      this.#placeWaiting();
    }
    throw new MitsuError(`${describe(placed)} is full and cannot have ${entriesOf(larger)} entries: ${refusals(refused)}`, {
      code: "ERR_HAL_FULL",
      hint: "remove entries, or add a device",
    });
  }

  /** @returns Pieces that run again. */
  #placeWaiting(): number {
    let placedAgain = 0;
    for (const placed of this.#placed.values()) {
      if (placed.device !== undefined) continue;
      const { state } = placed;
      if (!this.#begin(placed, placed.work, state, this.#search(placed, placed.work, state))) continue;
      this.#moved(placed, undefined, "there is room again");
      placedAgain++;
    }
    return placedAgain;
  }

  #left(placed: Placed, device: Device | undefined, installed: Installed<object, unknown> | undefined, why: string): void {
    this.#release(device, installed);
    this.#moved(placed, device, why);
  }

  #moved(placed: Placed, from: Device | undefined, why: string): void {
    placed.moves++;
    placed.why = `${why}; ${placed.why}`;
    this.#tell(`${placed.name} moved from ${from?.identity.name ?? "nowhere"} to ${placed.device?.identity.name}: ${why}`);
  }

  #release(device: Device | undefined, installed: Installed<object, unknown> | undefined): void {
    if (device === undefined || installed === undefined) return;
    try {
      device.uninstall(installed);
    } catch (error) {
      // The work is elsewhere by now or over; a device that cannot let go is its own trouble.
      this.#tell(`${device.identity.name} did not let go of work: ${messageOf(error)}`);
    }
  }

  #lookAt(device: Device): void {
    for (const { capability, version } of this.#offersOf(device))
      if (!this.#known.some((one) => one.name === capability && one.version === version))
        this.#skip(`device ${device.identity.name} offers ${capability} version ${version}, which is not known here`);
  }

  /** A device that does not say what it offers offers nothing: it may be broken, but a placement goes on. */
  #offersOf(device: Device): readonly Offer[] {
    try {
      return device.offers();
    } catch (error) {
      this.#skip(`device ${device.identity.name} does not say what it offers (${messageOf(error)})`);
      return [];
    }
  }

  #skip(what: string): void {
    const text = `${what}: skipped`;
    if (this.#notices.has(text)) return;
    this.#notices.add(text);
    this.#tell(text);
  }

  #tell(text: string): void {
    this.#told?.(text);
  }
}

/** Policies come from files too. */
function checkPolicy(policy: Policy): void {
  if (!policies.includes(policy))
    throw new MitsuError(`there is no policy ${policy}`, { code: "ERR_HAL_POLICY", hint: `it is ${policies.join(", ")}` });
}
