/** The kit's modules, compiled once for each state of their sources. @module */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compileKit } from "../../src/conformance/compile-kit.ts";

const root = join(import.meta.dirname, "../../../..");
const source = join(import.meta.dirname, "../../src/conformance");

/**
 * The folder with the modules.
 *
 * @throws {NotSupportedError} There is no clang.
 */
export async function kitFolder(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of globSync("{filters/*,compile-kit.ts,kit-modules.ts}", { cwd: source }).toSorted())
    hash.update(readFileSync(join(source, file)));
  const folder = join(root, ".cache/conformance-kit", hash.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(join(folder, ".."), { recursive: true });
  const aside = `${folder}.${process.pid}`;
  try {
    await compileKit(aside);
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    // Another run was quicker.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
