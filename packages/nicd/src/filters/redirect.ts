/** Tells the client to ask elsewhere. @module */
import type { RedirectAnswer, TextMatch } from "@mitsu/catalog";
import { flag, type LiveExchange, type Verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";
import { rewrittenPath } from "./rewritten-path.ts";

/** The answer is the route's; no replica is asked. */
export class Redirect implements Filter {
  readonly name = "redirect";
  readonly #answer: RedirectAnswer;
  readonly #match: TextMatch | null;

  /** @param match Of the route's path. */
  constructor(answer: RedirectAnswer, match: TextMatch | null) {
    this.#answer = answer;
    this.#match = match;
  }

  onRequestHead(x: LiveExchange): Verdict {
    const location = redirectLocation(this.#answer, this.#match, x.request.authority, x.request.path);
    return x.respond({ status: this.#answer.status, flag: flag.none, body: "", headers: [["location", location]] });
  }
}

/**
 * Where to look instead: the request's own host, port and path where the answer has none; with a new scheme, that scheme's usual port. nicd sees
 * plain text, so the request's scheme is http. Source: Gateway API, HTTPRequestRedirectFilter.
 */
export function redirectLocation(answer: RedirectAnswer, match: TextMatch | null, authority: string, path: string): string {
  const scheme = answer.scheme ?? "http";
  const portAt = /:\d*$/.exec(authority)?.index ?? authority.length;
  const host = answer.host ?? authority.slice(0, portAt);
  const asked = answer.scheme === null ? Number(authority.slice(portAt + 1)) : 0;
  const port = answer.port ?? asked;
  const usual = port === 0 || port === (scheme === "https" ? 443 : 80);
  const there = answer.path === null ? path : rewrittenPath(answer.path, match, path);
  return `${scheme}://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}${usual ? "" : `:${port}`}${there.startsWith("/") ? there : "/"}`;
}
