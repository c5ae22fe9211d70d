/** Mitsu's own custom sections of a module: manifest and signature. @module */
import { ByteWriter } from "./byte-writer.ts";
import { filterError, place } from "./filter-error.ts";
import { readSections, type Section } from "./sections.ts";

/** What a filter is and wants. */
export const manifestSection = "mitsu.manifest";
/** Who vouches for all before it. */
export const signatureSection = "mitsu.signature";
/** Both. */
export const ownSections: readonly string[] = [manifestSection, signatureSection];

/** A module without the custom sections of these names; everything else keeps its bytes. */
export function withoutSections(bytes: Uint8Array, names: readonly string[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(bytes.length);
  let from = 0;
  for (const { name, start, end } of readSections(bytes)) {
    if (!names.includes(name)) continue;
    out.bytes(bytes.subarray(from, start));
    from = end;
  }
  return out.bytes(bytes.subarray(from)).take();
}

/**
 * A module as its compiler made it, without manifest and signature.
 *
 * @throws {MitsuError} `ERR_FILTER_MALFORMED`.
 */
export function stripOwn(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return withoutSections(bytes, ownSections);
}

/** The one section of a name, or undefined. @throws {MitsuError} If there are two: which one counts? */
export function ownSection(bytes: Uint8Array, name: string): Section | undefined {
  const found = readSections(bytes).filter((section) => section.name === name);
  if (found.length > 1)
    throw filterError(
      name === signatureSection ? "signature" : "manifest",
      `section ${name} is there twice, the second time ${place(found[1]!.start, "the list of sections")}`,
      "build the filter again",
    );
  return found[0];
}
