/** What a daemon that was killed has left behind, and how to take it away without a byte lost. @module */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "@mitsu/cli";
import { cgroup2Path } from "@mitsu/ebpf-ts";
import { asset } from "./assets.ts";
import { Engine } from "./engine.ts";
import { detachAll } from "./handlers.ts";
import { Kernel } from "./kernel/kernel.ts";
import { loadState } from "./mesh/attachment.ts";
import { removeCgroup, removeEmptyCgroups } from "./mesh/cgroups.ts";
import { emptyCatalog } from "./mesh/effective-catalog.ts";
import { Mesh } from "./mesh/mesh.ts";
import { SplicingPrograms } from "./mesh/splicing-programs.ts";
import { placesOf } from "./places.ts";

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
    const kernel = Kernel.open({ object: asset("sockhijack.bpf.o"), pins: places.pins, promote: true });
    try {
      const mesh = new Mesh({ kernel, catalog: emptyCatalog, root, saved: loadState(places.state), log, onChange: () => {} });
      const now = (): number => performance.now();
      const engine = new Engine({ kernel, mesh, splicing: new SplicingPrograms(now), usable: true, log, now, onScan: () => {} });
      engine.look("scan");
      const attachments = mesh.attachments;
      await detachAll(attachments, { mesh, engine, log });
      for (const { folder, made } of attachments) if (made) removeCgroup(root, folder);
      mesh.namespaces.close();
    } finally {
      kernel.close();
    }
    kernel.remove();
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
