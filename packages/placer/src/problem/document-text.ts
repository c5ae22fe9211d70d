/** Reads a file of ours as JSON or YAML, whichever it is, and finds places in it. @module */
import { type CatalogProblem, type Finding, formatPath, locate, readYaml, readYamlDocuments, type YamlText } from "@mitsu/catalog/document";
import { jsonFaults, jsonPlaces, losesKeys } from "./json-text.ts";

/** What became of a text: its plain value when `faults` is empty. */
export interface DocumentText {
  readonly value: unknown;
  readonly faults: readonly CatalogProblem[];
  /** Gives findings their places, at most {@link mostPlaces} of them. */
  readonly locate: (findings: readonly Finding[]) => CatalogProblem[];
}

/** Nobody reads more; each takes a look through the text. */
export const mostPlaces = 1000;

/** YAML takes a second and a half and 150 MB of memory for each megabyte of text, JSON a fraction of both. */
const longestYaml = 16 * 2 ** 20;

/** Reads text of one document; never throws on any. */
export function readDocument(text: string, file: string): DocumentText {
  return readText(text, file, (body) => [yamlDocument(readYaml(body, file))])[0]!;
}

/** Reads text of one document, or several of YAML, at least one; never throws on any. */
export function readDocuments(text: string, file: string): DocumentText[] {
  return readText(text, file, (body) => readYamlDocuments(body, file).map(yamlDocument));
}

function readText(text: string, file: string, yaml: (body: string) => DocumentText[]): DocumentText[] {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  const nul = body.indexOf("\0");
  if (nul >= 0) return [unreadable(body, file, nul, "holds a byte 0, so it is no text; give JSON or YAML")];
  if (body.trim() === "") return [unreadable(body, file, 0, "is empty")];
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    if (looksLikeJson(body, file)) return [jsonDocument(body, file)];
    if (body.length <= longestYaml) return yaml(body);
    return [unreadable(body, file, 0, `is longer than ${longestYaml / 2 ** 20} MiB, too much for YAML; write it as JSON`)];
  }
  if (losesKeys(body, value)) return [jsonDocument(body, file)];
  return [{ value, faults: [], locate: (findings) => locateJson(body, file, findings) }];
}

function looksLikeJson(body: string, file: string): boolean {
  // A flow map of YAML begins so, too; JSON's second word is always a quote.
  return file.endsWith(".json") || /^\s*[{[]\s*(?:\{\s*)?"/.test(body);
}

/** A text that is JSON, or should be, with its faults. */
function jsonDocument(body: string, file: string): DocumentText {
  const faults = jsonFaults(body).map(({ offset, field, message }) => ({ file, ...place(body, offset), field, message }));
  if (faults.length > 0) return { value: undefined, faults, locate: () => [] };
  // JSON.parse found fault where we see none: an escape or a control character in a text.
  return unreadable(body, file, 0, "not valid JSON: a text in it has an escape or a character that JSON does not know");
}

function yamlDocument({ source, value, problems }: YamlText): DocumentText {
  return {
    value,
    faults: problems,
    locate: (findings) => findings.slice(0, mostPlaces).map((finding) => locate(source, finding)),
  };
}

function unreadable(body: string, file: string, offset: number, message: string): DocumentText {
  return { value: undefined, faults: [{ file, ...place(body, offset), field: "", message }], locate: () => [] };
}

function locateJson(body: string, file: string, findings: readonly Finding[]): CatalogProblem[] {
  const some = findings.slice(0, mostPlaces);
  const offsets = jsonPlaces(body, some);
  return some.map(({ path, message }, index) => ({ file, ...place(body, offsets[index]!), field: formatPath(path), message }));
}

function place(text: string, offset: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf("\n"); next >= 0 && next < offset; next = text.indexOf("\n", next + 1)) {
    line++;
    start = next + 1;
  }
  return { line, column: offset - start + 1 };
}
