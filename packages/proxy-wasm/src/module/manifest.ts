/** What a filter says of itself, in a custom section: written by `meshfilters build`, checked by whoever loads it. @module */
import { createHash } from "node:crypto";
import { type Capability, capabilities } from "../abi/capability.ts";
import type { AbiVersion } from "../abi/types.ts";
import { ByteWriter } from "./byte-writer.ts";
import { filterError, place } from "./filter-error.ts";
import { manifestSection, ownSection, ownSections, stripOwn, withoutSections } from "./own-sections.ts";
import { customSection } from "./sections.ts";

/** The manifest. Everything is text or a list of texts, but the size. */
export interface Manifest {
  readonly name: string;
  /** The filter's own version, as its author counts. */
  readonly version: string;
  readonly abi: AbiVersion;
  /** `module.name`, sorted. */
  readonly imports: readonly string[];
  /** What it wants to be allowed, sorted. */
  readonly capabilities: readonly Capability[];
  /** SHA-256, in hex, of the module without Mitsu's sections. */
  readonly sha256: string;
  /** Bytes of the same. */
  readonly sizeBytes: number;
  /** Where its source map is, relative to the module; empty if it has none. */
  readonly sourceMap: string;
  /** Program and version that built it. */
  readonly builder: string;
}

/** What the builder has to say; the rest is computed. */
export type ManifestFields = Omit<Manifest, "sha256" | "sizeBytes">;

const longestManifestBytes = 64 * 2 ** 10;
const texts = ["name", "version", "sourceMap", "builder"] as const;
const versions: readonly string[] = ["0.1.0", "0.2.0", "0.2.1"];

function sealOf(bytes: Uint8Array): { readonly sha256: string; readonly sizeBytes: number } {
  const code = stripOwn(bytes);
  return { sha256: createHash("sha256").update(code).digest("hex"), sizeBytes: code.length };
}

/** Checks a manifest's form. @param refuse Makes the error, given which field is wrong and why. */
function checkManifest(value: unknown, refuse: (what: string) => Error): Manifest {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse("is no object");
  const fields = value as Readonly<Record<string, unknown>>;
  const isTextList = (list: unknown): list is string[] => Array.isArray(list) && list.every((one) => typeof one === "string");
  for (const name of texts) if (typeof fields[name] !== "string") throw refuse(`has no text ${name}`);
  if (typeof fields.abi !== "string" || !versions.includes(fields.abi)) throw refuse(`has no abi among ${versions.join(", ")}`);
  if (!isTextList(fields.imports)) throw refuse("has no list imports");
  if (!isTextList(fields.capabilities)) throw refuse("has no list capabilities");
  const unknown = fields.capabilities.find((one) => !capabilities.includes(one as Capability));
  if (unknown !== undefined) throw refuse(`wants the capability ${JSON.stringify(unknown)}, which does not exist`);
  if (typeof fields.sha256 !== "string" || !/^[0-9a-f]{64}$/.test(fields.sha256)) throw refuse("has no sha256");
  if (typeof fields.sizeBytes !== "number" || !Number.isSafeInteger(fields.sizeBytes) || fields.sizeBytes < 8)
    throw refuse("has no sizeBytes");
  return fields as unknown as Manifest;
}

/**
 * Reads and checks the manifest.
 *
 * @returns Null if the module has none.
 * @throws {MitsuError} `ERR_FILTER_MANIFEST`: it is there twice, is not of the right form, or is of another module (hash or size).
 */
export function readManifest(bytes: Uint8Array): Manifest | null {
  const section = ownSection(bytes, manifestSection);
  if (section === undefined) return null;
  const refuse = (what: string, cause?: unknown) =>
    filterError(
      "manifest",
      `its manifest ${what} ${place(section.content, `section ${manifestSection}`)}`,
      "build it again with meshfilters build",
      cause,
    );
  const length = section.end - section.content;
  if (length > longestManifestBytes) throw refuse(`has ${length} bytes, more than ${longestManifestBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(section.content, section.end)));
  } catch (cause) {
    throw refuse(`is no JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  const manifest = checkManifest(value, refuse);
  const { sha256, sizeBytes } = sealOf(bytes);
  if (manifest.sizeBytes !== sizeBytes) throw refuse(`is of a module of ${manifest.sizeBytes} bytes, this one has ${sizeBytes}`);
  if (manifest.sha256 !== sha256) throw refuse("is of another module: the hash differs");
  return manifest;
}

/**
 * Puts a manifest into a module, in the place of one that was there. A signature is taken out, as it would be wrong afterwards.
 * The same module and fields give the same bytes.
 *
 * @throws {MitsuError} `ERR_FILTER_MANIFEST` for fields of the wrong form; `ERR_FILTER_MALFORMED`.
 * @example
 * ```ts
 * writeManifest(bytes, { name: "tag", version: "1.0.0", abi: "0.2.1", imports, capabilities: ["log"], sourceMap: "", builder: "meshfilters 0.1.0" });
 * ```
 */
export function writeManifest(bytes: Uint8Array, fields: ManifestFields): Uint8Array<ArrayBuffer> {
  const { name, version, abi, sourceMap, builder } = fields;
  const manifest = checkManifest(
    {
      name,
      version,
      abi,
      imports: fields.imports.toSorted(),
      capabilities: fields.capabilities.toSorted(),
      ...sealOf(bytes),
      sourceMap,
      builder,
    },
    (what) => filterError("manifest", `the manifest ${what}`, "mend the fields"),
  );
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  if (text.length > longestManifestBytes)
    throw filterError("manifest", `the manifest has ${text.length} bytes, more than ${longestManifestBytes}`, "shorten its texts");
  return new ByteWriter(bytes.length + text.length)
    .bytes(withoutSections(bytes, ownSections))
    .bytes(customSection(manifestSection, text))
    .take();
}
