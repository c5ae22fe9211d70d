/** A request as rules see it. @module */

/** What is known when its head is whole. */
export interface RuleRequest {
  /** In order, pseudo-headers (`:authority`, `:path`, `:method`) first; names in lower case, values Latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Service that asks; empty when nobody can tell. */
  readonly service: string;
  /** SPIFFE id of the certificate that asks; empty without one. */
  readonly spiffe: string;
  /** Address that asks, as text; empty when nobody can tell. */
  readonly address: string;
  /** Port asked for, at the virtual address. */
  readonly port: number;
}

/** The first header of a name; undefined for none. */
export function headerOf({ headers }: Pick<RuleRequest, "headers">, name: string): string | undefined {
  return headers.find(([one]) => one === name)?.[1];
}

/**
 * A host as it is compared: lower case, without port and the dot of a full name.
 *
 * @example
 * ```ts
 * hostOf("Shop.Example.:8080"); // shop.example
 * ```
 */
export function hostOf(authority: string): string {
  const host = authority.startsWith("[") ? authority.slice(0, authority.indexOf("]") + 1) || authority : authority.replace(/:.*$/s, "");
  return host.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/\.$/, "");
}

/** A path as it is compared: without query and fragment, otherwise byte by byte as it was sent. */
export function pathOf(target: string): string {
  return target.replace(/[?#].*$/s, "");
}

/** The first `steps` steps of a path; undefined when it has fewer. */
export function firstSteps(path: string, steps: number): string | undefined {
  if (!path.startsWith("/")) return undefined;
  let end = 0;
  for (let step = 0; step < steps; step++) {
    if (end < 0 || end >= path.length) return undefined;
    end = path.indexOf("/", end + 1);
    if (end < 0) end = path.length;
  }
  return path.slice(0, end);
}

/** Steps of a prefix: its slashes. */
export function stepsOf(prefix: string): number {
  return prefix.split("/").length - 1;
}

/** The last `labels` labels of a host that has more; undefined otherwise. */
export function lastLabels(host: string, labels: number): string | undefined {
  let start = host.length;
  for (let label = 0; label < labels; label++) {
    if (start <= 0) return undefined;
    start = host.lastIndexOf(".", start - 1);
  }
  return start <= 0 ? undefined : host.slice(start + 1);
}

/** Labels of a wildcard, without the star: 2 of `*.example.com`. */
export function lastLabelsCount(wildcard: string): number {
  return wildcard.split(".").length - 1;
}
