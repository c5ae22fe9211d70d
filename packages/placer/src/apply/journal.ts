/** Where what `apply` replaces is kept: `<state>/applied/<time>/` with a manifest, the old contents, and a mark once all is done. @module */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { z } from "zod";

const fileState = z.strictObject({ sha256: z.string(), mode: z.int(), uid: z.int(), gid: z.int() });
const manifestForm = z.strictObject({
  version: z.literal(1),
  time: z.string(),
  plan: z.string(),
  to: z.string(),
  files: z.array(
    z.strictObject({
      path: z.string(),
      before: fileState.nullable(),
      after: fileState.nullable(),
    }),
  ),
  directories: z.array(z.string()),
});

/** What a file is. */
export interface FileState {
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** One apply, as it was written down before anything was changed. */
export interface Manifest {
  readonly version: 1;
  readonly time: string;
  readonly plan: string;
  readonly to: string;
  readonly files: readonly {
    readonly path: string;
    /** Null where there was no file. Its contents are in `old/<index>`. */
    readonly before: FileState | null;
    /** Null where none is left. */
    readonly after: FileState | null;
  }[];
  /** Directories that did not exist, outer ones first. */
  readonly directories: readonly string[];
}

/** One apply on disk. */
export interface Entry {
  readonly directory: string;
  readonly manifest: Manifest;
  /** False when it was cut short: files may be as before or as after. */
  readonly done: boolean;
}

/** Makes a directory's names durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes a file and makes it durable. */
export function writeDurably(path: string, contents: Uint8Array | string, mode = 0o600): void {
  const fd = openSync(path, "wx", mode);
  try {
    writeFileSync(fd, contents);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Every apply in a state directory, oldest first; an entry whose manifest cannot be read is an error that names it. @throws {MitsuError} `ERR_PLACER_JOURNAL` */
export function entries(state: string): readonly Entry[] {
  const root = join(state, "applied");
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => !name.endsWith(".tmp"))
    .sort()
    .map((name) => {
      const directory = join(root, name);
      const path = join(directory, "manifest.json");
      try {
        const manifest = manifestForm.parse(JSON.parse(readFileSync(path, "utf8")));
        return { directory, manifest, done: existsSync(join(directory, "done")) };
      } catch (cause) {
        throw new MitsuError(`cannot read ${path}`, {
          code: "ERR_PLACER_JOURNAL",
          hint: `what that apply replaced is in ${directory}/old: put it back by hand, then remove ${directory}`,
          exit: exitStatus.data,
          cause,
        });
      }
    });
}

/** Writes an apply down, all of it or nothing: it appears under its name only when all of it is on disk. */
export function openEntry(state: string, manifest: Manifest, old: readonly (Uint8Array | null)[], fault: (point: string) => void): Entry {
  const root = join(state, "applied");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // Left by one that was killed before its first change.
  for (const name of readdirSync(root)) if (name.endsWith(".tmp")) rmSync(join(root, name), { recursive: true });
  const directory = join(root, manifest.time);
  const aside = `${directory}.tmp`;
  for (const folder of [aside, join(aside, "old")]) mkdirSync(folder, { mode: 0o700 });
  for (const [at, contents] of old.entries()) {
    if (contents !== null) writeDurably(join(aside, "old", String(at)), contents);
    fault(`kept ${at}`);
  }
  writeDurably(join(aside, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const folder of [join(aside, "old"), aside]) syncDirectory(folder);
  fault("manifest written");
  renameSync(aside, directory);
  syncDirectory(root);
  fault("manifest in place");
  return { directory, manifest, done: false };
}

/** Says that an apply is whole. */
export function closeEntry({ directory }: Entry): void {
  writeDurably(join(directory, "done"), "");
  syncDirectory(directory);
}

/** Removes an apply that was undone; cut short, it is taken for rubbish. */
export function removeEntry({ directory }: Entry): void {
  const aside = `${directory}.tmp`;
  renameSync(directory, aside);
  rmSync(aside, { recursive: true });
}
