import test from "ava";
import {
  entriesOf,
  matchAction,
  matchActionProvider,
  ProviderDevice,
  softwareChecksum,
  softwareMatchAction,
  specFault,
} from "../src/mod.ts";

const work = { capability: matchAction, spec: { entries: 4, keyBits: 32, match: "exact" } } as const;

test("watch() hears of entries and of going away, until it is ended", (t) => {
  const device = softwareMatchAction(8);
  let heard = 0;
  const end = device.watch(() => heard++);
  device.setEntries(matchAction, 4);
  device.setGone(true);
  device.setGone(true);
  t.is(heard, 2);
  t.deepEqual(device.offers(), []);
  end();
  device.setGone(false);
  t.is(heard, 2);
});

test("validate() says that a device is gone, and export() answers all the same", (t) => {
  const device = softwareMatchAction(8);
  const installed = device.install(work);
  installed.operations.add(1n, 32, 11);
  device.setGone(true);
  t.like(device.validate(work), { ok: false, code: "gone" });
  t.deepEqual(installed.export(), [{ key: 1n, prefixBits: 32, action: 11, hits: 0 }]);
  device.uninstall(installed);
  t.is(device.counters()["match-action.entries"], 0);
});

test("validate() refuses a state that the table cannot have", (t) => {
  const device = softwareMatchAction(8);
  t.deepEqual(device.validate(work, [{ key: 1n << 40n, prefixBits: 32, action: 1, hits: 0 }]), {
    ok: false,
    code: "limit",
    reason: "key 1099511627776 is not one of 32 bits",
  });
});

test("uninstall() closes what a provider opened, once", (t) => {
  let closed = 0;
  const provider = matchActionProvider();
  const device = new ProviderDevice({ name: "closing", kind: "software", version: "0" }, [
    {
      ...provider,
      open: (spec: object, state: unknown) => ({ ...provider.open(spec as never, state as never), close: () => closed++ }),
    } as never,
  ]);
  device.uninstall(device.install(work));
  t.is(closed, 1);
});

test("setEntries() of what a device does not do is a RangeError", (t) => {
  t.throws(() => softwareChecksum("sums").setEntries(matchAction, 3), {
    instanceOf: RangeError,
    message: "device sums does not do match-action",
  });
});

test("specFault() reads own fields only, and takes nothing but an object", (t) => {
  t.is(specFault(work), undefined);
  t.is(
    specFault({ capability: matchAction, spec: Object.create(work.spec) as object }),
    "entries is missing, not a whole number from 1 to 16777216",
  );
  t.is(specFault({ capability: matchAction, spec: "exact" as unknown as object }), "a spec is an object");
  t.is(specFault({ capability: matchAction, spec: null as unknown as object }), "a spec is an object");
  t.is(
    specFault({ capability: matchAction, spec: { ...work.spec, toString: 1 } }),
    'unknown field "toString"; it has entries, keyBits, match',
  );
});

test("entriesOf() is 1 for a spec without entries", (t) => {
  t.is(entriesOf(work), 4);
  t.is(entriesOf({ ...work, spec: {} }), 1);
});
