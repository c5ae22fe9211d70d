/** Links between the nicds of two nodes: HTTP/2 CONNECT streams over one mutual TLS connection for each peer, as HBONE has it. @module */
export { formatConnectTarget, parseConnectTarget } from "./connect-target.ts";
export type { IncomingRequest } from "./incoming-stream.ts";
export { neverSent } from "./link-error.ts";
export { linkLimits } from "./link-limits.ts";
export { LinkPool, type LinkSecurity } from "./link-pool.ts";
export { LinkServer, type LinkServerOptions } from "./link-server.ts";
export type { LinkStatus } from "./link-status.ts";
export type { RefusalReason } from "./refusals.ts";
