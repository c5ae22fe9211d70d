/** Native parts that a standalone binary carries. @module */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getAsset } from "node:sea";

/**
 * Loads a shared library that the binary carries as an asset.
 *
 * The dynamic loader wants a path, so the file is written out for the moment of loading: into a folder that mkdtemp made just now
 * with mode 0700 under a name nobody can foresee, and removed before this returns. Nothing is looked for in shared folders,
 * so no other user can plant or swap the code that root is about to run. Folders mounted noexec are passed over.
 *
 * @param name The asset's name.
 * @param load Loads the file at a path.
 * @throws {Error} when no folder allows it; the message names each one with its reason.
 */
export function loadEmbedded<T>(name: string, load: (path: string) => T): T {
  const bytes = new Uint8Array(getAsset(name));
  const { RUNTIME_DIRECTORY: runtime, STATE_DIRECTORY: state } = process.env; // systemd's, private to the service
  const folders = [tmpdir(), "/dev/shm", state, runtime, "/var/tmp"].filter((folder) => folder !== undefined);
  const refusals: string[] = [];
  for (const folder of folders) {
    let own: string | undefined;
    try {
      own = mkdtempSync(join(folder, "mitsu-"));
      const file = join(own, name);
      writeFileSync(file, bytes, { flag: "wx", mode: 0o500 });
      return load(file);
    } catch (error) {
      refusals.push(`${folder}: ${(error as Error).message}`);
    } finally {
      if (own !== undefined) rmSync(own, { recursive: true, force: true });
    }
  }
  throw new Error(
    `cannot load ${name} from any folder; set TMPDIR to a writable one that is not mounted noexec\n  ${refusals.join("\n  ")}`,
  );
}
