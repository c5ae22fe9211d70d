/** Live reload of a mesh file: a good change replaces the catalog, a bad one is reported and the old catalog stays. @module */
import { type FSWatcher, watch } from "node:fs";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Catalog } from "./catalog.ts";
import { type CatalogChange, diffCatalog } from "./diff.ts";
import { readText } from "./load.ts";
import { parseCatalog } from "./parse.ts";
import { type CatalogProblem, formatProblem } from "./problem.ts";
import { watchedFolders } from "./watched-folders.ts";

/** A running watch. */
export interface CatalogWatch {
  /** The last good catalog. */
  readonly catalog: Catalog;
  /** Reads the file now, as on SIGHUP, even if no event came; resolves when the callbacks have run. */
  reload(): Promise<void>;
  /** Stops watching; no callback runs afterwards. */
  close(): void;
}

/** Settings of {@link watchCatalog}. */
export interface WatchOptions {
  /** Quiet time after an event before the file is read, in milliseconds; 50 unless told. At ten times this it is read anyway. */
  readonly debounceMs?: number;
  /** Told of what is odd in a file that can be used; nobody unless told. Said once, as long as it stays the same. */
  readonly warn?: (problem: CatalogProblem) => void;
}

/**
 * Loads a mesh file and follows its changes: writes in place, atomic renames and swaps of symbolic links, because folders are watched, not the file.
 *
 * @param onChange Called with the new catalog and what changed; not called when nothing did.
 * @param onError Called when the file is bad, gone or cannot be watched; once for each cause in a row.
 * @throws CatalogError or MitsuError when the first load fails, as {@link loadCatalog}; `ERR_CATALOG_WATCH` when the kernel has no watches left.
 * @example
 * ```ts
 * const watch = await watchCatalog("/etc/mitsu/mesh.yaml", (catalog, changes) => apply(catalog), (error) => log.error(error.message));
 * ```
 */
export async function watchCatalog(
  path: string,
  onChange: (catalog: Catalog, changes: CatalogChange[]) => void,
  onError: (error: MitsuError) => void,
  { debounceMs = 50, warn }: WatchOptions = {},
): Promise<CatalogWatch> {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let firstEventMs = 0;
  let lastError = "";
  let lastWarnings = "";
  let closed = false;
  let running: Promise<void> = Promise.resolve();

  const report = (error: MitsuError) => {
    if (!closed && error.message !== lastError) onError(error);
    lastError = error.message;
  };
  const onEvent = () => {
    const nowMs = performance.now();
    if (timer === undefined) firstEventMs = nowMs;
    else if (nowMs - firstEventMs > 10 * debounceMs) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      void reload();
    }, debounceMs);
  };
  const follow = async () => {
    const wanted = await watchedFolders(path);
    for (const [key, watcher] of watchers) {
      if (wanted.has(key)) continue;
      watcher.close();
      watchers.delete(key);
    }
    for (const [key, folder] of wanted) {
      if (closed || watchers.has(key)) continue;
      watchers.set(key, watchFolder(folder, onEvent));
    }
  };
  const parse = async () => {
    const warnings: CatalogProblem[] = [];
    const parsed = parseCatalog(await readText(path), { file: path, warn: (problem) => warnings.push(problem) });
    const text = warnings.map(formatProblem).join("\n");
    if (warn && !closed && text !== lastWarnings) warnings.forEach(warn);
    lastWarnings = text;
    return parsed;
  };
  const read = async () => {
    if (closed) return;
    let next: Catalog;
    try {
      await follow();
      next = await parse();
    } catch (error) {
      report(error as MitsuError);
      return;
    }
    if (closed) return;
    lastError = "";
    const changes = diffCatalog(catalog, next);
    catalog = next;
    if (changes.length > 0) onChange(next, changes);
  };
  const reload = () => {
    const done = running.then(read);
    // A callback that throws is its owner's to see; the next reload comes all the same.
    running = done.catch(() => {});
    return done;
  };
  const close = () => {
    closed = true;
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };

  let catalog: Catalog;
  try {
    // Watch first, read second: a change in between brings an event.
    await follow();
    catalog = await parse();
  } catch (error) {
    close();
    throw error;
  }
  return {
    get catalog() {
      return catalog;
    },
    reload,
    close,
  };
}

function watchFolder(folder: string, onEvent: () => void): FSWatcher {
  try {
    // An error later on (the folder is gone) needs another look, as any event does.
    return watch(folder, onEvent).on("error", onEvent);
  } catch (cause) {
    throw new MitsuError(`cannot watch ${folder}: ${(cause as Error).message}`, {
      code: "ERR_CATALOG_WATCH",
      hint: "raise fs.inotify.max_user_watches and max_user_instances, or reload by SIGHUP",
      exit: exitStatus.system,
      cause,
    });
  }
}
