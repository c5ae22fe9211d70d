/** Routes by exact path, in a form that keeps "the first that matches". @module */
import type { RequestHead } from "../message-head.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import { writtenPath } from "./text-matcher.ts";

/**
 * For each path that some route names exactly: all routes that match this path, in order, so that only their other conditions are left to ask.
 * For all other paths: the routes that name none exactly.
 */
export class RouteIndex {
  readonly #byPath = new Map<string, CompiledRoute[]>();
  readonly #others: readonly CompiledRoute[];

  /** @param routes In order. */
  constructor(routes: readonly CompiledRoute[]) {
    const exact = routes.flatMap(({ matcher: { match } }) => (match.path?.kind === "exact" ? [writtenPath(match.path.value)] : []));
    for (const path of new Set(exact))
      this.#byPath.set(
        path,
        routes.filter(({ matcher }) => matcher.path(path)),
      );
    this.#others = routes.filter(({ matcher: { match } }) => match.path?.kind !== "exact");
  }

  /**
   * The first that matches.
   *
   * @param path In normal form, without query.
   * @param host Null when the routes are known to match it.
   */
  find(path: string, host: string | null, request: RequestHead, port: number): CompiledRoute | null {
    const known = this.#byPath.get(path);
    for (const compiled of known ?? this.#others) {
      const { matcher } = compiled;
      if (matcher.matchesAll) return compiled;
      if (host !== null && !matcher.host(host)) continue;
      if (known === undefined && !matcher.path(path)) continue;
      if (matcher.rest(request, port)) return compiled;
    }
    return null;
  }
}
