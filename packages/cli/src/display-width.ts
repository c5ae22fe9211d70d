/** How many cells of a terminal a text takes. @module */

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** Nothing here is wide, joined or combined: most texts are so, and are as wide as they are long. */
const plain = /^[\x20-\u02ff\u2010-\u25ff]*$/;
/** East Asian wide and fullwidth, and signs that are drawn as pictures. [Unicode UAX #11] */
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\p{Emoji}\ufe0f)/u;

const cellsOf = (grapheme: string): number => (wide.test(grapheme) ? 2 : /^[\p{Mn}\p{Me}\p{Cf}]/u.test(grapheme) ? 0 : 1);

/**
 * Cells that a text without control characters takes on a terminal: two for what is wide, such as 日, none for what combines.
 *
 * @example
 * ```ts
 * displayWidth("n1"); // 2
 * displayWidth("節点"); // 4
 * ```
 */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let cells = 0;
  for (const { segment } of graphemes.segment(text)) cells += cellsOf(segment);
  return cells;
}

/** A text in at most so many cells: what does not fit ends in `…`. */
export function fitted(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let [end, cells] = [0, 0];
  for (const { segment } of graphemes.segment(text)) {
    cells += cellsOf(segment);
    if (cells > width - 1) break;
    end += segment.length;
  }
  return `${text.slice(0, end)}…`;
}
