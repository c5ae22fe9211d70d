/** `bin/sockhijack` as tests start it by the hundred: the same sources and scripts, with what a start loads in a few files in place of three hundred. @module */
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { buildSync } from "esbuild";

const root = new URL("../../../../..", import.meta.url).pathname;
const own = join(root, "packages/sockhijack");
const all = join(root, ".cache/bundled");
/** What no test has used for so long goes when the next is made. */
const dayMs = 86_400_000;
/** What a checkout has besides sources. */
const copied = ["bin/sockhijack", "scripts/run-daemon", "scripts/compile-cache.mjs", "packages/sockhijack/package.json"];
const banner = `import { createRequire as requireOfBundle } from "node:module"; const require = requireOfBundle(import.meta.url);`;

/**
 * Bundles sockhijack as the sources are now, into `.cache/bundled`, unless it is there from the same sources.
 *
 * A start takes 0.2 s of a core then and 0.4 s from the sources; all else is a checkout's: `bin`, `scripts/run-daemon`, and the kernel objects beside `src`.
 *
 * @returns the absolute path of its `bin/sockhijack`.
 * @throws what esbuild says of sources that it cannot bundle.
 */
export function bundledCommand(): string {
  const { outputFiles } = buildSync({
    entryPoints: [join(own, "src/main.ts")],
    absWorkingDir: root,
    outdir: "src",
    bundle: true,
    splitting: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "esm",
    // run-daemon starts `src/main.ts`.
    outExtension: { ".js": ".ts" },
    banner: { js: banner },
    external: ["koffi"],
    logLevel: "silent",
  });
  const hash = createHash("sha256");
  for (const { path, contents } of outputFiles) hash.update(basename(path)).update(contents);
  for (const file of copied) hash.update(readFileSync(join(root, file)));
  const checkout = join(all, hash.digest("hex").slice(0, 16));
  const command = join(checkout, "bin/sockhijack");
  if (existsSync(command)) {
    utimesSync(checkout, new Date(), new Date());
    return command;
  }
  mkdirSync(all, { recursive: true });
  for (const name of readdirSync(all)) {
    const used = statSync(join(all, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - used > dayMs) rmSync(join(all, name), { recursive: true, force: true });
  }
  const aside = mkdtempSync(`${checkout}-`);
  chmodSync(aside, 0o755); // tests run it as nobody too
  try {
    const parts = join(aside, "packages/sockhijack");
    mkdirSync(join(parts, "src"), { recursive: true });
    for (const { path, contents } of outputFiles) writeFileSync(join(parts, "src", basename(path)), contents);
    for (const name of ["bpf", "node_modules"]) symlinkSync(join(own, name), join(parts, name));
    symlinkSync(join(root, "node_modules"), join(aside, "node_modules"));
    for (const file of copied) cpSync(join(root, file), join(aside, file));
    renameSync(aside, checkout);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    // Else another test file was faster.
    if (!existsSync(command)) throw error;
  }
  return command;
}
