/** Names of systemd's units and slices. [systemd.unit(5), "String escaping for inclusion in unit names"] @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** What may stand in a unit's name. [systemd, src/basic/unit-name.c] */
const valid = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

const hex = (text: string): string => [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

/**
 * Escapes as `systemd-escape` does: `a-b/c` is `a\x2db-c`.
 */
export function escapeUnit(text: string): string {
  return text.replaceAll(/^\.|[^A-Za-z0-9:_./]/gsu, hex).replaceAll("/", "-");
}

/**
 * The slice of an application, below `mitsu.slice`. A dash would put it below another slice, so it is escaped. [systemd.slice(5)]
 *
 * @example
 * ```ts
 * sliceName("web-shop"); // mitsu-web\x2dshop.slice
 * ```
 */
export function sliceName(application: string): string {
  return `mitsu-${escapeUnit(application)}.slice`;
}

/**
 * The unit of a replica, by a pattern with `{replica}`, `{service}` and `{index}`; what a unit's name cannot hold is escaped, dashes stay.
 *
 * @throws {MitsuError} `ERR_USAGE` when the pattern does not make a service's name
 * @example
 * ```ts
 * unitName("{service}@{index}.service", { replica: "web-0", service: "web", index: 0 }); // web@0.service
 * ```
 */
export function unitName(pattern: string, parts: { readonly replica: string; readonly service: string; readonly index: number }): string {
  const fill = (_: string, key: "replica" | "service" | "index"): string => `${parts[key]}`.replaceAll(/[^A-Za-z0-9:_.\\-]/gsu, hex);
  const name = pattern.replaceAll(/\{(replica|service|index)\}/g, fill);
  if (valid.test(name) && name.endsWith(".service") && name.length > ".service".length && !name.startsWith(".")) return name;
  throw new MitsuError(`--unit ${pattern}: "${name}" is not the name of a service unit`, {
    code: "ERR_USAGE",
    hint: "such as {replica}.service or {service}@{index}.service",
    exit: exitStatus.usage,
  });
}
