/** Parameters of a query. @module */
import { unescape as percentDecode } from "node:querystring";

/**
 * The values of one parameter in order, names and values percent-decoded; a `+` is a `+`, as in Envoy. A parameter without `=` has the value "".
 * Never throws: what is no UTF-8 after decoding has replacement characters.
 *
 * @param path With its query.
 * @example
 * ```ts
 * queryValues("/find?q=a%20b&q=c", "q"); // ["a b", "c"]
 * ```
 */
export function queryValues(path: string, name: string): string[] {
  const mark = path.indexOf("?");
  if (mark < 0) return [];
  const values: string[] = [];
  for (const pair of path.slice(mark + 1).split("&")) {
    const equals = pair.indexOf("=");
    if (pair === "" || decoded(equals < 0 ? pair : pair.slice(0, equals)) !== name) continue;
    values.push(equals < 0 ? "" : decoded(pair.slice(equals + 1)));
  }
  return values;
}

function decoded(text: string): string {
  return text.includes("%") ? percentDecode(text) : text;
}
