/** New paths for old ones. @module */
import type { PathRewrite, TextMatch } from "@mitsu/catalog";
import { pathPrefix } from "../routes/text-matcher.ts";

/**
 * The path with what a rewrite puts in the place of all of it, or of the prefix that the route matched; the query stays. Where the route matched no
 * prefix, a prefix is put before the path. No double slash comes of it. Source: Gateway API, HTTPPathModifier.
 *
 * @param path With query; in normal form when the match has a prefix.
 * @example
 * ```ts
 * rewrittenPath({ kind: "prefix", value: "/v2/" }, { kind: "prefix", value: "/api" }, "/api/users?id=1"); // "/v2/users?id=1"
 * ```
 */
export function rewrittenPath(rewrite: PathRewrite, match: TextMatch | null, path: string): string {
  const mark = path.indexOf("?");
  const [plain, query] = mark < 0 ? [path, ""] : [path.slice(0, mark), path.slice(mark)];
  if (rewrite.kind === "full") return rewrite.value + query;
  const rest = plain.slice(match?.kind === "prefix" ? pathPrefix(match.value).length : 0);
  if (rest === "") return (rewrite.value === "" ? "/" : rewrite.value) + query;
  return rewrite.value.replace(/\/$/, "") + rest + query;
}
