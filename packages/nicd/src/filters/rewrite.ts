/** Changes what a request asks for before it goes on. @module */
import type { Route } from "@mitsu/catalog";
import { type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";
import { rewrittenPath } from "./rewritten-path.ts";

/** Host and path of a route's `rewrite`. */
export class Rewrite implements Filter {
  readonly name = "rewrite";
  readonly #route: Pick<Route, "rewrite" | "match">;

  constructor(route: Pick<Route, "rewrite" | "match">) {
    this.#route = route;
  }

  onRequestHead({ request }: LiveExchange): Verdict {
    const { rewrite, match } = this.#route;
    if (rewrite.host !== null) request.authority = rewrite.host;
    // `OPTIONS *` and CONNECT have no path.
    if (rewrite.path !== null && request.path.startsWith("/")) request.path = rewrittenPath(rewrite.path, match.path, request.path);
    return verdict.continue;
  }
}
