/** Between sockhijack and nicd. @module */
export { Callers, type SentCaller } from "./callers.ts";
export { HostChannel, type HostChannelEffects, type HostChannelOptions } from "./host-channel.ts";
