/** Routes: the few shapes that the many targets of a service have, such as `/users/{id}`. @module */
import type { Exchange } from "./exchange.ts";
import { parseTarget } from "./request-target.ts";

/** Route of everything past a table's limit, and of targets in no known form. */
export const otherRoute = "{other}";

const identifier = "{id}";
/** Stands for what was cut off: the last segment that was kept may be half of one. */
const cutOff = "{cut}";

const uuid = /^\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;
const number = /^[-+]?\d+(?:[.,]\d+)*$/;
const hexadecimal = /^(?:0x)?(?=[a-f]*\d)[0-9a-f]{8,}$/i;
const version = /^v\d+(?:\.\d+)*(?:(?:alpha|beta|rc)\d*)?$/i;
/** A number between separators: `order-17`, `2024-01-31`, `page_2`. */
const numberInside = /(?:^|[-_.:~=,@+])\d+(?:$|[-_.:~=,@+])/;

/**
 * The route of a request: its path with `{id}` in the place of segments that look like data, without query and fragment. A guess, since
 * the program's own routing table is not known to us.
 *
 * @param cutFrom HTTP/1 targets are cut when they have so many characters together with their method; they are whole unless told.
 * @returns `/…`; `*` for the server itself, `{authority}` for CONNECT, `{other}` for what is no target. A gRPC method is one as it is.
 * @example
 * ```ts
 * routeOf({ protocol: "http/1", method: "GET", target: "/users/17/orders?sort=date" }); // "/users/{id}/orders"
 * ```
 */
export function routeOf(
  { protocol, method, target }: Pick<Exchange, "protocol" | "method" | "target">,
  cutFrom: number = Number.POSITIVE_INFINITY,
): string {
  if (method === "CONNECT") return "{authority}";
  if (target === "") return otherRoute; // it was lost, and is not "/"
  if (protocol === "grpc") return target.startsWith("/") ? target : otherRoute;
  const { path } = parseTarget(method, target);
  if (path === "*") return path;
  if (!path.startsWith("/")) return otherRoute;
  const segments = path.split("/");
  const route = segments.map(withoutParameters).map((segment) => (isData(segment) ? identifier : segment));
  const cut = protocol === "http/1" && method.length + target.length >= cutFrom && !target.includes("?");
  if (cut) route[route.length - 1] = cutOff;
  return route.join("/");
}

/** Would this segment be another one in the next request? */
function isData(segment: string): boolean {
  if (segment.length > 48) return true;
  if (segment.includes("%") || segment.includes("@")) return true; // free text, addresses
  if (number.test(segment)) return true;
  if (version.test(segment)) return false;
  return uuid.test(segment) || numberInside.test(segment) || segment.split(".").some(isKey);
}

/** A part between dots, which by itself may be a version: `shop.v1beta1.Cart`. */
function isKey(part: string): boolean {
  return !version.test(part) && (hexadecimal.test(part) || isToken(part));
}

/** Keys, hashes and base64url mix digits with letters, and often both cases, in a way that words such as `oauth2` or `i18n` do not. */
function isToken(segment: string): boolean {
  let digits = 0;
  let lower = 0;
  let upper = 0;
  let changes = 0;
  let last = 0;
  for (let at = 0; at < segment.length; at++) {
    const code = segment.charCodeAt(at);
    const kind = code >= 48 && code <= 57 ? 1 : code >= 97 && code <= 122 ? 2 : code >= 65 && code <= 90 ? 3 : 0;
    if (kind === 1) digits++;
    else if (kind === 2) lower++;
    else if (kind === 3) upper++;
    // From a digit to a letter or back.
    if (kind !== last && kind !== 0 && last !== 0 && (kind === 1 || last === 1)) changes++;
    if (kind !== 0) last = kind;
  }
  if (digits >= 4) return true;
  if (digits >= 2 && segment.length >= 8) return changes >= 3 || (lower > 0 && upper > 0);
  return segment.length >= 20 && lower > 0 && isScrambled(upper, segment.length);
}

/** Capitals of a long word are rare and begin a part of it; in base64 nearly every second letter is one. */
function isScrambled(capitals: number, length: number): boolean {
  return capitals * 3 > length;
}

/** `/cart;jsessionid=8A7F` is the route `/cart`. */
function withoutParameters(segment: string): string {
  const mark = segment.indexOf(";");
  return mark < 0 ? segment : segment.slice(0, mark);
}

/** Keeps the number of routes of each service bounded: a guess may be wrong, and clients ask for what they like. */
export class RouteNames {
  readonly #limit: number;
  readonly #cutFrom: number | undefined;
  readonly #routes = new Map<string, Set<string>>();

  /** @param options `limit`: routes of one service, 200 unless told; `cutFrom` as {@link routeOf} takes it. */
  constructor({ limit = 200, cutFrom }: { readonly limit?: number; readonly cutFrom?: number } = {}) {
    this.#limit = limit;
    this.#cutFrom = cutFrom;
  }

  /** Route of a request to `service`; `{other}` once the service has as many routes as it may. */
  of(service: string, request: Pick<Exchange, "protocol" | "method" | "target">): string {
    const route = routeOf(request, this.#cutFrom);
    const known = this.#routes.get(service);
    if (known === undefined) this.#routes.set(service, new Set([route]));
    else if (!known.has(route)) {
      if (known.size >= this.#limit) return otherRoute;
      known.add(route);
    }
    return route;
  }
}
