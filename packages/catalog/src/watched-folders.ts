/** Which folders must be watched so that no change of a file's content is missed. @module */
import { readlink, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Longest chain of symbolic links that is followed, as in the kernel (MAXSYMLINKS). */
const longestChain = 40;

/**
 * The folder of a file and those of all links on the way to it; where a folder is missing, the nearest one above it.
 * A link to a folder (as Kubernetes' `..data`) is seen when it lies in one of them, as it does there.
 *
 * @returns Folder by `<device>:<inode>`, so that a folder made anew counts as another.
 */
export async function watchedFolders(path: string): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  let file = resolve(path);
  for (let hop = 0; hop < longestChain; hop++) {
    const [key, folder] = await nearestFolder(dirname(file));
    folders.set(key, folder);
    const target = await readlink(file).catch(() => undefined);
    if (target === undefined) break;
    file = resolve(dirname(file), target);
  }
  return folders;
}

async function nearestFolder(folder: string): Promise<[key: string, folder: string]> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return [`${found.dev}:${found.ino}`, folder];
  return nearestFolder(dirname(folder));
}
