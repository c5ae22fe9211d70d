/** nicd's relayed connections as a piece of work, placed on its relay. @module */
import { Placement, type Relay, relay } from "@mitsu/hal";
import type { PlacementStatus } from "@mitsu/ipc";
import { RelayDevice } from "./relay-device.ts";

/**
 * One for each worker.
 *
 * @example
 * ```ts
 * const relays = new RelayWork();
 * relays.operations.join(relays.device.lend(client, owner).number, relays.device.lend(replica, owner).number);
 * relays.status().work[0]?.used; // 1
 * ```
 */
export class RelayWork {
  readonly device: RelayDevice;
  readonly operations: Relay;
  readonly #placement: Placement;

  constructor(device: RelayDevice = new RelayDevice()) {
    this.device = device;
    this.#placement = new Placement([device]);
    const { most: entries } = device.offers()[0]!.entries;
    this.operations = this.#placement.place("relayed connections", { capability: relay, spec: { entries } }).operations;
  }

  /** Where they run, and how many there are. */
  status(): PlacementStatus {
    const { work, notices } = this.#placement.report();
    return { work: work.map((row) => ({ ...row, used: this.device.used })), notices };
  }

  /** The worker ends: its relay is gone. */
  leave(): void {
    this.device.setGone(true);
  }
}
