/** Where our headers and libraries for filters are: beside the sources, or carried by the standalone binary. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { getAsset, isSea } from "node:sea";

/** Files of the folder sdk/, and what of them goes where. */
const folders: Readonly<Record<string, string>> = { "proxy_wasm.h": "c", "proxy_wasm.rs": "rust", "proxy_wasm.go": "go" };

/** The path of one of our files; in the standalone binary it is written into `scratch` first. */
export function sdkFile(name: keyof typeof folders, scratch: string): string {
  if (!isSea()) return join(import.meta.dirname, "../../sdk", folders[name]!, name);
  const path = join(scratch, name);
  writeFileSync(path, getAsset(name, "utf8"));
  return path;
}

/** Text of one of templates/. */
export function assetText(name: string, readFile: (path: string) => Uint8Array): string {
  if (isSea()) return getAsset(name, "utf8");
  return Buffer.from(readFile(join(import.meta.dirname, "../../templates", name))).toString("utf8");
}
