/** A status as the daemon answers. @module */
import type { PlacerStatus } from "@mitsu/ipc";

/** One that proposes a plan. */
export const proposing: PlacerStatus = {
  version: "0.1.0",
  pid: 7,
  startedAtMs: 0,
  degraded: [],
  problem: { file: "/etc/mitsu/placement.yaml", nodes: 2, services: 3, replicas: 4 },
  sources: [
    {
      socket: "/run/mitsu/sockhijack.sock",
      state: "up",
      readings: 700,
      resets: 1,
      lastReadMs: 3_718_000,
      coverage: 0.998,
      lastError: null,
    },
  ],
  warm: true,
  estimateAgeMs: 2000,
  edges: 1,
  messagesPerSecond: 899.6,
  bytesPerSecond: 2048,
  unknown: [],
  objective: { present: 0.95, plan: 0.01, proposal: 0.02 },
  gain: 0.94,
  proposalGain: 0.93,
  state: "proposed",
  sinceMs: 3_660_000,
  planning: false,
  plans: 2,
  planFailures: 0,
  planningSeconds: 30.04,
  proposed: 1,
  replaced: 0,
  withdrawn: 0,
};
