/** Text in SVG and HTML: escaped, measured, and cut where it would run into its neighbour. @module */

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * Text for the content or a quoted attribute of XML and HTML: markup is escaped, what XML has no way to write becomes U+FFFD. [XML 1.0 §2.2]
 *
 * @example
 * ```ts
 * escaped('<b a="1">'); // "&lt;b a=&quot;1&quot;&gt;"
 * ```
 */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\uFFFE\uFFFF\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD")
    .replace(/[&<>"']/g, (mark) => entities[mark]!);
}

/** Width of a character in ems; DejaVu Sans', which is wider than most of what a viewer may have instead. */
function em(character: string): number {
  const code = character.codePointAt(0)!;
  if (code > 0x2e7f) return 1.05;
  if ("ijl.,:;|'!".includes(character)) return 0.34;
  if (" ft()[]-r/\\".includes(character)) return 0.42;
  if ("mwMW@%".includes(character)) return 1;
  return character >= "A" && character <= "Z" ? 0.75 : 0.64;
}

/** How wide text is at most, in pixels, at a font size in pixels. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const character of text) width += em(character);
  return width * size;
}

/**
 * The text, or its beginning and an ellipsis, so that it is no wider than `width` pixels.
 *
 * @example
 * ```ts
 * fitted("user-timeline-service", 80, 12); // "user-timel…"
 * ```
 */
export function fitted(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const ellipsis = textWidth("…", size);
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += em(character) * size;
    if (used + ellipsis > width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Pixels with one decimal. */
export const fixed = (value: number): number => Math.round(value * 10) / 10;

/** A count with its noun: `1 node`, `2 nodes`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
