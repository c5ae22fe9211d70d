/** What of a request keeps it with one replica. @module */
import type { StickyKey } from "@mitsu/catalog";
import type { MessageHead } from "../message-head.ts";

/**
 * The text that a policy's key stands for; null when the request has none, and then any replica may have it.
 *
 * @param head Null for a connection that is no HTTP/1, which has its source only.
 * @param source The client's address.
 */
export function stickyKeyOf(key: StickyKey, head: Pick<MessageHead, "get" | "all"> | null, source: string): string | null {
  switch (key.by) {
    case "source":
      return source;
    case "header":
      return head?.get(key.name) || null;
    case "cookie":
      for (const line of head?.all("cookie") ?? []) {
        const value = cookieIn(line, key.name);
        if (value !== "") return value;
      }
      return null;
  }
}

/** The value of the first cookie of that name, without its quotes; empty for none. RFC 6265 §4.2.1. */
function cookieIn(line: string, name: string): string {
  for (const pair of line.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name)
      return pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, "$1");
  }
  return "";
}
