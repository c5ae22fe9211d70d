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
 * The text, or so much of its beginning that it is no wider than `width` pixels with an ellipsis behind it.
 *
 * @example
 * ```ts
 * fitted("imbalance 3.1 %, fullest n1", 80, 12); // "imbalance …"
 * ```
 */
export function fitted(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  return `${taken([...text], width - textWidth("…", size), size)}…`;
}

/**
 * A name, or its beginning and end around an ellipsis: names of one system differ at the end.
 *
 * @example
 * ```ts
 * fittedName("user-timeline-service-12", 90, 12); // "user-t…ice-12"
 * ```
 */
export function fittedName(name: string, width: number, size: number): string {
  if (textWidth(name, size) <= width) return name;
  const half = (width - textWidth("…", size)) / 2;
  const characters = [...name];
  const end = [...taken(characters.toReversed(), half, size)].toReversed().join("");
  return `${taken(characters, width - textWidth(`…${end}`, size), size)}…${end}`;
}

/** As many of the characters, from the first, as `width` has room for. */
function taken(characters: readonly string[], width: number, size: number): string {
  let kept = "";
  let used = 0;
  for (const character of characters) {
    used += em(character) * size;
    if (used > width) break;
    kept += character;
  }
  return kept;
}

/**
 * Names without what all of them begin and end with, cut at separators: `rack1-n7.example.org`, `rack2-n8.example.org` to `rack1-n7`, `rack2-n8`.
 * A name that would be empty keeps them all as they are.
 */
export function distinctParts(names: readonly string[]): readonly string[] {
  const first = names[0] ?? "";
  let head = first.length;
  let tail = first.length;
  for (const name of names) {
    let same = 0;
    while (same < head && name[same] === first[same]) same++;
    head = same;
    same = 0;
    while (same < tail && name.at(-1 - same) === first.at(-1 - same)) same++;
    tail = same;
  }
  // Back to a separator: what is left begins with a whole word and ends with one.
  while (head > 0 && !/[-._/:]/.test(first[head - 1]!)) head--;
  while (tail > 0 && !/[._/:]/.test(first[first.length - tail]!)) tail--;
  if (names.length < 2 || names.some((name) => name.length <= head + tail)) return names;
  return names.map((name) => name.slice(head, name.length - tail));
}

/** Pixels with one decimal. */
export const fixed = (value: number): number => Math.round(value * 10) / 10;

/** A count with its noun: `1 node`, `2 nodes`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
