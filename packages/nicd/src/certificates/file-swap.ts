/** Writes files so that a reader sees the old or the new content, never half of one. @module */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Puts `content` in the place of `path`: written aside in the same folder, synced, renamed.
 *
 * @param mode - Of the file: 0o600 for keys.
 */
export async function swapFile(path: string, content: string, mode: number): Promise<void> {
  const aside = `${path}.${process.pid}.new`;
  // What an earlier crash left there may have another mode.
  await rm(aside, { force: true });
  await using file = await open(aside, "wx", mode);
  await file.writeFile(content);
  await file.sync();
  await rename(aside, path);
  await using folder = await open(dirname(path));
  await folder.sync();
}
