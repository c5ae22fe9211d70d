/** Keeps a cache folder small: what was not used for long goes, and the oldest beyond a number. @module */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** What stays. */
export interface CacheBounds {
  /** Since a file was last used, ms. */
  readonly longestMs: number;
  /** Of files. */
  readonly most: number;
}

/** 30 days and 200 files: some 10 MB of small filters. */
export const cacheBounds: CacheBounds = { longestMs: 30 * 86_400_000, most: 200 };

/**
 * Removes files of a folder that are beyond the bounds; when one was used last is its modification time. Folders in it are left alone.
 *
 * @param nowMs As Date.now() has it.
 * @example
 * ```ts
 * pruneCache("/root/.cache/meshfilters", Date.now());
 * ```
 */
export function pruneCache(folder: string, nowMs: number, { longestMs, most }: CacheBounds = cacheBounds): void {
  const files = readdirSync(folder).flatMap((name) => {
    // Another process may prune at the same time.
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    return found?.isFile() ? [{ path: join(folder, name), usedMs: found.mtimeMs }] : [];
  });
  const newestFirst = files.toSorted((one, other) => other.usedMs - one.usedMs);
  for (const [at, { path, usedMs }] of newestFirst.entries()) if (at >= most || nowMs - usedMs > longestMs) rmSync(path, { force: true });
}
