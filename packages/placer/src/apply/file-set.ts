/** Writes a set of files so that a crash at any point can be undone: what was there is kept first, then each file is switched in by a rename. @module */
import { accessSync, constants, existsSync, mkdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Env, type Log, lockDaemon } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { contentsAt, stateAfter, stateOf } from "./file-state.ts";
import { closeEntry, type Entry, entries, type Manifest, openEntry, syncDirectory } from "./journal.ts";
import { type RolledBack, removeEmpty, stage, staged, undoEntry } from "./undo-entry.ts";
import { refused, writing } from "./write-error.ts";

/** A file as it shall be; null contents for none. */
export interface FileChange {
  /** Absolute. */
  readonly path: string;
  readonly contents: string | null;
}

/** What a change is, seen from what is there. */
export type ChangeKind = "new" | "changed" | "removed" | "unchanged";

/** Where and for what files are written. */
export interface FileSetOptions {
  readonly state: string;
  readonly env: Env;
  readonly log: Log;
  /** Of tests: called at every point at which a crash would leave something else behind. */
  readonly fault?: (point: string) => void;
}

const no = (): void => {};

/** What a change would do. */
export function kindOf({ path, contents }: FileChange): ChangeKind {
  const now = contentsAt(path);
  if (now === null) return contents === null ? "unchanged" : "new";
  if (contents === null) return "removed";
  return Buffer.compare(now, Buffer.from(contents)) === 0 ? "unchanged" : "changed";
}

/**
 * Carries changes out, all or none; an apply that was cut short is undone first. Modes of files that are there stay, new ones get 0644.
 *
 * @returns the journal's directory, or null when nothing had to change
 * @throws {MitsuError} `ERR_PLACER_BUSY` while another one runs; `ERR_PLACER_WRITE` with everything as it was before
 */
export async function applyFiles(
  changes: readonly FileChange[],
  about: { readonly plan: string; readonly to: string },
  options: FileSetOptions,
): Promise<string | null> {
  const { state, env, fault = no } = options;
  const unlock = await lock(options);
  try {
    undoUnfinished(options);
    const real = changes.filter((change) => kindOf(change) !== "unchanged");
    if (real.length === 0) return null;
    for (const { path } of real) checkWritable(dirname(path));
    const old = real.map(({ path }) => contentsAt(path));
    const fresh = real.map(({ contents }) => (contents === null ? null : Buffer.from(contents)));
    const manifest: Manifest = {
      version: 1,
      time: timeName(env.now(), entries(state)),
      ...about,
      files: real.map(({ path }, at) => ({ path, before: stateOf(path, old[at]!), after: stateAfter(path, fresh[at]!) })),
      directories: missing(real.filter(({ contents }) => contents !== null).map(({ path }) => dirname(path))),
    };
    const entry = writing(() => openEntry(state, manifest, old, fault), state);
    try {
      for (const directory of manifest.directories) mkdirSync(directory, { mode: 0o755 });
      fault("directories made");
      for (const [at, { path, after }] of manifest.files.entries()) {
        if (after !== null) stage(path, fresh[at]!, after, entry);
        fault(`staged ${at}`);
      }
      for (const [at, { path, after }] of manifest.files.entries()) {
        if (after === null) unlinkSync(path);
        else renameSync(staged(path, entry), path);
        fault(`switched ${at}`);
      }
      const touched = [...manifest.files.map(({ path }) => dirname(path)), ...manifest.directories.map((made) => dirname(made))];
      for (const directory of new Set(touched)) syncDirectory(directory);
    } catch (cause) {
      undoEntry(entry, { dryRun: false, force: false, fault: no });
      throw refused(cause, `${real.length} files`);
    }
    fault("all switched");
    closeEntry(entry);
    fault("done");
    // A folder of drop-ins that is empty now has no meaning; rollback makes it again.
    for (const { path, after } of manifest.files) if (after === null && dirname(path).endsWith(".d")) removeEmpty(dirname(path));
    return entry.directory;
  } finally {
    unlock();
  }
}

/** Undoes an apply that was cut short, so that what is on disk is what the next one starts from; `dryRun` only says whether there is one. */
export async function recoverFiles(options: FileSetOptions & { readonly dryRun: boolean }): Promise<boolean> {
  const { state, dryRun } = options;
  const unfinished = (): boolean => entries(state).at(-1)?.done === false;
  if (dryRun || !unfinished()) return unfinished();
  const unlock = await lock(options);
  try {
    undoUnfinished(options);
    return true;
  } finally {
    unlock();
  }
}

/**
 * Undoes the last apply: contents, mode, owner and absence of every file, and the directories it made. Twice goes two applies back.
 *
 * @returns null when there is nothing to undo
 * @throws {MitsuError} `ERR_PLACER_EDITED` when a file was edited since; with `force`, the edited copy is kept beside it
 */
export async function rollbackFiles(
  options: FileSetOptions & { readonly dryRun: boolean; readonly force: boolean },
): Promise<RolledBack | null> {
  const { state, dryRun, force, fault = no } = options;
  const unlock = dryRun ? no : await lock(options);
  try {
    const last = entries(state).at(-1);
    return last === undefined ? null : undoEntry(last, { dryRun, force, fault });
  } catch (error) {
    throw error instanceof MitsuError ? error : refused(error, "what was there before", "run rollback again to go on");
  } finally {
    unlock();
  }
}

function undoUnfinished({ state, log }: FileSetOptions): void {
  for (let last = entries(state).at(-1); last !== undefined && !last.done; last = entries(state).at(-1)) {
    log.warn("undoing an apply that was cut short", { time: last.manifest.time });
    undoEntry(last, { dryRun: false, force: false, fault: no });
  }
}

async function lock({ state, env, log }: FileSetOptions): Promise<() => void> {
  try {
    return await lockDaemon(env, join(state, "apply"), log);
  } catch (error) {
    if (error instanceof MitsuError && error.code === "ERR_DAEMON_RUNNING") {
      throw new MitsuError(`another apply or rollback is at work in ${state}`, {
        code: "ERR_PLACER_BUSY",
        hint: `wait for it; its pid is in ${join(state, "apply.lock")}`,
        exit: exitStatus.temporary,
      });
    }
    throw error instanceof MitsuError ? error : refused(error, state);
  }
}

/** Name of an entry: its time, later than every other's. */
function timeName(nowMs: number, known: readonly Entry[]): string {
  const name = (ms: number) => new Date(ms).toISOString().replaceAll(":", "-");
  const last = known.at(-1)?.manifest.time ?? "";
  let ms = nowMs;
  // Two within a millisecond, or a clock that was set back: the order of names must be that of applies.
  if (name(ms) <= last) ms = Date.parse(last.replace(/T(\d\d)-(\d\d)-/, "T$1:$2:")) + 1;
  return name(ms);
}

/** Directories of these that do not exist, outer ones first. */
function missing(directories: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (directory: string): void => {
    if (found.has(directory) || existsSync(directory)) return;
    add(dirname(directory));
    found.add(directory);
  };
  for (const directory of directories) add(directory);
  return [...found];
}

/** @throws {MitsuError} `ERR_PLACER_WRITE` before anything was done, where the first write would fail. */
function checkWritable(directory: string): void {
  let there = directory;
  while (!existsSync(there)) there = dirname(there);
  writing(() => {
    if (!statSync(there).isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    accessSync(there, constants.W_OK | constants.X_OK);
  }, there);
}
