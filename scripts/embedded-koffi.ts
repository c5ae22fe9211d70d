/** Stands in for koffi's own search for its native part inside a standalone binary; scripts/bundle.ts puts it there. @module */
import { loadEmbedded } from "../packages/cli/src/embedded-library.ts";

/** Loads the `koffi.node` that the binary carries. @throws {Error} when no folder allows it. */
export function loadStatic(): unknown {
  return loadEmbedded("koffi.node", (path) => {
    const loaded: { exports: unknown } = { exports: {} };
    process.dlopen(loaded, path);
    return loaded.exports;
  });
}
