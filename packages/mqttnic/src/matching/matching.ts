/** Matching of the data plane `rtl`: the RTL topic matcher where its model is there, mqttnic's own tree beside it and in its stead. @module */
import type { Log } from "@mitsu/cli";
import { Placement } from "@mitsu/hal";
import type { OpenedTopicMatcher } from "@mitsu/hdl-bindings/devices";
import type { MqttnicMatching } from "@mitsu/ipc";
import { PlacedFilters } from "./placed-filters.ts";
import { treeDevice } from "./tree-device.ts";

/** Matching that devices do. */
export interface Matching<Leaf> {
  readonly filters: PlacedFilters<Leaf>;
  /** What is amiss: matching is not where it was asked for. */
  degraded(): readonly string[];
  status(): MqttnicMatching;
  close(): void;
}

/** How hardware is opened, where it is not the RTL's model. */
export type OpenHardware = () => Promise<OpenedTopicMatcher>;

/**
 * Opens it. Where the model cannot be had all is in software, which the log and status say.
 *
 * @example
 * ```ts
 * const matching = await openMatching<string>(log);
 * matching.filters.add("sport/#", "panel");
 * ```
 */
export async function openMatching<Leaf>(log: Log, open: OpenHardware = openModel): Promise<Matching<Leaf>> {
  let hardware: OpenedTopicMatcher | undefined;
  let missing: string | undefined;
  try {
    hardware = await open();
  } catch (error) {
    missing = error instanceof Error ? error.message : String(error);
    log.warn("the topic matcher is not possible here; topics are matched in software", { error });
  }
  const software = treeDevice();
  const placement = new Placement(hardware ? [hardware.device, software] : [software], {
    notice: (text) => log.warn("topic matching", { text }),
  });
  const filters = new PlacedFilters<Leaf>(placement, hardware?.device.offers()[0]?.entries.most);
  return {
    filters,
    degraded: () => {
      if (missing !== undefined) return [`topics are matched in software: ${missing}`];
      if (filters.device?.kind === "hardware") return [];
      return [`topics are matched in software: ${filters.places.placement.work[0]?.why}`];
    },
    status: () => ({ dataPlane: "rtl", ...filters.places, retained: "software" }),
    close: () => {
      filters.close();
      placement.close();
      hardware?.close();
    },
  };
}

/** Loaded only where it is asked for. */
async function openModel(): Promise<OpenedTopicMatcher> {
  const { openTopicMatcherDevice } = await import("@mitsu/hdl-bindings/devices");
  return openTopicMatcherDevice();
}
