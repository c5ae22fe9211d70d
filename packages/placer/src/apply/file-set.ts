/** Writes a set of files so that a crash at any point can be undone: what was there is kept first, then each file is switched in by a rename. @module */
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Env, type Log, lockDaemon } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import {
  closeEntry,
  type Entry,
  entries,
  type FileState,
  type Manifest,
  openEntry,
  removeEntry,
  syncDirectory,
  writeDurably,
} from "./journal.ts";

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

/** A file that is not as the last apply left it. */
interface Edited {
  readonly path: string;
  readonly how: string;
}

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

const newMode = 0o644;
const no = (): void => {};

/** What is at a path. @throws {MitsuError} `ERR_PLACER_NOT_A_FILE` for a link, a device or a directory: they are not ours to replace. */
export function contentsAt(path: string): Uint8Array | null {
  const at = writing(() => lstatSync(path, { throwIfNoEntry: false }), path);
  if (at === undefined) return null;
  if (!at.isFile()) {
    throw new MitsuError(`${path} is not a regular file`, {
      code: "ERR_PLACER_NOT_A_FILE",
      hint: "a link may be a masked unit: move it away first",
      exit: exitStatus.system,
    });
  }
  return readFileSync(path);
}

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
  const { state, log, env, fault = no } = options;
  const unlock = await lock(options);
  try {
    for (let last = entries(state).at(-1); last !== undefined && !last.done; last = entries(state).at(-1)) {
      log.warn("undoing an apply that was cut short", { time: last.manifest.time });
      undo(last, { dryRun: false, force: false, fault: no });
    }
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
    const entry = writing(
      () =>
        openEntry(
          state,
          manifest,
          real.map((_, at) => ({ old: old[at]!, new: fresh[at]! })),
          fault,
        ),
      state,
    );
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
      for (const directory of new Set(manifest.files.map(({ path }) => dirname(path)))) syncDirectory(directory);
    } catch (cause) {
      undo(entry, { dryRun: false, force: false, fault: no });
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
    return last === undefined ? null : undo(last, { dryRun, force, fault });
  } finally {
    unlock();
  }
}

/** Puts back what an entry replaced; may be cut short itself and run again. */
function undo(
  entry: Entry,
  { dryRun, force, fault }: { readonly dryRun: boolean; readonly force: boolean; readonly fault: (point: string) => void },
): RolledBack {
  const { manifest, directory, done } = entry;
  const edited: Edited[] = [];
  const open: { readonly at: number; readonly path: string; readonly before: FileState | null }[] = [];
  for (const [at, { path, before, after }] of manifest.files.entries()) {
    const now = stateOf(path, contentsAt(path));
    if (same(now, before)) continue;
    open.push({ at, path, before });
    if (!same(now, after))
      edited.push({ path, how: now === null ? "removed" : now.sha256 === after?.sha256 ? "given another mode or owner" : "edited" });
  }
  // What is gone, or differs by its mode only, loses nothing when it is put back.
  const precious = edited.filter(({ how }) => how === "edited");
  if (precious.length > 0 && !force) {
    throw new MitsuError(`edited since they were written: ${precious.map(({ path }) => path).join(", ")}`, {
      code: "ERR_PLACER_EDITED",
      hint: "nothing was changed; --force puts the old files back and keeps the edited ones beside them",
    });
  }
  const kept: string[] = [];
  const restored: string[] = [];
  const removed: string[] = [];
  for (const { at, path, before } of open) {
    if (precious.some((one) => one.path === path)) {
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
    if (existsSync(dirname(path))) syncDirectory(dirname(path));
    fault(`restored ${at}`);
  }
  const removedDirectories: string[] = [];
  if (!dryRun) for (const { path } of manifest.files) rmSync(staged(path, entry), { force: true });
  for (const made of [...manifest.directories].reverse()) {
    const goes = dryRun ? existsSync(made) : removeEmpty(made);
    if (goes) removedDirectories.push(made);
  }
  fault("all restored");
  if (!dryRun) removeEntry(entry);
  return { time: manifest.time, plan: manifest.plan, to: manifest.to, unfinished: !done, restored, removed, removedDirectories, kept };
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

function stateOf(path: string, contents: Uint8Array | null): FileState | null {
  if (contents === null) return null;
  const { mode, uid, gid } = statSync(path);
  return { sha256: sha256(contents), mode: mode & 0o7777, uid, gid };
}

function stateAfter(path: string, contents: Uint8Array | null): FileState | null {
  if (contents === null) return null;
  const { mode, uid, gid } = statSync(path, { throwIfNoEntry: false }) ?? {
    mode: newMode,
    uid: process.geteuid!(),
    gid: process.getegid!(),
  };
  return { sha256: sha256(contents), mode: mode & 0o7777, uid, gid };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function same(a: FileState | null, b: FileState | null): boolean {
  if (a === null || b === null) return a === b;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** Where a file waits for its rename; a name that systemd, kubectl and compose do not read. */
function staged(path: string, { manifest }: Entry): string {
  return join(dirname(path), `.${basename(path)}.placer-${manifest.time}`);
}

function stage(path: string, contents: Uint8Array, { mode, uid, gid }: FileState, entry: Entry): void {
  const aside = staged(path, entry);
  rmSync(aside, { force: true });
  writeDurably(aside, contents);
  chownSync(aside, uid, gid);
  chmodSync(aside, mode);
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

function removeEmpty(directory: string): boolean {
  if (!existsSync(directory) || readdirSync(directory).length > 0) return false;
  rmdirSync(directory);
  return true;
}

function writing<T>(work: () => T, what: string): T {
  try {
    return work();
  } catch (error) {
    throw refused(error, what);
  }
}

function refused(error: unknown, what: string): unknown {
  if (error instanceof MitsuError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const rights = code === "EACCES" || code === "EPERM";
  return new MitsuError(`cannot write ${what}; everything is as it was`, {
    code: "ERR_PLACER_WRITE",
    hint: rights ? "run it as root, or pass --directory and --state" : "see the cause",
    exit: rights ? exitStatus.rights : exitStatus.system,
    cause: error,
  });
}
