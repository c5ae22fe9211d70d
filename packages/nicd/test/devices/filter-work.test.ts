import { filterCapabilities } from "@mitsu/catalog";
import { capabilities, capabilityLabel, Placement, relay } from "@mitsu/hal";
import { capabilities as groups } from "@mitsu/proxy-wasm";
import test from "ava";
import { filter } from "../../src/devices/filter-capability.ts";
import { FilterWork, filterDevice } from "../../src/devices/filter-work.ts";
import { RelayDevice } from "../../src/devices/relay-device.ts";

test("FilterWork is placed on the runtime, by a capability that hal does not know, and says how many filters run", (t) => {
  const names = ["tag"];
  const work = new FilterWork(() => names);
  const { work: rows, notices } = work.status();
  t.like(rows[0], { work: "filters", capability: "filter", device: "wasm", kind: "software", used: 1 });
  t.deepEqual(notices, []);
  t.false(Object.values(capabilities).some((known) => capabilityLabel(known as typeof relay) === "filter"));
  names.length = 0;
  t.deepEqual(work.status().work, [], "without filters there is no such work");
  work.leave();
});

test("the runtime stands beside other devices in one placement, and each takes what it can", (t) => {
  const device = filterDevice(() => ["tag"]);
  const placement = new Placement([new RelayDevice(10), device], { capabilities: [filter] });
  placement.place("filters", { capability: filter, spec: { entries: 1 } });
  placement.place("relayed connections", { capability: relay, spec: { entries: 1 } });
  t.deepEqual(
    placement.report().work.map((row) => `${row.work} on ${row.device}`),
    ["filters on wasm", "relayed connections on nicd"],
  );
});

test("mesh.yaml's capabilities of filters are those that the host of filters has", (t) => {
  t.deepEqual([...filterCapabilities], [...groups]);
});
