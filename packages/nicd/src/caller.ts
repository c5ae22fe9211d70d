/** Who opened a connection. @module */

/** The client's end, as the kernel or a verified certificate tells it, never as the program says. */
export interface Caller {
  /** Name of its service; empty for a program outside the mesh, or when nobody could tell. */
  readonly service: string;
  /** IPv4 or IPv6 address as text. */
  readonly address: string;
  readonly port: number;
  /** How the service is known: by its cgroup (sockhijack), by a peer node's word over an authenticated link, or not. */
  readonly by: "cgroup" | "link" | "nobody";
}
