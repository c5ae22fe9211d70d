/** All RTL models as one device, with software beside it. */
import { existsSync } from "node:fs";
import {
  asyncMessage,
  capabilities,
  checksum,
  hash,
  MessageNetwork,
  matchAction,
  Placement,
  softwareAsyncMessage,
  softwareChecksum,
  softwareHash,
  softwareMatchAction,
  topicMatch,
} from "@mitsu/hal";
import { openSimulatedNic } from "../../src/devices/simulated-nic.ts";
import { rssKey } from "../../src/twins/toeplitz.ts";
import { modelTest } from "../rtl-test.ts";

const models = ["topic_matcher", "async_mesh", "match_table", "toeplitz", "internet_checksum"];
const built = models.every((name) => existsSync(new URL(`../../models/${name}.wasm`, import.meta.url)));
if (!built) modelTest("the simulated NIC opens", (t) => t.fail("there are no models"));

modelTest("openSimulatedNic() is one device with five capabilities, each with its cost at the clock", async (t) => {
  const { device, close } = await openSimulatedNic({ clockMhz: 200 });
  t.deepEqual(
    device
      .offers()
      .map(({ capability }) => capability)
      .sort(),
    ["async-message", "checksum", "hash", "match-action", "topic-match"],
  );
  for (const { capability, version, cost, entries } of device.offers()) {
    t.true(capabilities.some((one) => one.name === capability && one.version === version));
    t.is(cost.ns, cost.cycles! * 5, capability);
    t.is(entries.used, 0);
  }
  close();
  close();
  t.deepEqual(device.offers(), []);
  await t.throwsAsync(openSimulatedNic({ clockMhz: 0 }), { instanceOf: RangeError });
});

modelTest("all five run on it at once, and go to software with their state when it goes", async (t) => {
  const network = new MessageNetwork();
  const { device, close } = await openSimulatedNic({ clockMhz: 400, network });
  const placement = new Placement([device, softwareMatchAction(), softwareHash(), softwareChecksum(), softwareAsyncMessage(1000, network)]);
  const topics = placement.place("topics", { capability: topicMatch, spec: { entries: 8 } });
  const routes = placement.place("routes", { capability: matchAction, spec: { entries: 8, keyBits: 32, match: "prefix" } });
  const rss = placement.place("rss", { capability: hash, spec: { algorithm: "toeplitz", key: rssKey } });
  const sums = placement.place("sums", { capability: checksum, spec: { algorithm: "internet" } });
  const [one, other] = [1, 2].map((address) =>
    placement.place(`engine ${address}`, { capability: asyncMessage, spec: { entries: 4, address, payloadBytes: 8 } }),
  );
  t.true(placement.report().work.every((row) => row.device === "simulated-nic" && row.cost?.cycles !== undefined));
  topics.operations.add("sport/+", 7);
  routes.operations.add(0x0a000000n, 8, 1);
  const packet = Buffer.from("45000073000040004011b861c0a80001c0a800c7", "hex");
  const answers = () => [
    routes.operations.lookup(0x0a010203n),
    rss.operations.hash(Buffer.from("420995bba18e64500aea06e6", "hex")),
    sums.operations.sum(packet),
  ];
  t.deepEqual(topics.operations.match("sport/tennis"), [7]);
  t.deepEqual(answers(), [1, 0x51ccc178, 0]);
  for (let nth = 0; nth < 3; nth++) t.is(one!.operations.send(2, Uint8Array.of(nth)), nth);
  close();
  t.deepEqual(answers(), [1, 0x51ccc178, 0]);
  t.is(routes.operations.hits(0x0a000000n, 8), 2);
  for (let nth = 0; nth < 3; nth++) t.deepEqual(other!.operations.receive(), { from: 1, payload: Uint8Array.of(nth) });
  t.deepEqual(one!.operations.completed(), [0, 1, 2]);
  // There is no other topic matcher here: its filters wait for one.
  t.throws(() => topics.operations.match("sport/tennis"), { code: "ERR_HAL_NO_DEVICE" });
  const again = await openSimulatedNic({ name: "another" });
  placement.add(again.device);
  t.deepEqual(topics.operations.match("sport/tennis"), [7]);
  again.close();
});
