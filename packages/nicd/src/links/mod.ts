/** Links between the nicds of two nodes: HTTP/2 CONNECT streams over one mutual TLS connection for each peer, as HBONE has it. @module */
export type { PeerAddress } from "./client-link.ts";
export { type ConnectTarget, formatConnectTarget, parseConnectTarget } from "./connect-target.ts";
export type { IncomingRequest } from "./incoming-stream.ts";
export { type LinkClock, machineClock } from "./link-clock.ts";
export { type LinkErrorCode, linkErrorCode, neverSent } from "./link-error.ts";
export { type LinkLimits, linkLimits } from "./link-limits.ts";
export { LinkPool, type LinkPoolOptions, type LinkSecurity } from "./link-pool.ts";
export { LinkServer, type LinkServerOptions } from "./link-server.ts";
export type { LinkStatus } from "./link-status.ts";
export { type RefusalReason, refusalReasons } from "./refusals.ts";
