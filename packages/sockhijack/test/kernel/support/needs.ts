/** Programs that a test cannot do without. @module */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { NotSupportedError } from "@mitsu/cli/error";

/**
 * Finds a program in PATH, or in `more` folders.
 *
 * @param from Debian's package that has it.
 * @returns its path.
 * @throws {NotSupportedError} when it is not installed: the test is skipped and says so.
 */
export function needs(program: string, from: string, more: readonly string[] = []): string {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", ...more]) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  throw new NotSupportedError(`${program} is not installed`, `apt-get install ${from}`);
}
