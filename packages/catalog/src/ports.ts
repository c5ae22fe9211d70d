/** Ports of services and replicas: from the file's short forms to full mappings. @module */
import type { PortMapping } from "./catalog.ts";
import type { PortEntry } from "./entries.ts";
import { portShorthand } from "./schema.ts";

/**
 * Writes a port out in full.
 *
 * @param entry Already checked by the schema.
 * @example
 * ```ts
 * portMapping("80:8080"); // { port: 80, target: 8080, protocol: "tcp" }
 * ```
 */
export function portMapping(entry: PortEntry): PortMapping {
  if (typeof entry === "number") return { port: entry, target: entry, protocol: "tcp" };
  if (typeof entry === "object") return { port: entry.port, target: entry.target ?? entry.port, protocol: entry.protocol ?? "tcp" };
  const [, port, target = port, protocol] = portShorthand.exec(entry)!;
  return { port: Number(port), target: Number(target), protocol: protocol === "udp" ? "udp" : "tcp" };
}

/** Writes a mapping in its shortest form: `80`, `80:8080` or `53/udp`. */
export function formatPort({ port, target, protocol }: PortMapping): string {
  return `${port}${target === port ? "" : `:${target}`}${protocol === "tcp" ? "" : `/${protocol}`}`;
}
