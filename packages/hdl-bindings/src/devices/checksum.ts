/** The Internet checksum by rtl/internet_checksum.sv, behind the same interface as in software. @module */
import { type Checksum, type ChecksumSpec, checksum, cycleCost, type Provider, ProviderDevice } from "@mitsu/hal";
import { InternetChecksum } from "../../models/internet_checksum.ts";
import { type PacketDeviceOptions, packetBeats, packetClockMhz, packetSender } from "./checksum-stream.ts";

/** What the software device states its cost for. */
const usualBytes = 64;

/**
 * The module as a provider. It keeps nothing between packets, so any number of pieces of work share it; the model is reset.
 * What it costs is what it keeps the module busy, a cycle for each 8 bytes: packets go back to back, each sum 3 cycles after its last beat.
 *
 * @param failed Called when the model ended or hung: it is not asked again.
 */
export function checksumProvider(
  model: InternetChecksum,
  { name = "rtl-checksum", clockMhz = packetClockMhz, failed }: PacketDeviceOptions & { readonly failed?: (error: unknown) => void } = {},
): Provider<ChecksumSpec, Checksum, null> {
  if (!(clockMhz > 0)) throw new RangeError(`a clock is more than 0 MHz, not ${clockMhz}`);
  const send = packetSender(model, name, failed);
  let sums = 0;
  return {
    capability: checksum,
    entries: Number.POSITIVE_INFINITY,
    cost: () => cycleCost(packetBeats(usualBytes), clockMhz),
    refuses: ({ algorithm }) => (algorithm === "internet" ? undefined : `sums by internet only, not ${algorithm}`),
    open: () => ({
      operations: {
        sum(input) {
          const result = send(input);
          sums++;
          return result;
        },
      },
      export: () => null,
    }),
    counters: () => ({ sums }),
  };
}

/**
 * A device over a model that nothing else uses; gone when the model fails.
 *
 * @example
 * ```ts
 * const { operations } = checksumDevice(await InternetChecksum.open()).install({ capability: checksum, spec: { algorithm: "internet" } });
 * operations.sum(header); // 0 for one that is whole
 * ```
 */
export function checksumDevice(model: InternetChecksum, options: PacketDeviceOptions = {}): ProviderDevice {
  const { name = "rtl-checksum" } = options;
  const device = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    checksumProvider(model, { ...options, failed: () => device.setGone(true) }),
  ]);
  return device;
}

/** Opens the model and makes a device of it. @throws {MitsuError} `ERR_HDL_MODEL` where the model is not built. */
export async function openChecksumDevice(options: PacketDeviceOptions = {}): Promise<ProviderDevice> {
  return checksumDevice(await InternetChecksum.open(), options);
}
