/** Undoes one apply by what its journal kept. @module */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MitsuError } from "@mitsu/cli/error";
import { contentsAt, sameState, stateOf } from "./file-state.ts";
import { type Entry, type FileState, removeEntry, syncDirectory, writeDurably } from "./journal.ts";

/** What a rollback did, or would do. */
export interface RolledBack {
  readonly time: string;
  readonly plan: string;
  readonly to: string;
  /** The apply had been cut short. */
  readonly unfinished: boolean;
  readonly restored: readonly string[];
  readonly removed: readonly string[];
  readonly removedDirectories: readonly string[];
  /** Where edited files went. */
  readonly kept: readonly string[];
}

/** Puts back what an entry replaced; may be cut short itself and run again. */
export function undoEntry(
  entry: Entry,
  { dryRun, force, fault }: { readonly dryRun: boolean; readonly force: boolean; readonly fault: (point: string) => void },
): RolledBack {
  const { manifest, directory, done } = entry;
  const edited: string[] = [];
  const open: { readonly at: number; readonly path: string; readonly before: FileState | null }[] = [];
  for (const [at, { path, before, after }] of manifest.files.entries()) {
    const now = stateOf(path, contentsAt(path));
    if (sameState(now, before)) continue;
    open.push({ at, path, before });
    // What is gone, or differs by its mode or owner only, loses nothing when it is put back.
    if (now !== null && now.sha256 !== after?.sha256) edited.push(path);
  }
  if (edited.length > 0 && !force) {
    throw new MitsuError(`edited since they were written: ${edited.join(", ")}`, {
      code: "ERR_PLACER_EDITED",
      hint: "nothing was changed; 'placer rollback --force' puts the old files back and keeps the edited ones beside them",
    });
  }
  const kept: string[] = [];
  const restored: string[] = [];
  const removed: string[] = [];
  for (const { at, path, before } of open) {
    if (edited.includes(path)) {
      const aside = `${path}.edited-${manifest.time}`;
      if (!dryRun) renameSync(path, aside);
      kept.push(aside);
    }
    (before === null ? removed : restored).push(path);
    if (dryRun) continue;
    if (before === null) rmSync(path, { force: true });
    else {
      mkdirSync(dirname(path), { recursive: true });
      stage(path, readFileSync(join(directory, "old", String(at))), before, entry);
      renameSync(staged(path, entry), path);
    }
    fault(`restored ${at}`);
  }
  const removedDirectories: string[] = [];
  if (!dryRun) for (const { path } of manifest.files) rmSync(staged(path, entry), { force: true });
  for (const made of [...manifest.directories].reverse()) {
    const goes = dryRun ? existsSync(made) : removeEmpty(made);
    if (goes) removedDirectories.push(made);
  }
  if (!dryRun) {
    const touched = [...manifest.files.map(({ path }) => dirname(path)), ...manifest.directories.map((made) => dirname(made))];
    for (const folder of new Set(touched)) if (existsSync(folder)) syncDirectory(folder);
  }
  fault("all restored");
  if (!dryRun) removeEntry(entry);
  return { time: manifest.time, plan: manifest.plan, to: manifest.to, unfinished: !done, restored, removed, removedDirectories, kept };
}

/** Where a file waits for its rename; a name that systemd, kubectl and compose do not read. */
export function staged(path: string, { manifest }: Entry): string {
  return join(dirname(path), `.${basename(path)}.placer-${manifest.time}`);
}

/** Writes a file where it waits for its rename. */
export function stage(path: string, contents: Uint8Array, { mode, uid, gid }: FileState, entry: Entry): void {
  const aside = staged(path, entry);
  rmSync(aside, { force: true });
  writeDurably(aside, contents);
  chownSync(aside, uid, gid);
  chmodSync(aside, mode);
}

/** Removes a directory that nothing is in. */
export function removeEmpty(directory: string): boolean {
  if (!existsSync(directory) || readdirSync(directory).length > 0) return false;
  rmdirSync(directory);
  return true;
}
