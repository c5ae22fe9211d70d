/** The target of an HTTP request, in any of its four forms, taken apart. Source: RFC 9112 §3.2. @module */

/** What a target says. */
export interface RequestTarget {
  /** `host:port` of the absolute and the authority form, without credentials; undefined in the others. */
  readonly authority: string | undefined;
  /** Begins with `/`; `*` in the asterisk form, empty in the authority form. */
  readonly path: string;
  /** Without `?`; undefined when there is none. */
  readonly query: string | undefined;
  /** `http` unless the absolute form says otherwise. */
  readonly scheme: string;
  /** The absolute form had a user name or password; they are not kept. */
  readonly credentials: boolean;
}

const absolute = /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#@]*)@)?([^/?#]*)(.*)$/i;

/**
 * Takes a target apart; never fails, whatever a client sent.
 *
 * @param method `CONNECT` is what tells the authority form.
 * @example
 * ```ts
 * parseTarget("GET", "/cart?item=3#top"); // { path: "/cart", query: "item=3", … }
 * ```
 */
export function parseTarget(method: string, target: string): RequestTarget {
  if (method === "CONNECT") return { authority: target, path: "", query: undefined, scheme: "http", credentials: false };
  const parts = target.startsWith("/") ? null : absolute.exec(target);
  const rest = withoutFragment(parts ? parts[4]! : target);
  const mark = rest.indexOf("?");
  return {
    authority: parts?.[3],
    path: (mark < 0 ? rest : rest.slice(0, mark)) || "/",
    query: mark < 0 ? undefined : rest.slice(mark + 1),
    scheme: parts ? parts[1]!.toLowerCase() : "http",
    credentials: parts?.[2] !== undefined,
  };
}

/** No client should send one, and some do. */
function withoutFragment(text: string): string {
  const hash = text.indexOf("#");
  return hash < 0 ? text : text.slice(0, hash);
}
