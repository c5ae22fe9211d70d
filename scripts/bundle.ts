/** Bundles a daemon's sources into the one CommonJS file that a single-executable application runs. @module */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

/** House style ends a main so; a single-executable application is CommonJS, which has no top-level await. */
const mainCall = /if \(import\.meta\.main\) process\.exitCode = await ([^;]+);/;

/**
 * Bundles `entry` with everything it imports.
 *
 * @returns The JavaScript text.
 * @throws {Error} when the entry does not end in `if (import.meta.main) process.exitCode = await …;`, or when esbuild refuses the sources.
 */
export async function bundle(entry: string): Promise<string> {
  const options: BuildOptions = {
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "cjs",
    legalComments: "none",
    logLevel: "silent",
    // The binary's own place stands in for the sources' place; nothing in a binary may read files relative to it.
    banner: { js: `const bundleUrl=require("node:url").pathToFileURL(process.execPath).href;` },
    define: {
      "import.meta.url": "bundleUrl",
      "import.meta.dirname": "undefined",
      "import.meta.filename": "undefined",
      "import.meta.main": "false",
    },
    // import() of a built-in becomes require(): V8's code cache and import() exclude each other in such a binary.
    supported: { "dynamic-import": false },
    plugins: [main(entry), koffi(), viz()],
  };
  const result = await build(options);
  const [file] = result.outputFiles ?? [];
  if (!file) throw new Error(`esbuild made nothing of ${entry}`);
  return file.text;
}

/** Bundles the script of a thread, which a standalone binary carries beside its own and hands to `new Worker(text, { eval: true })`. */
export async function bundleThread(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "cjs",
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles![0]!.text;
}

/** Takes the top-level await out of the entry. */
function main(entry: string): Plugin {
  return {
    name: "main",
    setup({ onLoad }) {
      onLoad({ filter: /\/main\.ts$/ }, async ({ path }) => {
        if (path !== entry) return undefined;
        const source = await readFile(path, "utf8");
        if (!mainCall.test(source)) throw new Error(`${path} must end in: if (import.meta.main) process.exitCode = await run(…);`);
        return { loader: "ts", contents: source.replace(mainCall, "void ($1).then((status) => { process.exitCode = status; });") };
      });
    },
  };
}

/** One koffi for require() and import() alike, with scripts/embedded-koffi.ts in the place of its search through node_modules. */
function koffi(): Plugin {
  return {
    name: "koffi",
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^koffi$/ }, ({ kind, importer, resolveDir }) =>
        kind === "import-statement" ? undefined : resolve("koffi", { kind: "import-statement", importer, resolveDir }),
      );
      onResolve({ filter: /\/static\.c?js$/ }, ({ importer }) =>
        dirname(importer).includes("/koffi/") ? { path: join(import.meta.dirname, "embedded-koffi.ts") } : undefined,
      );
    },
  };
}

/** Graphviz stays outside the script, in a file that the binary carries. */
function viz(): Plugin {
  return {
    name: "viz",
    setup({ onResolve }) {
      onResolve({ filter: /^@viz-js\/viz$/ }, () => ({ path: join(import.meta.dirname, "embedded-viz.ts") }));
    },
  };
}
