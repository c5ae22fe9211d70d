/** The kernel as a device: what sockhijack's programs do, over the maps that they use. @module */

import { release } from "node:os";
import { ProviderDevice } from "@mitsu/hal";
import type { Kernel } from "../kernel/kernel.ts";
import { type CouplingOptions, coupledSockets } from "./coupled-sockets.ts";
import { frontends } from "./frontends.ts";
import type { KernelPath } from "./kernel-path.ts";
import { policyRules } from "./policy-rules.ts";
import { tracedServices } from "./traced-services.ts";

/** What the device is made of. */
export interface KernelDeviceOptions extends CouplingOptions {
  readonly kernel: Pick<Kernel, "maps" | "counters" | "loadTracing">;
  /** The maps were taken over with what is in them: work begins with that. */
  readonly adopt: boolean;
  /** False where headers cannot be injected. */
  readonly injects: boolean;
}

/**
 * `redirect`, `balance`, `trace-inject` and `match-action` by the kernel. It is software, though not a process: nothing but the machine is needed.
 *
 * @example
 * ```ts
 * const device = new KernelDevice({ kernel, slots, look, adopt: kernel.takenOver, broken: undefined, injects: true });
 * const placement = new Placement([device]);
 * device.leave(); // before the daemon ends
 * ```
 */
export class KernelDevice extends ProviderDevice {
  readonly #path: KernelPath;

  constructor({ kernel, adopt, injects, ...coupling }: KernelDeviceOptions) {
    const path: KernelPath = { kernel, adopt, left: false, used: new Map() };
    super({ name: "kernel", kind: "software", version: release() }, [
      coupledSockets(path, coupling),
      frontends(path),
      tracedServices(path, injects),
      policyRules(path),
    ] as never);
    this.#path = path;
  }

  /** Entries in use of a capability, by whatever work has it. */
  used(capability: string): number {
    return this.#path.used.get(capability)?.() ?? 0;
  }

  /** The daemon ends: the device is gone, and what stands in the tables keeps working until another daemon takes them over. */
  leave(): void {
    this.#path.left = true;
    this.setGone(true);
  }
}
