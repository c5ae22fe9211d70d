/** The file behind a table: written aside and renamed into place, and opened with trust in nothing but its length. @module */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { MitsuError } from "@mitsu/cli/error";

/** Which file a path named: another one has another number, or lies on another device. */
export interface FileName {
  readonly dev: number;
  readonly ino: number;
}

/** Whether the path names this file. */
export function names(path: string, file: FileName): boolean {
  const now = statSync(path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === file.ino && now.dev === file.dev;
}

/** A file that is not, or not safely, a table. */
export function refusal(path: string, why: string): MitsuError {
  return new MitsuError(`${path} is no table: ${why}`, {
    code: "ERR_TABLE",
    hint: "see that both daemons are of one version, and that nothing else writes there",
  });
}

/**
 * Writes a file of zeros, lets `fill` map and fill it, and puts it in its place: whoever opens the path sees a whole table, of before or of now. Mode 0640 and
 * the group of its folder, as the control socket beside it. Zeros are written rather than skipped: on a full tmpfs this fails here, and no store kills later.
 *
 * @throws {Error} As node:fs does, with nothing left behind.
 */
export function createFile(path: string, bytes: number, fill: (fd: number) => void): FileName {
  const aside = `${path}.${process.pid}.new`;
  rmSync(aside, { force: true }); // of a process of this number that was killed here
  const fd = openSync(aside, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    const zeros = new Uint8Array(65_536);
    for (let at = 0; at < bytes; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at));
    try {
      fchownSync(fd, process.geteuid!(), statSync(dirname(path)).gid);
    } catch (error) {
      // Only a member may give a file to a group: without it, who reads it is of our own group, or root.
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    }
    fchmodSync(fd, 0o640);
    fill(fd);
    const { dev, ino } = fstatSync(fd);
    renameSync(aside, path);
    return { dev, ino };
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Opens a file for mapping; the caller closes it.
 *
 * @throws {MitsuError} `ERR_TABLE` for anything but a file that only its owner may write.
 * @throws {Error} As node:fs does, ENOENT when there is none.
 */
export function openFile(path: string): { readonly fd: number; readonly stats: Stats } {
  // Opening a pipe would wait for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw refusal(path, "it is not a file");
    // Whoever can write can cut it off, and reading past the end of a mapped file is a signal that kills.
    if (stats.mode & 0o022) throw refusal(path, "others than its owner may write it");
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
