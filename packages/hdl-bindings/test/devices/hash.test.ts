/** The `hash` device over toeplitz.sv. */
import { existsSync } from "node:fs";
import { type HashSpec, hash, Placement, softwareHash } from "@mitsu/hal";
import { conformance, hashCase } from "@mitsu/hal/conformance";
import { Toeplitz } from "../../models/toeplitz.ts";
import { hashDevice, openHashDevice } from "../../src/devices/hash.ts";
import { rssKey, toeplitz } from "../../src/twins/toeplitz.ts";
import { modelTest } from "../rtl-test.ts";

const built = existsSync(new URL("../../models/toeplitz.wasm", import.meta.url));
const spec: HashSpec = { algorithm: "toeplitz", key: rssKey };
const input = Uint8Array.from({ length: 36 }, (_, at) => at * 7);

if (built) {
  // A check has two devices at most, and a device resets its model.
  const models = [await Toeplitz.open(), await Toeplitz.open()] as const;
  let opened = 0;
  conformance("toeplitz.sv", () => hashDevice(models[opened++ % 2]!), [hashCase]);
} else modelTest("toeplitz.sv is a device", (t) => t.fail("there are no models"));

modelTest("hashDevice() hashes with keys of 8 to 40 bytes, and refuses longer ones", async (t) => {
  const device = await openHashDevice();
  for (let length = 8; length <= 40; length++) {
    const key = rssKey.slice(0, length);
    const installed = device.install({ capability: hash, spec: { ...spec, key } });
    for (const bytes of [0, 1, 8, length - 4]) {
      if (bytes > length - 4) continue;
      t.is(installed.operations.hash(input.subarray(0, bytes)), toeplitz(key, input.subarray(0, bytes)), `${length}, ${bytes}`);
    }
    t.throws(() => installed.operations.hash(new Uint8Array(length - 3)), { instanceOf: RangeError });
    device.uninstall(installed);
  }
  t.like(device.validate({ capability: hash, spec: { ...spec, key: new Uint8Array(41) } }), {
    code: "limit",
    reason: "a key has 40 bytes at most, not 41",
  });
});

modelTest("hashDevice() has one key: a second piece of work runs in software, and comes over when the first ends", async (t) => {
  const device = await openHashDevice({ name: "nic", clockMhz: 250 });
  const placement = new Placement([device, softwareHash()]);
  const [first, second] = [placement.place("first", { capability: hash, spec }), placement.place("second", { capability: hash, spec })];
  t.is(first.device, device);
  t.like(placement.report().work[0]?.cost, { ns: 8, cycles: 2 });
  t.is(second.device?.identity.kind, "software");
  t.is(second.operations.hash(input), first.operations.hash(input));
  placement.withdraw(first);
  t.is(placement.improve(), 1);
  t.is(second.device, device);
  t.is(second.operations.hash(input), toeplitz(rssKey, input));
  t.is(device.counters()["hash.hashes"], 2);
});

modelTest("a model that ends, or does not answer, is gone: software goes on with the same call", async (t) => {
  for (const breakIt of [
    (model: Toeplitz) => {
      model.step = () => {
        throw new Error("$fatal");
      };
    },
    (model: Toeplitz) => Object.defineProperty(model, "m_valid", { value: 0 }),
    (model: Toeplitz) => Object.defineProperty(model, "s_ready", { value: 0 }),
  ]) {
    const model = await Toeplitz.open();
    const device = hashDevice(model, { clockMhz: 1000 });
    const placement = new Placement([device, softwareHash()]);
    const placed = placement.place("rss", { capability: hash, spec });
    t.is(placed.operations.hash(input), toeplitz(rssKey, input));
    breakIt(model);
    t.is(placed.operations.hash(input), toeplitz(rssKey, input));
    t.is(placed.device?.identity.name, "software-hash");
    t.deepEqual(device.offers(), []);
  }
});

modelTest("a model that ends says why, to those who use the device without a placement", async (t) => {
  const model = await Toeplitz.open();
  const { operations } = hashDevice(model).install({ capability: hash, spec });
  model.step = () => {
    throw new Error("$fatal at toeplitz.sv:1");
  };
  t.throws(() => operations.hash(input), { code: "ERR_HAL_GONE", message: "device rtl-toeplitz is gone: $fatal at toeplitz.sv:1" });
  t.throws(() => operations.hash(input), { code: "ERR_HAL_GONE" });
});

modelTest("hashDevice() refuses a clock that is none", async (t) => {
  const model = await Toeplitz.open();
  for (const clockMhz of [0, -1, Number.NaN]) t.throws(() => hashDevice(model, { clockMhz }), { instanceOf: RangeError });
});
