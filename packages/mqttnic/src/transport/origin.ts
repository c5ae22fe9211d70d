/** Where a connection comes from. @module */
import { isIPv4, type Socket } from "node:net";

/** The other end of a connection. */
export interface Origin {
  /** Empty for a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** On this machine. */
  readonly local: boolean;
}

/** The other end of a socket, as the kernel says; undefined when it is gone already. */
export function originOf(socket: Socket, unix: boolean): Origin | undefined {
  if (unix) return { address: "", port: 0, local: true };
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) return undefined;
  const address = plainAddress(remoteAddress);
  return { address, port: socket.remotePort ?? 0, local: isLoopback(address) };
}

/** An IPv4 address as such, where a socket of both families says `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Whether an address never leaves the machine. */
export function isLoopback(address: string): boolean {
  return (address.startsWith("127.") && isIPv4(address)) || address === "::1";
}
