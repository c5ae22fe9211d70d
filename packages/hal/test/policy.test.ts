import test from "ava";
import { type MatchActionSpec, matchAction, Placement, type Policy, softwareMatchAction } from "../src/mod.ts";
import { tableDevice } from "./doubles/table-device.ts";

const spec: MatchActionSpec = { entries: 4, keyBits: 32, match: "exact" };
const work = { capability: matchAction, spec };

test("setPolicy() moves work with its state off a device that the policy excludes, and back", (t) => {
  const nic = tableDevice("nic");
  const notices: string[] = [];
  const placement = new Placement([nic, softwareMatchAction()], { notice: (text) => notices.push(text) });
  const routes = placement.place("routes", work);
  const { operations } = routes;
  operations.add(1n, 32, 11);
  operations.lookup(1n);
  placement.setPolicy(routes, "software-only");
  t.is(routes.device?.identity.name, "software-match-action");
  t.is(nic.counters()["match-action.installed"], 0);
  t.like(placement.report().work[0], {
    policy: "software-only",
    moves: 1,
    why: "it is software-only now; the only one that takes it",
  });
  placement.setPolicy(routes, "hardware-only");
  t.is(routes.device, nic);
  t.is(operations.lookup(1n), 11);
  t.is(operations.hits(1n, 32), 2);
  t.deepEqual(notices, [
    "routes moved from nic to software-match-action: it is software-only now",
    "routes moved from software-match-action to nic: it is hardware-only now",
  ]);
});

test("setPolicy() leaves work where the new policy allows it; improve() then goes by it", (t) => {
  const [nic, software] = [tableDevice("nic"), softwareMatchAction()];
  const placement = new Placement([nic, software]);
  const routes = placement.place("routes", work, "software-only");
  placement.setPolicy(routes, "auto");
  t.is(routes.device, software);
  t.like(placement.report().work[0], { policy: "auto", moves: 0 });
  t.is(placement.improve(), 1);
  t.is(routes.device, nic);
});

test("setPolicy() that no device can follow changes nothing", (t) => {
  const nic = tableDevice("nic");
  const placement = new Placement([nic, softwareMatchAction(3)]);
  const routes = placement.place("routes", work);
  routes.operations.add(1n, 32, 11);
  const before = placement.report();
  t.throws(() => placement.setPolicy(routes, "software-only"), {
    code: "ERR_HAL_NO_DEVICE",
    message: "routes (match-action) cannot move, though it is software-only now: software-match-action: has 3 entries in all, not 4",
  });
  t.deepEqual(placement.report(), before);
  t.is(routes.operations.lookup(1n), 11);
  t.is(nic.counters()["match-action.installed"], 1);
});

test("setPolicy() goes on to the next device when one breaks its word, and to none with all as before", (t) => {
  const nic = tableDevice("nic");
  const liar = softwareMatchAction(8, "liar");
  liar.install = () => {
    throw new Error("no answer");
  };
  const placement = new Placement([nic, liar]);
  const routes = placement.place("routes", work);
  routes.operations.add(1n, 32, 11);
  t.throws(() => placement.setPolicy(routes, "software-only"), { code: "ERR_HAL_NO_DEVICE", message: /liar: no answer/ });
  t.is(routes.operations.lookup(1n), 11);
  placement.add(softwareMatchAction());
  placement.setPolicy(routes, "software-only");
  t.is(routes.device?.identity.name, "software-match-action");
  t.is(routes.operations.lookup(1n), 11);
});

test("setPolicy() lets work go on that ran nowhere, and keeps its state while there is still no device", (t) => {
  const nic = tableDevice("nic");
  const placement = new Placement([nic, softwareMatchAction()]);
  const routes = placement.place("routes", work, "hardware-only");
  routes.operations.add(1n, 32, 11);
  nic.setGone(true);
  t.is(routes.device, undefined);
  placement.setPolicy(routes, "hardware-only");
  t.is(routes.device, undefined);
  placement.setPolicy(routes, "auto");
  t.is(routes.device?.identity.name, "software-match-action");
  t.is(routes.operations.lookup(1n), 11);
});

test("setPolicy() frees entries that waiting work then gets", (t) => {
  const [nic, other] = [tableDevice("nic", { entries: 4 }), tableDevice("other", { entries: 4 })];
  const placement = new Placement([nic, other, softwareMatchAction()]);
  const [first, second] = [placement.place("first", work, "hardware-only"), placement.place("second", work, "hardware-only")];
  other.setGone(true);
  t.is(second.device, undefined);
  placement.setPolicy(first, "software-only");
  t.is(second.device, nic);
});

test("setPolicy() refuses a policy that is none, and work that is not placed here", (t) => {
  const placement = new Placement([softwareMatchAction()]);
  const routes = placement.place("routes", work);
  t.throws(() => placement.setPolicy(routes, "best" as Policy), { code: "ERR_HAL_POLICY" });
  t.is(placement.report().work[0]?.policy, "auto");
  placement.withdraw(routes);
  t.throws(() => placement.setPolicy(routes, "software-only"), { code: "ERR_HAL_HANDLE" });
});
