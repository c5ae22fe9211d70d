/** What status shows of the connection to the broker. @module */
import type { ReplicadBroker } from "@mitsu/ipc";
import type { MqttBus } from "./mqtt-bus.ts";
import type { NodeTable } from "./node-table.ts";
import type { Publisher } from "./publisher.ts";

/** Whose counters are shown. */
export interface BrokerParts {
  /** Null without a broker. */
  readonly bus: MqttBus | null;
  readonly publisher: Publisher;
  readonly table: NodeTable;
  /** Refused overrides by reason, shown as `override-<reason>`. */
  readonly overrides: { readonly refused: ReadonlyMap<string, number> };
}

/** The counters of all that speaks with the broker. */
export function brokerView({ bus, publisher, table, overrides }: BrokerParts): ReplicadBroker {
  const refused: Record<string, number> = Object.fromEntries(table.refused);
  for (const [reason, count] of overrides.refused) refused[`override-${reason}`] = count;
  if (bus !== null && bus.oversized > 0) refused["too-large"] = (refused["too-large"] ?? 0) + bus.oversized;
  if (bus !== null && bus.strangers > 0) refused["other-topic"] = bus.strangers;
  return {
    url: bus?.url ?? null,
    state: bus === null ? "none" : bus.room() === "down" ? "down" : "up",
    connects: bus?.connects ?? 0,
    losses: bus?.losses ?? 0,
    sent: publisher.sent,
    dropped: publisher.dropped,
    unsent: bus === null ? 0 : publisher.unsent,
    received: table.taken,
    refused,
    intervalMs: publisher.intervalMs,
  };
}
