/** Which requests a route or a rule is about, made ready once and asked for each request. @module */
import type { RequestMatch } from "@mitsu/catalog";
import type { RequestHead } from "../message-head.ts";
import { FieldMatcher, type Reading } from "./field-matcher.ts";
import { loosePath } from "./loose-path.ts";
import { queryValues } from "./query-values.ts";
import { compilePath, type TextTest } from "./text-matcher.ts";

/** The parts of a {@link RequestMatch}; all of them must hold, so that an index may ask for those that it has not settled. */
export class RequestMatcher {
  readonly match: RequestMatch;
  readonly readsHost: boolean;
  readonly readsPath: boolean;
  /** No request can fail it. */
  readonly matchesAll: boolean;
  readonly #reading: Reading;
  readonly #hosts: ReadonlySet<string>;
  /** `.example.com` for `*.example.com`. */
  readonly #suffixes: readonly string[];
  readonly #path: TextTest | null;
  readonly #headers: readonly FieldMatcher[];
  readonly #query: readonly FieldMatcher[];

  constructor(match: RequestMatch, reading: Reading) {
    this.match = match;
    this.#reading = reading;
    this.#hosts = new Set(match.hosts);
    this.#suffixes = match.hosts.filter((host) => host.startsWith("*.")).map((host) => host.slice(1));
    this.#path = match.path === null || match.path.kind === "present" ? null : compilePath(match.path);
    this.#headers = match.headers.map((field) => new FieldMatcher(field, reading));
    this.#query = match.query.map((field) => new FieldMatcher(field, reading));
    this.readsHost = match.hosts.length > 0 && !this.#hosts.has("*");
    this.readsPath = this.#path !== null;
    const rest = [match.methods, match.headers, match.query, match.ports];
    this.matchesAll = !this.readsHost && !this.readsPath && rest.every(({ length }) => length === 0);
  }

  /** @param host As `hostName` gives it. */
  host(host: string): boolean {
    if (!this.readsHost || this.#hosts.has(host)) return true;
    for (const suffix of this.#suffixes) if (host.length > suffix.length && host.endsWith(suffix)) return true;
    return false;
  }

  /** Of a connection whose requests nobody sees: it matches when it asks for none of their parts. @param host As `hostName` gives it; empty for none. */
  connection(host: string, port: number): boolean {
    const { ports, methods, headers, query } = this.match;
    if (this.readsPath || methods.length + headers.length + query.length > 0) return false;
    return (ports.length === 0 || ports.includes(port)) && this.host(host);
  }

  /** @param path In normal form, without query. */
  path(path: string): boolean {
    const test = this.#path;
    if (test === null) return true;
    if (this.#reading === "plain") return test(path);
    const loose = loosePath(path);
    if (loose === path) return test(path);
    return this.#reading === "some" ? test(path) || test(loose) : test(path) && test(loose);
  }

  /** Everything but host and path. @param port At the virtual address. */
  rest(request: RequestHead, port: number): boolean {
    const { methods, ports } = this.match;
    if (ports.length > 0 && !ports.includes(port)) return false;
    if (methods.length > 0 && !methods.includes(request.method)) return false;
    for (const field of this.#headers) if (!field.holds(request.all(field.name))) return false;
    for (const field of this.#query) if (!field.holds(queryValues(request.path, field.name))) return false;
    return true;
  }
}
