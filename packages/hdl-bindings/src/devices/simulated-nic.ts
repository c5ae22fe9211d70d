/** All of the NIC's hardware as one device: each RTL model does one capability. @module */
import { MessageNetwork, ProviderDevice } from "@mitsu/hal";
import { AsyncMesh } from "../../models/async_mesh.ts";
import { InternetChecksum } from "../../models/internet_checksum.ts";
import { MatchTable } from "../../models/match_table.ts";
import { Toeplitz } from "../../models/toeplitz.ts";
import { TopicMatcher } from "../../models/topic_matcher.ts";
import { asyncMessageProvider } from "./async-message.ts";
import { checksumProvider } from "./checksum.ts";
import { hashProvider } from "./hash.ts";
import { matchActionProvider } from "./match-action.ts";
import { topicMatchProvider } from "./topic-match.ts";

/** How it is opened. */
export interface SimulatedNicOptions {
  /** Among the devices of a placement; `simulated-nic` unless told. */
  readonly name?: string;
  /** The clock that costs are stated at, in MHz. 100 unless told: an assumption, at which no whole NIC was placed and routed. */
  readonly clockMhz?: number;
  /** Which engines of other devices its engines reach; none unless told. */
  readonly network?: MessageNetwork;
}

/** The device, with models of its own. */
export interface OpenedSimulatedNic {
  readonly device: ProviderDevice;
  /** Ends the models; the device is gone then, and its work moves if it can. */
  close(): void;
}

/**
 * Opens the models and makes one device of them, with `topic-match`, `async-message`, `match-action`, `hash` and `checksum`.
 * When a model fails, all of it is gone, as a card would be.
 *
 * @throws {MitsuError} `ERR_HDL_MODEL` where a model is not built. @throws {RangeError} For a clock that is none.
 * @example
 * ```ts
 * const { device, close } = await openSimulatedNic();
 * const placement = new Placement([device, softwareMatchAction(), softwareHash(), softwareChecksum()]);
 * ```
 */
export async function openSimulatedNic({
  name = "simulated-nic",
  clockMhz = 100,
  network = new MessageNetwork(),
}: SimulatedNicOptions = {}): Promise<OpenedSimulatedNic> {
  const [topics, mesh, table, toeplitz, sums] = await Promise.all([
    TopicMatcher.open(),
    AsyncMesh.open(),
    MatchTable.open(),
    Toeplitz.open(),
    InternetChecksum.open(),
  ]);
  const options = { name, clockMhz, failed: () => device.setGone(true) };
  const device: ProviderDevice = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    topicMatchProvider(topics, options),
    asyncMessageProvider(mesh, { ...options, network }),
    matchActionProvider(table, options),
    hashProvider(toeplitz, options),
    checksumProvider(sums, options),
  ]);
  let open = true;
  return {
    device,
    close() {
      if (!open) return;
      open = false;
      device.setGone(true);
      for (const model of [topics, mesh, table, toeplitz, sums]) model.close();
    },
  };
}
