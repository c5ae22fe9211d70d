/** Match-action tables that differ in room, kind and cost, for tests of placements. @module */
import type { Device } from "../../src/device.ts";
import { ProviderDevice } from "../../src/provider-device.ts";
import { matchActionProvider } from "../../src/software/match-action.ts";

/** A table that is hardware unless told, with 8 rows at 20 ns. */
export function tableDevice(
  name: string,
  { entries = 8, ns = 20, kind = "hardware" }: { entries?: number; ns?: number; kind?: Device["identity"]["kind"] } = {},
): ProviderDevice {
  return new ProviderDevice({ name, kind, version: "0" }, [{ ...matchActionProvider(entries), cost: () => ({ ns }) }]);
}
