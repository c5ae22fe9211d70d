/** The hash of receive side scaling by rtl/toeplitz.sv, behind the same interface as in software. @module */
import { cycleCost, type Hash, type HashSpec, hash, type Provider, ProviderDevice } from "@mitsu/hal";
import { Toeplitz } from "../../models/toeplitz.ts";
import { type PacketDeviceOptions, packetBeats, packetClockMhz, packetSender } from "./checksum-stream.ts";

/** The key port of the model that is checked in, in bytes: that of receive side scaling. */
const keyBytes = 40;
/** Two IPv4 addresses and ports: what most packets are hashed by. */
const usualBytes = 12;

/**
 * The module as a provider. It has one key, so there is one piece of work at a time; the model is reset.
 * What it costs is what it keeps the module busy, a cycle for each 8 bytes: inputs go back to back, each hash 2 cycles after its last beat.
 *
 * @param failed Called when the model ended or hung: it is not asked again.
 */
export function hashProvider(
  model: Toeplitz,
  { name = "rtl-toeplitz", clockMhz = packetClockMhz, failed }: PacketDeviceOptions & { readonly failed?: (error: unknown) => void } = {},
): Provider<HashSpec, Hash, null> {
  if (!(clockMhz > 0)) throw new RangeError(`a clock is more than 0 MHz, not ${clockMhz}`);
  const send = packetSender(model, name, failed);
  let hashes = 0;
  /** Whose key the port has. */
  let loaded: Uint32Array | undefined;
  return {
    capability: hash,
    entries: 1,
    limits: { keyBytes },
    cost: () => cycleCost(packetBeats(usualBytes), clockMhz),
    refuses: ({ key }) => (key.length > keyBytes ? `a key has ${keyBytes} bytes at most, not ${key.length}` : undefined),
    open({ key }) {
      // A shorter key is followed by zeros, which no input that it allows reaches.
      const padded = new Uint32Array(keyBytes / 4);
      new Uint8Array(padded.buffer).set(key);
      const most = key.length - 4;
      return {
        operations: {
          hash(input) {
            if (input.length > most) throw new RangeError(`${input.length} bytes are too many: the key is for ${most}`);
            if (loaded !== padded) model.key = padded;
            loaded = padded;
            const result = send(input);
            hashes++;
            return result;
          },
        },
        export: () => null,
      };
    },
    counters: () => ({ hashes }),
  };
}

/**
 * A device over a model that nothing else uses; gone when the model fails.
 *
 * @example
 * ```ts
 * const { operations } = hashDevice(await Toeplitz.open()).install({ capability: hash, spec: { algorithm: "toeplitz", key } });
 * operations.hash(addressesAndPorts);
 * ```
 */
export function hashDevice(model: Toeplitz, options: PacketDeviceOptions = {}): ProviderDevice {
  const { name = "rtl-toeplitz" } = options;
  const device = new ProviderDevice({ name, kind: "hardware", version: "1" }, [
    hashProvider(model, { ...options, failed: () => device.setGone(true) }),
  ]);
  return device;
}

/** Opens the model and makes a device of it. @throws {MitsuError} `ERR_HDL_MODEL` where the model is not built. */
export async function openHashDevice(options: PacketDeviceOptions = {}): Promise<ProviderDevice> {
  return hashDevice(await Toeplitz.open(), options);
}
