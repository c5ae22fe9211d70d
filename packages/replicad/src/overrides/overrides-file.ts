/** The file in which overrides survive a restart: `overrides.json`, written whole or not at all. @module */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Override, overrideFields, readFields } from "./override.ts";

const fileVersion = 1;

/**
 * One folder's file.
 *
 * @example
 * ```ts
 * const file = new OverridesFile("/var/lib/mitsu/replicad");
 * const overrides = await file.read();
 * await file.write(overrides);
 * ```
 */
export class OverridesFile {
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "overrides.json");
  }

  /**
   * What was written last; nothing where there is no file.
   *
   * @throws {MitsuError} `ERR_OVERRIDES_FILE` when it cannot be read: it is left as it is, since what it said of drained replicas would be lost.
   */
  async read(): Promise<readonly Override[]> {
    let contents: string;
    try {
      contents = await readFile(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw this.#unreadable((error as Error).message, error);
    }
    let file: { readonly version?: unknown; readonly overrides?: unknown };
    try {
      file = Object(JSON.parse(contents));
    } catch (error) {
      throw this.#unreadable("it is no JSON", error);
    }
    if (file.version !== fileVersion) throw this.#unreadable(`its version is ${JSON.stringify(file.version)}, not ${fileVersion}`);
    if (!Array.isArray(file.overrides)) throw this.#unreadable("overrides is no list");
    return file.overrides.map((fields, index) => {
      // Times from the future are believed: the clock may have been set back since.
      const override = readFields(fields, Number.POSITIVE_INFINITY);
      if (typeof override === "object") return override;
      throw this.#unreadable(`overrides[${index}] is wrong: ${override}`);
    });
  }

  /**
   * Writes beside, makes that durable and renames it into place: a crash leaves the old or the new.
   *
   * @throws {MitsuError} `ERR_OVERRIDES_SAVE`.
   */
  async write(overrides: readonly Override[]): Promise<void> {
    const contents = `${JSON.stringify({ version: fileVersion, overrides: overrides.map(overrideFields) }, null, 1)}\n`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o750 });
      const file = await open(`${this.path}.new`, "w", 0o640);
      try {
        await file.writeFile(contents);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${this.path}.new`, this.path);
      const folder = await open(this.#folder, "r");
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch (cause) {
      throw new MitsuError(`cannot write ${this.path}: ${(cause as Error).message}`, {
        code: "ERR_OVERRIDES_SAVE",
        hint: "what was said holds until replicad ends; make room or mend the folder, and say it again",
        exit: exitStatus.system,
        cause,
      });
    }
  }

  #unreadable(why: string, cause?: unknown): MitsuError {
    return new MitsuError(`cannot read ${this.path}: ${why}`, {
      code: "ERR_OVERRIDES_FILE",
      hint: "mend it, or move it away to begin without: replicas drained in it then get requests, unless the broker still knows",
      exit: exitStatus.data,
      cause,
    });
  }
}
