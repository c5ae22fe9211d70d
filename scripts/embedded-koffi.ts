/** Stands in for koffi's own search for its native part inside a standalone binary; scripts/bundle.ts puts it there. @module */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getAsset } from "node:sea";

/**
 * Loads the `koffi.node` that the binary carries.
 *
 * The dynamic loader wants a path, so the file is written out for the moment of loading: into a folder that mkdtemp made just now
 * with mode 0700 under a name nobody can foresee, and removed before this returns. Nothing is looked for in shared folders,
 * so no other user can plant or swap the code that root is about to run. Folders mounted noexec are passed over.
 *
 * @throws {Error} when no folder allows it; the message names each one with its reason.
 */
export function loadStatic(): unknown {
  const bytes = new Uint8Array(getAsset("koffi.node"));
  const { RUNTIME_DIRECTORY: runtime, STATE_DIRECTORY: state } = process.env; // systemd's, private to the service
  const folders = [tmpdir(), "/dev/shm", state, runtime, "/var/tmp"].filter((folder) => folder !== undefined);
  const refusals: string[] = [];
  for (const folder of folders) {
    let own: string | undefined;
    try {
      own = mkdtempSync(join(folder, "mitsu-"));
      const file = join(own, "koffi.node");
      writeFileSync(file, bytes, { flag: "wx", mode: 0o500 });
      const loaded: { exports: unknown } = { exports: {} };
      process.dlopen(loaded, file);
      return loaded.exports;
    } catch (error) {
      refusals.push(`${folder}: ${(error as Error).message}`);
    } finally {
      if (own !== undefined) rmSync(own, { recursive: true, force: true });
    }
  }
  throw new Error(
    `cannot load koffi.node from any folder; set TMPDIR to a writable one that is not mounted noexec\n  ${refusals.join("\n  ")}`,
  );
}
