/**
 * Builds the filters of filters.sh, and says on stderr which it could not.
 *
 *     node bench/lib/filters-modules.ts OUT SOURCE...
 *
 * @module
 */
import { buildModules } from "./filters-build.ts";

const [out, ...sources] = process.argv.slice(2);
if (out === undefined || sources.length === 0) throw new RangeError("usage: filters-modules.ts OUT SOURCE...");
const failures = await buildModules(out, sources);
for (const line of failures) process.stderr.write(`${line}\n`);
if (failures.length > 0) process.exitCode = 1;
