import test from "ava";
import fc from "fast-check";
import { LiveCandidate } from "../src/live-candidate.ts";
import { Membership, type MembershipOptions } from "../src/membership.ts";

function membersOf(count: number, options: MembershipOptions = {}, here: readonly number[] = []) {
  const membership = new Membership({ slowStartMs: 0, ...options });
  const all = Array.from({ length: count }, (_, i) => new LiveCandidate(`r${i}`, { here: here.includes(i) }));
  for (const one of all) membership.add(one, 0, true);
  return { membership, all, keys: (nowMs: number) => membership.usable(nowMs).map((one) => one.key) };
}

test("Membership.usable() is the same array until one comes or goes", (t) => {
  const { membership, all } = membersOf(3);
  const first = membership.usable(0);
  for (let i = 1; i < 100; i++) membership.answered(all[i % 3]!, i, i % 4 === 0 ? "failed" : "ok");
  t.is(membership.usable(100), first);
  membership.drain("r0", false, 100);
  t.is(membership.usable(101), first, "nothing changed");
  membership.add(new LiveCandidate("r3"), 102);
  t.not(membership.usable(102), first);
});

test("Membership ejects after five failures in a row, longer each time, and takes back", (t) => {
  const { membership, all, keys } = membersOf(4, { ejectMs: 1000, longestEjectMs: 2500 });
  const fail = (nowMs: number, times = 5) => {
    for (let i = 0; i < times; i++) membership.answered(all[0]!, nowMs, "failed");
  };
  fail(0, 4);
  membership.answered(all[0]!, 0, "ok");
  fail(0, 4);
  t.is(keys(0).length, 4, "not in a row");
  fail(0, 1);
  t.deepEqual(keys(0), ["r1", "r2", "r3"]);
  t.is(membership.standing("r0"), "ejected");
  fail(500);
  t.is(keys(999).length, 3);
  t.is(keys(1000).length, 4, "what came in meanwhile made it no longer");
  fail(1000);
  t.is(keys(2999).length, 3);
  t.is(keys(3000).length, 4, "twice as long");
  fail(3000);
  t.is(keys(5499).length, 3);
  t.is(keys(5500).length, 4, "the longest");
  fail(15_500);
  t.is(keys(16_499).length, 3);
  t.is(keys(16_500).length, 4, "ten good seconds make up for earlier ones");
  t.is(membership.ejections, 4);
});

test("Membership: a replica that refuses connections gets no request after its first failure, until its time is over", (t) => {
  const { membership, all, keys } = membersOf(3, { mostEjected: 0 });
  membership.answered(all[1]!, 10, "refused");
  t.deepEqual(keys(10), ["r0", "r2"]);
  t.is(membership.standing("r1"), "dead");
  membership.answered(all[1]!, 11, "refused");
  membership.answered(all[2]!, 12, "refused");
  t.deepEqual(keys(12), ["r0"], "not even in panic");
  t.true(membership.panic);
  membership.revive("r1", 13);
  t.deepEqual(keys(13), ["r0", "r1"]);
  membership.answered(all[0]!, 14, "refused");
  membership.answered(all[1]!, 14, "refused");
  t.is(keys(14).length, 3, "no other is left");
});

test("Membership ejects at most its share for failing, and one at least", (t) => {
  for (const [count, share, expected] of [
    [10, 0.3, 3],
    [10, 0, 1],
    [3, 0.1, 1],
  ] as const) {
    const { membership, all, keys } = membersOf(count, { mostEjected: share, panicBelow: 0 });
    for (const one of all) for (let i = 0; i < 5; i++) membership.answered(one, 0, "failed");
    t.is(keys(0).length, count - expected);
    t.is(membership.spared, count - expected);
  }
});

test("Membership panics when less than half are healthy: those that fail are asked again", (t) => {
  const { membership, all, keys } = membersOf(4, { mostEjected: 1 });
  const eject = (nth: number) => {
    for (let i = 0; i < 5; i++) membership.answered(all[nth]!, 0, "failed");
  };
  eject(0);
  eject(1);
  t.is(keys(0).length, 2);
  t.false(membership.panic);
  eject(2);
  t.is(keys(0).length, 4);
  t.true(membership.panic);
  t.is(membership.panics, 1);
  t.is(keys(1000).length, 4);
  t.false(membership.panic);
});

test("Membership.tell() takes a replica out as long as it is told to be down, and brings it back with a slow start; that is no ejection", (t) => {
  const { membership, all, keys } = membersOf(3, { slowStartMs: 1000 });
  t.true(membership.tell("r1", "down", 10));
  t.deepEqual(keys(10), ["r0", "r2"]);
  t.is(membership.standing("r1"), "dead");
  t.true(membership.tell("r1", "down", 20), "told again");
  membership.answered(all[1]!, 30, "refused");
  t.deepEqual(keys(1e9), ["r0", "r2"], "no time brings it back");
  t.true(membership.tell("r1", "up", 1e9));
  t.deepEqual(keys(1e9), ["r0", "r1", "r2"]);
  t.is(all[1]!.ramp, 0.1);
  t.is(membership.standing("r1"), "slow-start");
  t.is(membership.ejections, 0);
  membership.answered(all[1]!, 2e9, "refused");
  t.is(membership.outForMs("r1", 2e9), 1000, "its first refusal for itself");
  t.false(membership.tell("none", "down", 0));
});

test("Membership.tell() of an `up` that was told before does not bring back what refused here since; an `up` after a `down` does", (t) => {
  const { membership, all, keys } = membersOf(3);
  membership.tell("r1", "up", 0);
  membership.answered(all[1]!, 10, "refused");
  membership.tell("r1", "up", 11);
  t.deepEqual(keys(11), ["r0", "r2"]);
  membership.tell("r1", "down", 12);
  membership.tell("r1", "up", 13);
  t.deepEqual(keys(13), ["r0", "r1", "r2"]);
});

test("Membership.tell() makes room among the ejected, and all that are told to be down are asked when no other is left", (t) => {
  const { membership, all, keys } = membersOf(4, { mostEjected: 0.25, panicBelow: 0 });
  const fail = (nth: number, nowMs: number) => {
    for (let i = 0; i < 5; i++) membership.answered(all[nth]!, nowMs, "failed");
  };
  fail(0, 0);
  membership.tell("r0", "down", 1);
  fail(1, 2);
  t.deepEqual(keys(2), ["r2", "r3"]);
  for (const key of ["r1", "r2", "r3"]) membership.tell(key, "down", 3);
  t.is(keys(3).length, 4);
});

test("Membership: a refusal lasts refusedMs, each further one longer, ten times that at most, whatever ejectMs", (t) => {
  const { membership, all } = membersOf(2, { refusedMs: 100, ejectMs: 30_000, longestEjectMs: 300_000 });
  let now = 0;
  const lasts = Array.from({ length: 12 }, () => {
    membership.answered(all[0]!, now, "refused");
    const ms = membership.outForMs("r0", now);
    now += ms;
    membership.usable(now);
    return ms;
  });
  t.deepEqual(lasts, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1000, 1000]);
  for (let i = 0; i < 5; i++) membership.answered(all[0]!, now, "failed");
  t.is(membership.outForMs("r0", now), 30_000, "refusals do not make ejections longer");
});

test("Membership with failuresInRow 0 never ejects for failing; a refused connection still counts", (t) => {
  const { membership, all, keys } = membersOf(2, { failuresInRow: 0 });
  for (let i = 0; i < 100; i++) membership.answered(all[0]!, i, "failed");
  t.is(keys(100).length, 2);
  membership.answered(all[0]!, 100, "refused");
  t.is(keys(100).length, 1);
});

test("Membership.configure() takes new options and keeps what is known", (t) => {
  const { membership, all, keys } = membersOf(4, { slowStartMs: 1000, mostEjected: 1 });
  const late = new LiveCandidate("late");
  membership.add(late, 0);
  for (const nth of [0, 1, 2]) for (let i = 0; i < 5; i++) membership.answered(all[nth]!, 0, "failed");
  t.is(keys(0).length, 5, "panic: 2 of 5");
  membership.configure({ panicBelow: 0 });
  t.deepEqual(keys(0), ["r3", "late"]);
  t.is(late.ramp, 0.1);
  membership.configure({ slowStartMs: 0 });
  t.is(late.ramp, 1);
  membership.usable(500);
  t.is(late.ramp, 1);
  membership.configure({ failuresInRow: 1, slowStartMs: 100, mostEjected: 0.1 });
  t.is(keys(1000).length, 5, "they come back in their time");
  t.is(all[0]!.ramp, 0.1);
  membership.usable(1050);
  t.true(Math.abs(all[0]!.ramp - 0.55) < 0.01);
  membership.answered(late, 1050, "failed");
  membership.answered(all[3]!, 1050, "failed");
  t.is(keys(1050).length, 4, "one failure, and one at most");
  t.is(membership.ejections, 4);
});

test("Membership.usable() is another array when a weight changed, and only then", (t) => {
  const { membership } = membersOf(2);
  const before = membership.usable(0);
  membership.setWeight("r0", 100, 1);
  t.is(membership.usable(1), before);
  membership.setWeight("r0", 50, 2);
  t.not(membership.usable(2), before);
});

test("Membership starts new and recovered replicas slowly: 0.1 to 1 in a line", (t) => {
  const { membership, all } = membersOf(2, { slowStartMs: 1000, leastShare: 0.1 });
  t.is(all[0]!.ramp, 1, "warm from the start");
  const late = new LiveCandidate("late");
  membership.add(late, 100);
  const at = (nowMs: number) => {
    membership.usable(nowMs);
    return late.ramp;
  };
  t.is(at(100), 0.1);
  t.true(Math.abs(at(600) - 0.55) < 1e-9);
  t.is(membership.standing("late"), "slow-start");
  t.is(at(1100), 1);
  t.is(membership.standing("late"), "healthy");
  membership.answered(late, 2000, "refused");
  membership.usable(2000);
  t.is(at(3000), 0.1, "recovered");
  t.is(at(4000), 1);
});

test("Membership: who drains, or has weight 0, gets no new requests; what is in flight goes on", (t) => {
  const { membership, all, keys } = membersOf(3);
  const sent = all[0]!.begin(1);
  t.true(membership.drain("r0", true, 1));
  t.true(membership.setWeight("r1", 0, 1));
  t.deepEqual(keys(2), ["r2"]);
  t.is(membership.standing("r0"), "draining");
  t.is(membership.standing("r1"), "draining");
  t.is(all[0]!.inFlight, 1);
  all[0]!.end(5, { latencyMs: 4, ok: true, report: null }, sent);
  membership.answered(all[0]!, 5, "ok");
  t.is(all[0]!.inFlight, 0);
  membership.drain("r2", true, 6);
  t.deepEqual(keys(6), [], "nobody is left: draining is an order, not a guess");
  membership.setWeight("r1", 50, 7);
  membership.drain("r0", false, 7);
  t.deepEqual(keys(7), ["r0", "r1"]);
  t.false(membership.drain("none", true, 7));
  t.false(membership.setWeight("none", 1, 7));
});

test("Membership.near() has those on this node", (t) => {
  const { membership, all } = membersOf(4, {}, [1, 3]);
  t.deepEqual(
    membership.near(0).map((one) => one.key),
    ["r1", "r3"],
  );
  membership.answered(all[3]!, 1, "refused");
  t.deepEqual(membership.near(1), [all[1]!]);
});

test("Membership forgets a removed replica, and an answer of one that came before another of its key", (t) => {
  const { membership, all, keys } = membersOf(2);
  const again = new LiveCandidate("r0");
  membership.add(again, 1, true);
  membership.answered(all[0]!, 2, "refused");
  t.deepEqual(keys(2), ["r1", "r0"]);
  t.true(membership.remove("r0"));
  t.false(membership.remove("r0"));
  t.deepEqual(keys(3), ["r1"]);
  t.is(membership.size, 1);
  t.is(membership.standing("r0"), null);
});

test("Membership: no dead or draining one is usable while another is left; ejected ones are at most the share; all come back in time", (t) => {
  const step = fc.record({
    kind: fc.constantFrom("ok", "failed", "failed", "refused", "drain", "undrain", "wait", "revive", "up", "down"),
    nth: fc.nat(9),
    afterMs: fc.nat(400),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, mostEjected) => {
      const { membership, all } = membersOf(10, { mostEjected, failuresInRow: 2, ejectMs: 300, longestEjectMs: 2000 });
      let now = 0;
      let last = membership.usable(now);
      for (const { kind, nth, afterMs } of steps) {
        const one = all[nth]!;
        now += afterMs;
        if (kind === "drain" || kind === "undrain") membership.drain(one.key, kind === "drain", now);
        else if (kind === "up" || kind === "down") membership.tell(one.key, kind, now);
        else if (kind === "revive") membership.revive(one.key, now);
        else if (kind !== "wait") membership.answered(one, now, kind as "ok");
        const usable = membership.usable(now);
        const standings = all.map((each) => membership.standing(each.key));
        const count = (what: string) => standings.filter((each) => each === what).length;
        const of = usable.map((each) => membership.standing(each.key));
        if (of.includes("draining")) return false;
        if (of.includes("dead") && count("healthy") + count("ejected") > 0) return false;
        if (of.includes("ejected") && !membership.panic) return false;
        if (count("ejected") > Math.max(1, Math.floor(mostEjected * 10))) return false;
        if (usable.length === 0 && count("draining") < 10) return false;
        if (usable !== last && usable.length === last.length && usable.every((each, i) => each === last[i])) return false;
        last = usable;
      }
      for (const one of all) {
        membership.drain(one.key, false, now);
        membership.tell(one.key, "up", now);
      }
      return membership.usable(now + 2001).length === 10;
    }),
    { seed: 1, numRuns: 300 },
  );
  t.pass();
});

test("Membership.outForMs() is the time until an ejection ends, ∞ while it is told to be down", (t) => {
  const replicas = new Membership({ refusedMs: 500 });
  const one = new LiveCandidate("a:1");
  replicas.add(one, 0, true);
  t.is(replicas.outForMs("a:1", 0), 0);
  replicas.answered(one, 100, "refused");
  t.is(replicas.outForMs("a:1", 200), 400);
  replicas.tell("a:1", "down", 200);
  t.is(replicas.outForMs("a:1", 300), Number.POSITIVE_INFINITY);
  t.is(replicas.outForMs("b:1", 300), 0);
});
