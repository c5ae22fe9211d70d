/** The host of an authority. @module */

/**
 * In lower case, without port and without the dot that ends an absolute name; an IPv6 address keeps its brackets.
 *
 * @example
 * ```ts
 * hostName("Shop.Example.:8080"); // "shop.example"
 * ```
 */
export function hostName(authority: string): string {
  const end = authority.charCodeAt(0) === 0x5b ? authority.indexOf("]") + 1 : authority.indexOf(":");
  const host = (end > 0 ? authority.slice(0, end) : authority).toLowerCase();
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
