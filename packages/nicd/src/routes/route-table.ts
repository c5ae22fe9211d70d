/** Chooses the route of a request. @module */
import type { RequestHead } from "../message-head.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import { hostName } from "./host-name.ts";
import { judgedPath } from "./judged-path.ts";
import { RouteIndex } from "./route-index.ts";

/** The routes of one service; the first that matches decides. */
export class RouteTable {
  /** In the file's order. */
  readonly routes: readonly CompiledRoute[];
  /** The first route, when it matches all: then nobody looks at the head. */
  readonly #only: CompiledRoute | null;
  readonly #readsHost: boolean;
  readonly #readsPath: boolean;
  /** For each host that some route names exactly: all routes that match it. */
  readonly #byHost = new Map<string, RouteIndex>();
  readonly #otherHosts: RouteIndex;

  constructor(routes: readonly CompiledRoute[]) {
    this.routes = routes;
    this.#only = routes[0]?.matcher.matchesAll ? routes[0] : null;
    this.#readsHost = routes.some(({ matcher }) => matcher.readsHost);
    this.#readsPath = routes.some(({ matcher }) => matcher.readsPath);
    const named = routes.flatMap(({ matcher: { readsHost, match } }) =>
      readsHost ? match.hosts.filter((host) => !host.startsWith("*")) : [],
    );
    for (const host of new Set(named)) this.#byHost.set(host, new RouteIndex(routes.filter(({ matcher }) => matcher.host(host))));
    this.#otherHosts = new RouteIndex(routes);
  }

  /**
   * The route of a request; null when none matches. When some route looks at paths, `request.path` is in normal form afterwards, so that what was
   * judged is what is sent on.
   *
   * @param port At the virtual address.
   */
  find(request: RequestHead, port: number): CompiledRoute | null {
    if (this.#only !== null) return this.#only;
    const path = this.#readsPath ? judgedPath(request) : "";
    if (!this.#readsHost) return this.#otherHosts.find(path, null, request, port);
    const host = hostName(request.authority);
    const index = this.#byHost.get(host);
    return index === undefined ? this.#otherHosts.find(path, host, request, port) : index.find(path, null, request, port);
  }

  /**
   * The route of a connection that is carried as bytes: the first that asks for nothing but a host and a port. Null when there is none.
   *
   * @param serverName What a TLS client names (SNI); empty for none, and then no route with hosts matches.
   */
  findForConnection(serverName: string, port: number): CompiledRoute | null {
    const host = hostName(serverName);
    return this.routes.find(({ matcher }) => matcher.connection(host, port)) ?? null;
  }
}
