/** Comparisons of text, made ready once and run for each request. @module */

import type { TextMatch } from "@mitsu/catalog";
import { RE2JS } from "re2js";
import { normalPath } from "./normal-path.ts";

/** Says whether a text is meant. */
export type TextTest = (text: string) => boolean;

/**
 * Compiles a comparison of a header or a parameter; a regular expression must match all of the text, in linear time.
 *
 * @throws RE2JSSyntaxException for a bad expression; the catalog has refused those.
 */
export function compileText(match: TextMatch): TextTest {
  const value = match.kind === "present" ? "" : match.value;
  if (match.kind === "present") return () => true;
  if (match.kind === "exact") return (text) => text === value;
  if (match.kind === "prefix") return (text) => text.startsWith(value);
  const expression = RE2JS.compile(value);
  return (text) => expression.testExact(text);
}

/**
 * Compiles a comparison of a path in normal form without query: as {@link compileText}, but a prefix ends at a `/`, and paths are compared in
 * their normal form.
 *
 * @throws RE2JSSyntaxException for a bad expression.
 */
export function compilePath(match: TextMatch): TextTest {
  if (match.kind === "exact") return compileText({ kind: "exact", value: writtenPath(match.value) });
  if (match.kind !== "prefix") return compileText(match);
  const prefix = pathPrefix(match.value);
  return (path) => path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f);
}

/** A path of the configuration as requests have it: in normal form, what is not ASCII as escapes of UTF-8. */
export function writtenPath(path: string): string {
  return normalPath(
    path
      .replace(/[^\p{ASCII}]+/gu, encodeURIComponent)
      .replaceAll("?", "%3F")
      .replaceAll("#", "%23"),
  );
}

/** A prefix of the configuration as {@link writtenPath}, without the slash at its end: `/` is "". */
export function pathPrefix(prefix: string): string {
  return writtenPath(prefix).replace(/\/$/, "");
}
