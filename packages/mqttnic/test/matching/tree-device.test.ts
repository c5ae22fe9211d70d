/** The software topic matcher: hal's suite, and what it refuses. */
import { topicMatch } from "@mitsu/hal";
import { conformance, topicMatchCase } from "@mitsu/hal/conformance";
import test from "ava";
import { treeDevice } from "../../src/matching/tree-device.ts";

conformance("mqttnic-tree", treeDevice, [topicMatchCase]);
conformance("mqttnic-tree of 100 entries", () => treeDevice(100), [topicMatchCase]);

test("filters, topics and ids that are none are refused", (t) => {
  const device = treeDevice();
  const { operations } = device.install({ capability: topicMatch, spec: { entries: 4 } });
  for (const filter of ["", "a#", "#/a", "a+/b", "$share/g", "$share//a", "$share/g/", "$share/+/a", "a\0b"])
    t.throws(() => operations.add(filter, 1), { instanceOf: RangeError, message: /is not a topic filter/ }, filter);
  for (const id of [-1, 1.5, 2 ** 32, Number.NaN]) t.throws(() => operations.add("a", id), { instanceOf: RangeError });
  for (const topic of ["", "a/+", "#", "a\0"]) t.throws(() => operations.match(topic), { instanceOf: RangeError });
  t.false(device.validate({ capability: topicMatch, spec: { entries: 4 } }, [{ filter: "a#", id: 1 }]).ok);
});

test("a filter of a thousand levels is no trouble", (t) => {
  const { operations } = treeDevice().install({ capability: topicMatch, spec: { entries: 1 } });
  const deep = Array.from({ length: 1000 }, () => "l").join("/");
  operations.add(deep, 3);
  t.deepEqual(operations.match(deep), [3]);
});
