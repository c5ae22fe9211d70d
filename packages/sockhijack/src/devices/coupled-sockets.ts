/** `redirect` by the kernel's maps `plans`, `pairs` and `sockets`: what is asked for is planned, and a scan carries it out under the sockets' locks. @module */
import { type CoupledEnds, fullError, limitError, type Provider, type Redirect, type RedirectSpec, redirect } from "@mitsu/hal";
import { isEnrolled } from "../coupling/flow.ts";
import type { SlotPool } from "../coupling/slot-pool.ts";
import { freshPair, planAction, planFor, type SockRecord, stateFlag } from "../kernel/layout.ts";
import { countersOf, type KernelPath, OneTable } from "./kernel-path.ts";

/** What coupling needs beside the maps. */
export interface CouplingOptions {
  /** Which pairs are coupled: the coupler's too, which decides for all connections of attached programs. */
  readonly slots: SlotPool;
  /** Scans every namespace with attached programs: carries out what is planned. @returns its lines. */
  readonly look: () => readonly SockRecord[];
  /** Why nothing may be coupled on this kernel; undefined when it may. */
  readonly broken: string | undefined;
}

/** Looks that the end of work takes at most for its sockets to leave the map; those that hold unread bytes leave when these were read, with the coupler. */
const mostLooks = 50;

/** The provider. */
export function coupledSockets(
  path: KernelPath,
  { slots, look, broken }: CouplingOptions,
): Provider<RedirectSpec, Redirect, readonly CoupledEnds[]> {
  const { maps } = path.kernel;
  const table = new OneTable("coupled sockets");
  return {
    capability: redirect,
    // Slot 0 stands for none.
    entries: maps.pairs.map.maxEntries - 1,
    // A message's program time (FACTS.md, "Kernel path, measured").
    cost: () => ({ ns: 182 }),
    refuses: () => broken ?? table.refusal,
    open({ entries }, state) {
      /** Slots of pairs whose ends are not both in the map yet, and of those whose ends are not both out. */
      const [coming, going] = [new Set<number>(), new Map<number, CoupledEnds>()];

      /** One scan, and what follows from it. */
      const settle = (): void => {
        const records = new Map(look().map((record) => [record.cookie, record]));
        for (const slot of coming) {
          const ends = slots.ends(slot);
          if (ends === undefined) coming.delete(slot);
          else if (enrolled(records, ends)) {
            coming.delete(slot);
            maps.pairs.set(slot, { ...freshPair, open: 1 });
          } else planEnrol(records, slot, ends);
        }
        for (const [slot, ends] of going) {
          const inside = ends.flatMap((cookie) => records.get(cookie) ?? []).filter(isEnrolled);
          if (inside.length === 0) {
            for (const cookie of ends) maps.plans.delete(cookie);
            going.delete(slot);
            slots.free(slot);
            continue;
          }
          const quiet = inside.every(({ flags }) => flags & stateFlag.quiet);
          for (const { cookie } of inside) maps.plans.set(cookie, planFor(quiet ? planAction.release : planAction.quiesce));
        }
      };

      const couple: Redirect["couple"] = (client, server) => {
        const [slot, other] = [slots.slotOf(client), slots.slotOf(server)];
        if (client === server) throw new RangeError(`socket ${client} is not both ends of a connection`);
        if (slot !== other) throw new RangeError(`socket ${slot === undefined ? server : client} is coupled with another`);
        if (slot !== undefined) return;
        if (slots.pairs >= entries) throw fullError("redirect");
        const records = new Map(look().map((record) => [record.cookie, record]));
        const absent = [client, server].find((cookie) => !records.has(cookie));
        if (absent !== undefined) throw limitError(`there is no socket ${absent} of an attached program`);
        for (let looks = 0; going.size > 0 && looks < mostLooks; looks++) settle(); // they may be of these very sockets
        const taken = slots.take([client, server]);
        if (taken === 0) throw fullError("redirect");
        maps.pairs.set(taken, freshPair);
        coming.add(taken);
        planEnrol(records, taken, [client, server]);
      };

      const uncouple: Redirect["uncouple"] = (end) => {
        const slot = slots.slotOf(end);
        if (slot === undefined) return false;
        going.set(slot, slots.ends(slot)!);
        coming.delete(slot);
        for (const cookie of slots.leave(slot)) maps.plans.set(cookie, planFor(planAction.quiesce));
        settle();
        return true;
      };

      const close = (): void => {
        table.free();
        path.used.delete(redirect.name);
        if (path.left) return;
        for (const [client] of slots.all()) uncouple(client);
        for (let looks = 0; going.size > 0 && looks < mostLooks; looks++) settle();
      };
      try {
        for (const [client, server] of state) couple(client, server);
      } catch (error) {
        close();
        throw error;
      }
      table.take();
      path.used.set(redirect.name, () => slots.pairs);
      return {
        operations: {
          couple,
          uncouple,
          peer: (end) => slots.peer(end),
          carries(end) {
            const slot = slots.slotOf(end);
            if (slot === undefined) return false;
            if (coming.has(slot)) settle();
            return !coming.has(slot) && maps.pairs.get(slot)?.open === 1;
          },
        },
        export: () => slots.all(),
        close,
      };
    },
    counters: () => countersOf(path, ["messages", "redirected", "enrolled", "released"]),
  };

  /** A scan may have missed an end, and its plan with it: planned again until it is in. */
  function planEnrol(records: ReadonlyMap<bigint, SockRecord>, slot: number, [client, server]: CoupledEnds): void {
    const plan = (cookie: bigint, peer: SockRecord | undefined, flags: number): void => {
      if (peer === undefined || isEnrolled(records.get(cookie))) return;
      const { cookie: other, sk, service } = peer;
      maps.plans.set(cookie, planFor(planAction.enrol, { peer: other, peer_sk: sk, slot, peer_service: service, flags }));
    };
    plan(client, records.get(server), stateFlag.client);
    plan(server, records.get(client), 0);
  }
}

function enrolled(records: ReadonlyMap<bigint, SockRecord>, ends: CoupledEnds): boolean {
  return ends.every((cookie) => isEnrolled(records.get(cookie)));
}
