/** What a daemon that was killed has left behind, and how to take it away without a byte lost. @module */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Context, Log } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { asset } from "./assets.ts";
import { SlotPool } from "./coupling/slot-pool.ts";
import { KernelDevice } from "./devices/kernel-device.ts";
import { KernelWork } from "./devices/kernel-work.ts";
import { Engine } from "./engine.ts";
import { detachAll } from "./handlers.ts";
import { Kernel } from "./kernel/kernel.ts";
import { loadState } from "./mesh/attachment.ts";
import { removeCgroup, removeEmptyCgroups } from "./mesh/cgroups.ts";
import { emptyCatalog } from "./mesh/effective-catalog.ts";
import { Mesh } from "./mesh/mesh.ts";
import { SplicingPrograms } from "./mesh/splicing-programs.ts";
import { type Places, placesOf } from "./places.ts";

/** Returns the sockets that pinned maps hold to TCP; maps of another version cannot be read, which is said, since what is unread there is lost. */
async function releasePinned(places: Places, root: string, log: Log): Promise<void> {
  let kernel: Kernel;
  try {
    kernel = Kernel.open({ object: asset("sockhijack.bpf.o"), pins: places.pins, promote: true, unread: "wait" });
  } catch (error) {
    if (!(error instanceof MitsuError) || error.code !== "ERR_BPF_MAP_MISMATCH") throw error;
    log.warn("the pinned maps are another version's: coupled connections end here, and lose what was not read yet", { pins: places.pins });
    return;
  }
  try {
    const slots = new SlotPool(kernel.maps.pairs.map.maxEntries);
    const device = new KernelDevice({ kernel, slots, look: () => [], adopt: true, broken: undefined, injects: true });
    const work = new KernelWork(device, log);
    const mesh = new Mesh({
      kernel,
      work,
      catalog: emptyCatalog,
      root,
      saved: loadState(places.state),
      object: "",
      log,
      onChange: () => {},
      now: () => performance.now(),
    });
    const now = (): number => performance.now();
    const engine = new Engine({ kernel, mesh, slots, splicing: new SplicingPrograms(now), usable: true, log, now, onScan: () => {} });
    engine.look("scan");
    const attachments = mesh.attachments;
    await detachAll(attachments, { mesh, engine, log });
    for (const { folder, made } of attachments) if (made) removeCgroup(root, folder);
    mesh.namespaces.close();
    work.leave();
  } finally {
    kernel.close();
  }
}

/**
 * Takes pinned state over for the moment it needs to return every socket to TCP, then removes it.
 *
 * @returns what was removed; empty when there was nothing.
 */
export async function removeLeftovers(
  { socket, log }: Context,
  given: { readonly pins: string | undefined; readonly state: string | undefined },
): Promise<string[]> {
  const places = placesOf(socket, given);
  const removed: string[] = [];
  const root = cgroup2Path()!;
  if (existsSync(places.pins)) {
    await releasePinned(places, root, log);
    rmSync(places.pins, { recursive: true, force: true });
    removed.push(places.pins);
  }
  if (existsSync(places.state)) {
    rmSync(places.state, { recursive: true, force: true });
    removed.push(places.state);
  }
  // Programs that outlived an earlier cleanup kept their cgroups.
  const cgroups = join(root, places.cgroup);
  if (removeEmptyCgroups(cgroups)) removed.push(cgroups);
  return removed;
}
