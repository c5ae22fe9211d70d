/** Modules that `meshfilters push` has brought, kept so that they outlive nicd. @module */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * A folder of `<filter>.wasm`, each with `<filter>.json`, which says the hash of the file that it was pushed in the place of: when that file changes,
 * it is the newer one, and the pushed module is history.
 */
export class PushedModules {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The pushed module, unless the file that the mesh names has changed since.
   *
   * @param file What is there now; null for none.
   */
  async newerThan(name: string, file: Uint8Array | null): Promise<Uint8Array | null> {
    try {
      const { base } = JSON.parse(await readFile(join(this.#folder, `${name}.json`), "utf8")) as { readonly base: string | null };
      if (base !== (file === null ? null : hashOf(file)) && file !== null) return null;
      return await readFile(join(this.#folder, `${name}.wasm`));
    } catch {
      return null; // none was pushed
    }
  }

  /** Keeps one. @param file What the mesh names, as it is now; null for none. */
  async keep(name: string, bytes: Uint8Array, file: Uint8Array | null): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#write(`${name}.wasm`, bytes);
    await this.#write(`${name}.json`, JSON.stringify({ base: file === null ? null : hashOf(file), sha256: hashOf(bytes) }));
  }

  /** Forgets one: it was rolled back. */
  async forget(name: string): Promise<void> {
    for (const end of ["json", "wasm"]) await rm(join(this.#folder, `${name}.${end}`), { force: true });
  }

  /** Tells the other workers that a version was rolled back here. */
  async refuse(name: string, version: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#write(`${name}.refused`, version);
  }

  /** The version that a worker has rolled back last; null for none. */
  refused(name: string): Promise<string | null> {
    return readFile(join(this.#folder, `${name}.refused`), "utf8").catch(() => null);
  }

  /** It is to be tried once more. */
  async allow(name: string): Promise<void> {
    await rm(join(this.#folder, `${name}.refused`), { force: true });
  }

  /** As a whole, or not at all. */
  async #write(name: string, bytes: Uint8Array | string): Promise<void> {
    const path = join(this.#folder, name);
    // Each worker writes the same, at the same time.
    const own = `${path}.${process.pid}.new`;
    await writeFile(own, bytes, { mode: 0o600 });
    await rename(own, path);
  }
}
