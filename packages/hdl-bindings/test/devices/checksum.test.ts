/** The `checksum` device over internet_checksum.sv. */
import { existsSync } from "node:fs";
import { checksum, Placement, softwareChecksum } from "@mitsu/hal";
import { checksumCase, conformance } from "@mitsu/hal/conformance";
import { InternetChecksum } from "../../models/internet_checksum.ts";
import { checksumDevice, openChecksumDevice } from "../../src/devices/checksum.ts";
import { internetChecksum } from "../../src/twins/internet-checksum.ts";
import { modelTest } from "../rtl-test.ts";

const built = existsSync(new URL("../../models/internet_checksum.wasm", import.meta.url));
const work = { capability: checksum, spec: { algorithm: "internet" } } as const;

if (built) {
  // A check has two devices at most, and a device resets its model.
  const models = [await InternetChecksum.open(), await InternetChecksum.open()] as const;
  let opened = 0;
  conformance("internet_checksum.sv", () => checksumDevice(models[opened++ % 2]!), [checksumCase]);
} else modelTest("internet_checksum.sv is a device", (t) => t.fail("there are no models"));

modelTest("checksumDevice() sums packets of every length and offset, with other work between", async (t) => {
  const device = await openChecksumDevice();
  const [one, other] = [device.install(work).operations, device.install(work).operations];
  const bytes = Uint8Array.from({ length: 80 }, (_, at) => at * 37 + 11);
  for (let length = 0; length <= 64; length++) {
    const packet = bytes.subarray(length % 9, (length % 9) + length);
    t.is((length % 2 ? one : other).sum(packet), internetChecksum(packet), `${length} bytes`);
  }
  t.is(device.counters()["checksum.sums"], 65);
});

modelTest("checksumDevice() refuses crc32, which then runs in software", async (t) => {
  const placement = new Placement([await openChecksumDevice({ clockMhz: 250 }), softwareChecksum()]);
  const sums = placement.place("internet", work);
  const crc = placement.place("crc", { capability: checksum, spec: { algorithm: "crc32" } });
  t.is(sums.device?.identity.name, "rtl-checksum");
  t.like(placement.report().work[0]?.cost, { ns: 32, cycles: 8 });
  t.is(crc.device?.identity.name, "software-checksum");
  t.deepEqual(placement.report().work[1]?.refused, [{ device: "rtl-checksum", code: "limit", reason: "sums by internet only, not crc32" }]);
  placement.setPolicy(sums, "software-only");
  t.is(sums.operations.sum(Buffer.from("0001f203f4f5f6f7", "hex")), 0x220d);
});

modelTest("a model that ends is gone: software goes on with the same call", async (t) => {
  const model = await InternetChecksum.open();
  const device = checksumDevice(model, { clockMhz: 250 });
  const placement = new Placement([device, softwareChecksum()]);
  const { operations } = placement.place("sums", work);
  model.step = () => {
    throw new Error("$fatal");
  };
  t.is(operations.sum(Buffer.from("0001f203f4f5f6f7", "hex")), 0x220d);
  t.deepEqual(device.offers(), []);
});
