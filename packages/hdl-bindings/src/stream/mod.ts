/** Streams of beats through a model, and what checks them. @module */
export { cyclesAgree, type StreamAgreement, streamsAgree } from "./agreement.ts";
export { always, everyPattern, type Pattern, randomPattern } from "./pattern.ts";
export type { Streamed, StreamOptions, StreamPorts } from "./pump.ts";
export { Scoreboard } from "./scoreboard.ts";
