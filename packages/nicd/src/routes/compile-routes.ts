/** From the routes of `mesh.yaml` to a table that requests are run by. @module */
import type { Route, Traffic } from "@mitsu/catalog";
import { buildChain, type ChainParts } from "../filters/build-chain.ts";
import { TokenBucket } from "../filters/token-bucket.ts";
import { CompiledRoute } from "./compiled-route.ts";
import { RequestMatcher } from "./request-matcher.ts";
import { RouteTable } from "./route-table.ts";

/**
 * Compiles one service's routes.
 *
 * @param service Its name.
 * @param previous The table in use until now: rate limits that did not change go on where they are.
 * @throws RE2JSSyntaxException for a bad regular expression; the catalog has refused those.
 */
export function compileRoutes(
  service: string,
  traffic: Pick<Traffic, "routes">,
  parts: ChainParts,
  previous: RouteTable | null = null,
): RouteTable {
  const before = new Map(previous?.routes.map((compiled) => [compiled.route.name, compiled.bucket]));
  return new RouteTable(
    traffic.routes.map((route) => {
      const bucket = bucketOf(route, parts.workers, before.get(route.name) ?? null);
      return new CompiledRoute(service, route, new RequestMatcher(route.match, "plain"), bucket, buildChain(service, route, bucket, parts));
    }),
  );
}

function bucketOf({ rateLimit }: Route, workers: number, before: TokenBucket | null): TokenBucket | null {
  if (rateLimit === null) return null;
  return before?.isOf(rateLimit, workers) ? before : new TokenBucket(rateLimit, workers);
}
