/** What clients know of a server from what its node tells, and does not tell. */
import { EventHeap } from "@mitsu/simulation";
import test from "ava";
import { Broadcasts } from "../../src/simulate/broadcasts.ts";
import { Requests } from "../../src/simulate/requests.ts";
import { SeededDraws } from "../../src/simulate/seeded-draws.ts";
import { Servers } from "../../src/simulate/servers.ts";
import { type Setting, usualSetting } from "../../src/simulate/setting.ts";

/** One server, whose messages come at `phase + n`. */
function one(feedback: Partial<Setting["feedback"]>): {
  servers: Servers;
  told: Broadcasts;
  phase: number;
  arrive: (nowMs: number) => void;
} {
  const setting: Setting = { ...usualSetting, servers: 1, feedback: { ...usualSetting.feedback, ...feedback } };
  const requests = new Requests();
  const servers = new Servers(setting, requests, new EventHeap(), (slot) => slot);
  const told = new Broadcasts(setting, servers, new SeededDraws(1));
  let phase = 0;
  while (told.knownUntilMs(0, false, phase + (feedback.delayMs ?? 0)) === Number.NEGATIVE_INFINITY) phase += 1e-4;
  const arrive = (nowMs: number): void => {
    const request = requests.take();
    requests.demandMs[request] = 1e6;
    servers.reach(0, request, nowMs);
  };
  return { servers, told, phase, arrive };
}
const about = (value: number, wanted: number): boolean => Math.abs(value - wanted) < 1e-3;

test("Broadcasts without a quiet interval: known until the last message that came", (t) => {
  const { told, phase } = one({ delayMs: 3 });
  t.true(about(told.knownUntilMs(0, false, 50.2 + phase), 47 + phase));
  t.true(about(told.knownUntilMs(0, true, 50.2 + phase), 50 + phase), "on its own node there is no delay");
});

test("Broadcasts that are silent: known until a delay and a look ago, and at a change until its message", (t) => {
  const { told, phase, arrive } = one({ quietMs: 100, delayMs: 3 });
  t.true(about(told.knownUntilMs(0, false, 500), 500 - 3 - 10), "a node that was quiet looks every 10 ms");
  arrive(600);
  const at = told.knownUntilMs(0, false, 603.5 + 10);
  t.true(at >= 600 && at <= 610);
  t.is(told.read(0, at).inFlight, 1);
  const before = told.knownUntilMs(0, false, 602.9);
  t.true(before < 600);
  t.is(told.read(0, before).inFlight, 0);
  const next = told.knownUntilMs(0, false, 615);
  t.true(next >= at && next >= 610 - phase - 1, "fresh again at once");
});

test("Broadcasts of servers on one node: what changes at one of them tells of the others too", (t) => {
  const known = (nodes: number): number => {
    const setting: Setting = { ...usualSetting, servers: 2, nodes, feedback: { ...usualSetting.feedback, quietMs: 100 } };
    const requests = new Requests();
    const servers = new Servers(setting, requests, new EventHeap(), (slot) => slot);
    const told = new Broadcasts(setting, servers, new SeededDraws(1));
    for (let nowMs = 500; nowMs < 520; nowMs += 0.5) servers.reach(0, requests.take(), nowMs);
    return told.knownUntilMs(1, false, 520);
  };
  t.true(about(known(2), 510), "by itself it looks every 10 ms");
  t.true(known(1) > 518);
});

test("Broadcasts of a node that is gone: its silence counts until the next message is overdue", (t) => {
  const { told, arrive } = one({ quietMs: 8 });
  arrive(100);
  told.gone(0, 130);
  t.true(told.knownUntilMs(0, false, 129) > 125);
  const last = told.knownUntilMs(0, false, 1000);
  t.true(last > 129 && last < 142, `${last}`);
  t.is(told.knownUntilMs(0, false, 2000), last);
  told.up(0, 3000);
  t.true(told.knownUntilMs(0, false, 3100) > 3080);
});

test("Broadcasts of a lost broker: nothing is known of later, but on the own node", (t) => {
  const { told } = one({ quietMs: 100, lostAtMs: 400 });
  t.true(told.knownUntilMs(0, false, 10_000) <= 400);
  t.true(told.knownUntilMs(0, true, 10_000) > 9980);
});

test("Broadcasts.refuses() from the refusal and the delay on, until a try every 100 ms finds the server up", (t) => {
  const { told } = one({ failureMs: 1, delayMs: 2 });
  t.false(told.refuses(0, false, 100));
  told.refused(0, 100);
  told.refused(0, 150);
  t.false(told.refuses(0, false, 102.9));
  t.true(told.refuses(0, true, 101));
  t.true(told.refuses(0, false, 103));
  told.up(0, 330);
  t.true(told.refuses(0, false, 402));
  t.false(told.refuses(0, false, 403));
  told.refused(0, 1000);
  t.true(told.refuses(0, false, 1003), "again");
});
