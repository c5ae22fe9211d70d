/** Attachments: which cgroups belong to which service, and how that survives the daemon. @module */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { AdHocService } from "./effective-catalog.ts";
import type { Nic } from "./nics.ts";

/** One cgroup of a service. */
export interface Attachment {
  readonly service: string;
  /** Folder of the cgroup. */
  readonly folder: string;
  /** Its id. */
  readonly cgroup: bigint;
  /** Made by `run` or `attach`: removed when its last process ends. */
  readonly made: boolean;
  /** Named by `cgroup:` in the catalog: gone when the catalog no longer names it. */
  readonly declared: boolean;
}

/** What a daemon must know of the one before it: numbers in the kernel's maps mean these names. */
export interface SavedState {
  readonly attachments: readonly Attachment[];
  readonly adHoc: readonly AdHocService[];
  readonly services: Readonly<Record<string, number>>;
  readonly replicas: Readonly<Record<string, number>>;
  readonly frontends: Readonly<Record<string, number>>;
  /** The nicd processes that were registered, in order. */
  readonly nics: readonly Nic[];
  /** SHA-256 of the BPF object whose programs the live sockets run. */
  readonly object: string;
}

const numbers = z.record(z.string(), z.int());
const savedState = z.object({
  attachments: z.array(
    z.object({ service: z.string(), folder: z.string(), cgroup: z.coerce.bigint(), made: z.boolean(), declared: z.boolean() }),
  ),
  adHoc: z.array(
    z.object({
      name: z.string(),
      ports: z.array(z.string()),
      redirect: z.enum(["auto", "on", "off"]).optional(),
      tracing: z.object({ propagation: z.enum(["off", "side-band", "header"]), sampling: z.number().min(0).max(1) }).optional(),
    }),
  ),
  services: numbers,
  replicas: numbers,
  frontends: numbers,
  nics: z.array(z.object({ pid: z.int(), port: z.int(), addresses: z.array(z.string()) })),
  object: z.string(),
});

/** The state of a daemon that never ran. */
export const noState: SavedState = { attachments: [], adHoc: [], services: {}, replicas: {}, frontends: {}, nics: [], object: "" };

/** Writes the state beside and renames it into place, so that a crash leaves the old or the new, never half. */
export function saveState(folder: string, state: SavedState): void {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const path = join(folder, "state.json");
  const text = JSON.stringify(state, (_key, value) => (typeof value === "bigint" ? String(value) : value), 2);
  writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o640 });
  renameSync(`${path}.new`, path);
}

/**
 * Reads what an earlier daemon saved.
 *
 * @returns undefined when there is nothing, or nothing that can be read; the caller says so and starts afresh.
 */
export function loadState(folder: string): SavedState | undefined {
  try {
    return savedState.parse(JSON.parse(readFileSync(join(folder, "state.json"), "utf8")));
  } catch {
    return undefined;
  }
}
