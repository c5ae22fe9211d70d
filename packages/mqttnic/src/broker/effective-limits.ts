/** Bounds as the broker reckons with them. @module */
import type { BrokerConfig } from "../config/broker-config.ts";

const mostBytes = 2 ** 32 - 1;
const mostMs = 2 ** 31 - 1;
/** What a client may have outstanding when it is told nothing. [MQTT 5.0 §3.2.2.3.3] */
const mostReceive = 65_535;

/** The configuration with a number in the place of each 0 that stands for no bound and would be one where it is compared. */
export function withEffectiveLimits(config: BrokerConfig): BrokerConfig {
  const { limits } = config;
  return {
    ...config,
    limits: {
      ...limits,
      receiveMaximum: limits.receiveMaximum || mostReceive,
      waitingBytes: limits.waitingBytes || mostBytes,
      waitingBytesDisconnect: limits.waitingBytesDisconnect || mostBytes,
      connectWithinMs: limits.connectWithinMs || mostMs,
    },
  };
}
