/** Two texts as lines taken out and put in, with a little around them. @module */

/** Lines shown around a change. */
const around = 3;
/** Above so many pairs of lines, the middle is shown as replaced whole: longest common subsequences take their product. */
const mostPairs = 4_000_000;

type Line = { readonly sign: " " | "+" | "-"; readonly text: string };

/**
 * Compares two texts; null is no file. Common lines further than three from a change are left out.
 *
 * @example
 * ```ts
 * fileDiff("a\nb\n", "a\nc\n"); // [" a", "-b", "+c"]
 * ```
 */
export function fileDiff(before: string | null, after: string | null): readonly string[] {
  const lines = compare(split(before), split(after));
  const near = new Set<number>();
  for (const [at, { sign }] of lines.entries()) if (sign !== " ") for (let k = at - around; k <= at + around; k++) near.add(k);
  const shown: string[] = [];
  let gap = false;
  for (const [at, { sign, text }] of lines.entries()) {
    if (near.has(at)) {
      if (gap) shown.push("…");
      shown.push(`${sign}${text}`);
    }
    gap = !near.has(at) && shown.length > 0;
  }
  return shown;
}

const split = (text: string | null): readonly string[] => (text === null || text === "" ? [] : text.replace(/\n$/, "").split("\n"));

function compare(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (text: string): Line => ({ sign: " ", text });
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Line[] {
  const out = (text: string): Line => ({ sign: "-", text });
  const put = (text: string): Line => ({ sign: "+", text });
  if (a.length * b.length > mostPairs) return [...a.map(out), ...b.map(put)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i]! });
      i++;
      j++;
    } else if (j === b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) lines.push(out(a[i++]!));
    else lines.push(put(b[j++]!));
  }
  return lines;
}
