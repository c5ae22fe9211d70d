/** Plain text to mdoc(7): escapes, sentences on lines of their own, macro lines. @module */

/** Longest input line; mandoc's linter asks for 80 at most. */
const lineBytes = 78;

/** Text between macros: backslashes and characters beyond ASCII are escaped, nothing else is special there. */
export function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll(/[^\0-\x7f]/gu, (character) => `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** Text that is to be typed or pasted: hyphens, quotes, carets and tildes stay what they are in ASCII. */
export function literal(text: string): string {
  return escaped(text)
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}

/** Undoes {@link literal} and {@link guarded}. */
export function unliteral(text: string): string {
  return text
    .replaceAll("\\-", "-")
    .replaceAll("\\(aq", "'")
    .replaceAll("\\(ga", "`")
    .replaceAll("\\(ha", "^")
    .replaceAll("\\(ti", "~")
    .replaceAll("\\&", "")
    .replaceAll("\\e", "\\");
}

/** A line of text that cannot be taken for a macro. */
export function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** An argument of a macro: one word, however many it holds, and never a macro or a delimiter itself. */
export function argument(text: string): string {
  const plain = escaped(text);
  const safe = /^([A-Z][a-z]|[.,:;()[\]?!|])$/.test(plain) ? `\\&${plain}` : plain;
  return safe.includes(" ") ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** `a phrase` → `A phrase.` */
export function sentence(phrase: string): string {
  const text = phrase.trim();
  return `${text[0]!.toUpperCase()}${text.slice(1)}${/[.!?:]$/.test(text) ? "" : "."}`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && line.length + 1 + word.length > lineBytes) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return line ? [...lines, line] : lines;
}

/**
 * Running text: each sentence begins a line, and `code` becomes `.Ql code` with the punctuation behind it.
 *
 * @example
 * ```ts
 * prose("See `a`. Then go."); // "See\n.Ql a .\nThen go."
 * ```
 */
export function prose(text: string): string {
  const lines: string[] = [];
  text.split("`").forEach((part, index, parts) => {
    if (index % 2 === 1) {
      const punctuation = /^[.,:;)]*/.exec(parts[index + 1] ?? "")![0];
      lines.push([".Ql", argument(part), ...punctuation].join(" "));
      return;
    }
    const rest = index > 0 ? part.replace(/^[.,:;)]+/, "") : part;
    for (const one of rest.split(/(?<=[.!?])\s+(?=[A-Z])/)) lines.push(...wrap(escaped(one)).map(guarded));
  });
  return lines.join("\n");
}

/** A tagged list; each item is the arguments of `.It` and its body. A compact one has no space between items, and stands indented. */
export function tagged(items: readonly (readonly [string, string])[], width = "Ds", compact = false): string {
  const head = `.Bl -tag -width ${width}${compact ? " -offset indent -compact" : ""}`;
  return [head, ...items.map(([term, body]) => `.It ${term}\n${body}`), ".El"].join("\n");
}
