/** The port at which another service is asked in a service's place. @module */
import type { PortMapping } from "../catalog.ts";

/**
 * The port of a route's target that stands for a port of the service itself: the TCP port of the same number, else its only TCP port.
 *
 * @param ports Of the target.
 * @returns Undefined when there is none, or when it is not clear which.
 * @example
 * ```ts
 * targetPort(catalog.services[0].ports, 80);
 * ```
 */
export function targetPort(ports: readonly PortMapping[], asked: number): PortMapping | undefined {
  const tcp = ports.filter(({ protocol }) => protocol === "tcp");
  return tcp.find(({ port }) => port === asked) ?? (tcp.length === 1 ? tcp[0] : undefined);
}
