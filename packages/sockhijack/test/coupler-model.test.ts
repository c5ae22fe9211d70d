import test from "ava";
import fc from "fast-check";
import { Coupler } from "../src/coupling/coupler.ts";
import { flowsOf } from "../src/coupling/flow.ts";
import { applied, fact, type Plan, planAction, type SockRecord, stateFlag } from "../src/kernel/layout.ts";
import { ends } from "./scan-lines.ts";

const pairs = 4;
const connections = 5;

/** What one look at one connection may meet; each number is a percentage or a choice that fast-check shrinks to 0. */
interface Happening {
  /** The sockets: there, missed by this look, or gone for good. */
  readonly client: "there" | "missed" | "closed";
  readonly server: "there" | "missed" | "closed";
  readonly fit: boolean;
  readonly bulk: boolean;
  /** Is a thread in a send, so that the socket does not get quiet? Is something unread, so that it is neither enrolled nor released? */
  readonly busy: boolean;
  readonly unread: boolean;
  readonly outcome: "done" | "full" | "refused";
}

/** One socket as `bpf/scan.h` treats it. */
interface Socket {
  record: SockRecord;
  open: boolean;
  enrolled: boolean;
  quiet: boolean;
  slot: number;
  plan: Plan | undefined;
  applied: number;
}

function socket(record: SockRecord): Socket {
  return { record, open: true, enrolled: false, quiet: false, slot: 0, plan: undefined, applied: 0 };
}

/** Applies what is planned, as `apply()` of `bpf/scan.h` does. @throws when a release would lose bytes. */
function apply(s: Socket, peer: Socket, now: Happening): void {
  s.applied = applied.nothing;
  if (!s.plan) return;
  const done = (): number => {
    s.plan = undefined;
    return applied.done;
  };
  switch (s.plan.action) {
    case planAction.enrol:
      if (s.enrolled) s.applied = done();
      else if (now.unread || !now.fit) s.applied = applied.later;
      else if (now.outcome !== "done") s.applied = applied[now.outcome];
      else {
        Object.assign(s, { enrolled: true, quiet: false, slot: s.plan.slot });
        s.applied = done();
      }
      return;
    case planAction.quiesce:
      if (!s.enrolled) s.applied = done();
      else if (now.busy) s.applied = applied.later;
      else {
        s.quiet = true;
        s.applied = done();
      }
      return;
    case planAction.take:
      s.applied = now.busy ? applied.later : done();
      return;
    case planAction.release:
      if (!s.enrolled) s.applied = done();
      else if (!s.quiet || now.busy || now.unread) s.applied = applied.later;
      else {
        if (peer.open && peer.enrolled && !peer.quiet) throw new Error(`${s.record.cookie} released while its peer may send`);
        Object.assign(s, { enrolled: false, quiet: false, slot: 0 });
        s.applied = done();
      }
  }
}

function shown(s: Socket, now: Happening): SockRecord {
  const facts = (now.fit ? fact.nonblock : 0) | (now.unread ? fact.unread : 0) | (s.enrolled ? fact.enrolled : 0);
  const flags = s.record.flags | (s.quiet ? stateFlag.quiet : 0);
  const peer = s.enrolled ? s.record.cookie + (s.record.cookie % 2n === 1n ? 1n : -1n) : 0n;
  return { ...s.record, facts, flags, slot: s.slot, applied: s.applied, peer, mean_bytes: now.bulk ? 1 << 20 : 100 };
}

const presence = fc.oneof(
  { weight: 30, arbitrary: fc.constant("there" as const) },
  { weight: 3, arbitrary: fc.constant("missed" as const) },
  { weight: 1, arbitrary: fc.constant("closed" as const) },
);
const rarely = fc.nat(9).map((n) => n === 9);
const happening: fc.Arbitrary<Happening> = fc.record({
  client: presence,
  server: presence,
  fit: rarely.map((n) => !n),
  bulk: rarely,
  busy: rarely,
  unread: rarely,
  outcome: fc.nat(19).map((n) => (n === 19 ? "full" : n === 18 ? "refused" : "done")),
});
const look = fc.array(happening, { minLength: connections, maxLength: connections });

/** A made-up kernel with its sockets, and a daemon's coupler that looks at it. */
class World {
  readonly sockets: readonly (readonly [Socket, Socket])[] = Array.from({ length: connections }, (_, n) => {
    const { client, server } = ends(n);
    return [socket(client), socket(server)];
  });
  coupler: Coupler = new Coupler(pairs);
  reached: Set<string> = new Set();
  #nowMs = 0;
  #missed = new Set<bigint>();
  #ids: ReadonlySet<bigint>[] = [];

  #visible(s: Socket, how: Happening["client"]): boolean {
    if (how === "closed") Object.assign(s, { open: false, enrolled: false, plan: undefined });
    // A look may miss an element, but not the same one twice in a row.
    const missed = how === "missed" && !this.#missed.delete(s.record.cookie);
    if (missed) this.#missed.add(s.record.cookie);
    else this.#missed.delete(s.record.cookie);
    return s.open && !missed;
  }

  step(nows: readonly Happening[], afterMs = 1000): void {
    this.#nowMs += afterMs;
    const records: SockRecord[] = [];
    for (const [n, [client, server]] of this.sockets.entries()) {
      const now = nows[n]!;
      const seen = [this.#visible(client, now.client), this.#visible(server, now.server)];
      if (client.open) apply(client, server, now);
      if (server.open) apply(server, client, now);
      if (seen[0]) records.push(shown(client, now));
      if (seen[1]) records.push(shown(server, now));
    }
    const flows = flowsOf(records);
    const {
      plans,
      open,
      flows: judged,
    } = this.coupler.step(flows, { usable: true, redirect: () => "auto", splices: () => false }, this.#nowMs);
    this.#ids.push(new Set(flows.map(({ id }) => id)));
    for (const { state, reason } of judged) this.reached.add(`${state} ${reason}`);
    this.#check(records, plans);
    for (const slot of open) {
      const inside = this.sockets.filter((pair) => pair.every((s) => s.enrolled && s.slot === slot && !s.quiet));
      if (inside.length !== 1) throw new Error(`slot ${slot} is opened for ${inside.length} connections with both ends in the map`);
    }
    for (const s of this.sockets.flat()) s.plan = plans.get(s.record.cookie) ?? s.plan;
  }

  #check(records: readonly SockRecord[], plans: ReadonlyMap<bigint, Plan>): void {
    const known = new Set(this.#ids.slice(-2).flatMap((ids) => [...ids]));
    if (this.coupler.coupled > Math.min(known.size, pairs - 1)) throw new Error(`${this.coupler.coupled} slots, ${known.size} flows`);
    const seen = new Map(records.map((r) => [r.cookie, r]));
    for (const [cookie, plan] of plans) {
      const record = seen.get(cookie);
      if (!record) throw new Error(`plan for the vanished socket ${cookie}`);
      if (plan.action === planAction.release) {
        const peer = seen.get(record.peer);
        if (!(record.flags & stateFlag.quiet)) throw new Error(`release of ${cookie}, which is not quiet`);
        if (peer && peer.facts & fact.enrolled && !(peer.flags & stateFlag.quiet))
          throw new Error(`release of ${cookie} before its peer is quiet`);
      }
      if (plan.action === planAction.enrol) {
        const other = plans.get(plan.peer);
        if (other?.peer !== cookie || other.slot !== plan.slot) throw new Error(`${cookie} enrolled without its peer`);
        if (plan.slot < 1 || plan.slot >= pairs) throw new Error(`no such slot: ${plan.slot}`);
      }
    }
    const slots = new Map<number, bigint>();
    const living = this.sockets.filter(([client, server]) => client.open && server.open);
    for (const { record, slot, enrolled, plan } of living.flat()) {
      const used = plans.get(record.cookie)?.slot || (plan?.action === planAction.enrol ? 0 : enrolled ? slot : 0);
      const flow = (record.cookie - 1n) / 2n;
      if (used && (slots.get(used) ?? flow) !== flow) throw new Error(`slot ${used} is used by two connections`);
      if (used) slots.set(used, flow);
    }
  }

  /** Another daemon takes over, which drops the plans of the one before (`Engine.renew`). */
  startOver(): void {
    this.coupler = new Coupler(pairs);
    this.#ids = [];
    for (const s of this.sockets.flat()) s.plan = undefined;
  }

  get enrolled(): number {
    return this.sockets.flat().filter((s) => s.enrolled).length;
  }
}

const calm: Happening = { client: "there", server: "there", fit: true, bulk: false, busy: false, unread: false, outcome: "done" };
const seeded = { seed: 65_537, numRuns: 1500 } as const;

test("Coupler keeps its rules whatever looks show, miss, and find closed", (t) => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(look, { maxLength: 30 }), (looks) => {
      const world = new World();
      for (const nows of looks) world.step(nows);
      for (const reason of world.reached) reached.add(reason);
    }),
    seeded,
  );
  for (const reason of ["redirected draining", "tcp bulk", "tcp full", "tcp refused", "tcp other-end", "tcp client-blocking"]) {
    t.true(reached.has(reason), `${reason} was never reached: ${[...reached]}`);
  }
});

test("Coupler couples what is fit, as far as there are slots, and takes out what is not, once the world is calm", (t) => {
  fc.assert(
    fc.property(fc.array(look, { maxLength: 15 }), (looks) => {
      const world = new World();
      for (const nows of looks) world.step(nows);
      const open = world.sockets.filter(([client, server]) => client.open && server.open).length;
      // Holds grow with every bulk time to at most 10 minutes: 200 looks of 3 s.
      for (let n = 0; n < 215; n++) world.step(Array(connections).fill(calm), 3000);
      if (world.enrolled !== 2 * Math.min(open, pairs - 1)) throw new Error(`${world.enrolled} ends enrolled of ${open} open connections`);
      for (let n = 0; n < 8; n++) world.step(Array(connections).fill({ ...calm, fit: false }));
      if (world.enrolled !== 0 || world.coupler.coupled !== 0)
        throw new Error(`${world.enrolled} ends left, ${world.coupler.coupled} slots`);
    }),
    { ...seeded, numRuns: 100 },
  );
  t.pass();
});

test("Coupler of a daemon that starts over keeps the rules with what it finds", (t) => {
  fc.assert(
    fc.property(fc.array(look, { maxLength: 12 }), fc.array(look, { maxLength: 12 }), (before, after) => {
      const world = new World();
      for (const nows of before) world.step(nows);
      world.startOver();
      for (const nows of after) world.step(nows);
      for (let n = 0; n < 215; n++) world.step(Array(connections).fill(calm), 3000);
      for (let n = 0; n < 8; n++) world.step(Array(connections).fill({ ...calm, fit: false }));
      if (world.enrolled !== 0 || world.coupler.coupled !== 0)
        throw new Error(`${world.enrolled} ends left, ${world.coupler.coupled} slots`);
    }),
    { ...seeded, numRuns: 100 },
  );
  t.pass();
});
