/** Reads a mesh file from disk. @module */
import { readFile, stat } from "node:fs/promises";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Catalog } from "./catalog.ts";
import { type ParseOptions, parseCatalog } from "./parse.ts";

/** A mesh file is kilobytes; more is a wrong path, such as a disk image. */
const largestBytes = 16 * 1024 * 1024;

/**
 * Reads and parses a mesh file; messages name it as `path`.
 *
 * @throws CatalogError when the text is at fault.
 * @throws MitsuError `ERR_CATALOG_MISSING` (no such file), `ERR_CATALOG_UNREADABLE` (no rights, a folder or device, too large, not UTF-8).
 */
export async function loadCatalog(path: string, { warn }: Pick<ParseOptions, "warn"> = {}): Promise<Catalog> {
  return parseCatalog(await readText(path), { file: path, ...(warn ? { warn } : {}) });
}

/** Reads a mesh file's text, with the errors of {@link loadCatalog}. */
export async function readText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    const file = await stat(path);
    // A device has no end to read to; pipes do.
    if (file.isCharacterDevice() || file.isBlockDevice()) throw new Error("it is a device");
    if (file.size > largestBytes) throw new Error("larger than 16 MiB");
    bytes = await readFile(path);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw failure("ERR_CATALOG_MISSING", `cannot read ${path}: no such file`, "create it or name another with --config", cause);
    const why = { EACCES: "no right to read it", EISDIR: "it is a directory" }[code] ?? (cause as Error).message;
    throw failure("ERR_CATALOG_UNREADABLE", `cannot read ${path}: ${why}`, "name a readable file with --config", cause);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw failure("ERR_CATALOG_UNREADABLE", `cannot read ${path}: not UTF-8 text`, "save it as UTF-8", cause);
  }
}

function failure(code: string, message: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(message, { code, hint, exit: exitStatus.config, cause });
}
