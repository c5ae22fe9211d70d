/** Splits a module into its sections. Source: WebAssembly 2.0 §5.5.2 and §5.5.16. @module */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { filterError, place } from "./filter-error.ts";

/** Ids of sections. */
export const sectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

const names = Object.fromEntries(Object.entries(sectionId).map(([name, id]) => [id, name]));
/** The order in the file; custom sections go anywhere. The data count came later and stands before the code. */
const order: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/** Where a section comes in a file, counted from 0. */
export const sectionRank = (id: number): number => order.indexOf(id);

/** One section. */
export interface Section {
  readonly id: number;
  /** Of a custom section. */
  readonly name: string;
  /** Offset of the id. */
  readonly start: number;
  /** Offset of what is in it; of a custom section, after its name. */
  readonly content: number;
  readonly end: number;
}

/** More is a mistake: the largest filters known, of Go, have 2 MB. */
export const largestModuleBytes: number = 32 * 2 ** 20;
/** `\0asm`, version 1. */
export const preamble: Uint8Array = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** What the file is instead of a module, in words that help. */
function checkPreamble(bytes: Uint8Array): void {
  if (bytes.length > largestModuleBytes)
    throw filterError("unsupported", `it has ${bytes.length} bytes, more than ${largestModuleBytes}`, "strip debug information from it");
  if (preamble.every((byte, index) => bytes[index] === byte)) return;
  const text = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  const magic = preamble.subarray(0, 4).every((byte, index) => bytes[index] === byte);
  const [what, hint] =
    bytes.length === 0
      ? ["the file is empty", "build it again"]
      : magic && bytes.length < 8
        ? [`the file ends after ${bytes.length} bytes`, "copy or build it again"]
        : magic && bytes[4] === 0x0d
          ? ["it is a WebAssembly component, not a module", "build for wasm32-wasip1 or wasm32-unknown-unknown"]
          : magic
            ? [`its version of WebAssembly is ${bytes[4]}, not 1`, "build it with another compiler"]
            : text.startsWith("(")
              ? ["it is WebAssembly text, not a binary", "compile it with meshfilters build"]
              : ["it is no WebAssembly module", "give a file that begins with the bytes 00 61 73 6d"];
  throw filterError("malformed", `${what} (${place(0, "the preamble")})`, hint);
}

/**
 * Finds all sections, in the order of the file.
 *
 * @throws {MitsuError} `ERR_FILTER_MALFORMED`: no module, a section that is cut off, twice there, unknown or in the wrong place.
 */
export function readSections(bytes: Uint8Array): Section[] {
  checkPreamble(bytes);
  const reader = new ByteReader(bytes, preamble.length, bytes.length, "the list of sections");
  const sections: Section[] = [];
  let last = -1;
  while (reader.at < bytes.length) {
    const start = reader.at;
    const id = reader.byte();
    if (id === 13) throw reader.error("exception handling (a section of tags)", start, "unsupported");
    const rank = sectionRank(id);
    if (id !== 0 && rank < 0) throw reader.error(`there is no section ${id}`, start);
    const size = reader.u32();
    const content = reader.at;
    if (size > bytes.length - content)
      throw reader.error(`section ${names[id]} has ${size} bytes, of which ${bytes.length - content} are there`, start);
    reader.skip(size);
    if (id === 0) {
      const custom = new ByteReader(bytes, content, reader.at, "a custom section");
      sections.push({ id, name: custom.name(), start, content: custom.at, end: reader.at });
      continue;
    }
    if (rank <= last) throw reader.error(`section ${names[id]} ${rank === last ? "is there twice" : "stands too late"}`, start);
    last = rank;
    sections.push({ id, name: "", start, content, end: reader.at });
  }
  return sections;
}

/** A reader of a section's content. */
export function readerOf(bytes: Uint8Array, section: Section): ByteReader {
  return new ByteReader(
    bytes,
    section.content,
    section.end,
    `section ${names[section.id]}${section.name && ` ${JSON.stringify(section.name)}`}`,
  );
}

/** A custom section with its id and size. */
export function customSection(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const inner = new ByteWriter().name(name).bytes(content).view();
  return new ByteWriter(inner.length + 6).byte(sectionId.custom).sized(inner).take();
}
