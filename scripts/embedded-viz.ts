/** Stands in for `@viz-js/viz` inside a standalone binary; scripts/bundle.ts puts it there. @module */
import { getAsset } from "node:sea";
import { compileFunction } from "node:vm";

/**
 * Compiles the Graphviz that the binary carries beside its script. Inside the script its 1.6 MB would make every start of every
 * command slower, and every daemon larger, for the one command that draws.
 */
export async function instance(): Promise<unknown> {
  const exports: { instance?: () => Promise<unknown> } = {};
  const load = compileFunction(getAsset("viz.cjs", "utf8"), ["exports", "require", "__filename"]);
  load(exports, process.getBuiltinModule, process.execPath);
  return exports.instance?.();
}
