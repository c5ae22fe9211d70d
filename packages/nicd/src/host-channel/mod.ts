/** Between sockhijack and nicd. @module */
export { Callers, type SentCaller } from "./callers.ts";
export { HostChannel, type HostChannelEffects } from "./host-channel.ts";
