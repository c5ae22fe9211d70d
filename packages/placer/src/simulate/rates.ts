/** The value of `--rate`. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

const mostRates = 1000;

/**
 * Rates in requests a second, ascending, of `500`, `100,200,400` or `100..1000:100`.
 *
 * @throws {MitsuError} `ERR_RATE`, exit status 2.
 */
export function parseRates(text: string): number[] {
  const wrong = (why: string): MitsuError =>
    new MitsuError(`--rate ${text}: ${why}`, {
      code: "ERR_RATE",
      hint: "write 500, or 100,200,400, or 100..1000:100",
      exit: exitStatus.usage,
    });
  const figure = (part: string): number => {
    const value = /^\s*\d+(\.\d+)?\s*$/.test(part) ? Number(part) : Number.NaN;
    if (!(value > 0)) throw wrong(`"${part.trim()}" is not a rate above 0`);
    return value;
  };
  const range = /^(.*)\.\.(.*?)(?::(.*))?$/.exec(text);
  if (!range) return [...new Set(text.split(",").map(figure))].toSorted((a, b) => a - b);
  const [from, to] = [figure(range[1]!), figure(range[2]!)];
  const step = range[3] === undefined ? (to - from) / 9 || 1 : figure(range[3]);
  if (to < from) throw wrong("it ends before it begins");
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count > mostRates) throw wrong(`that is ${count} rates; ${mostRates} are the most`);
  return Array.from({ length: count }, (_, i) => from + i * step);
}
