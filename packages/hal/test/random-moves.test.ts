import test from "ava";
import fc from "fast-check";
import { matchAction, Placement } from "../src/mod.ts";
import { tableDevice } from "./doubles/table-device.ts";

test("whatever devices lose and gain, every call answers as one table would", (t) => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("add", "remove", "lookup"), key: fc.nat(20), action: fc.nat(99) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("entries"), device: fc.nat(2), entries: fc.integer({ min: 0, max: 24 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("gone", "back", "improve"), device: fc.nat(2) }) },
  );
  let moves = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 40, maxLength: 120, size: "max" }), (events) => {
      const devices = [tableDevice("a", { ns: 1 }), tableDevice("b", { ns: 2, entries: 16 }), tableDevice("c", { ns: 3, entries: 64 })];
      const placement = new Placement(devices);
      const placed = placement.place("routes", { capability: matchAction, spec: { entries: 2, keyBits: 8, match: "exact" } });
      const beside = placement.place("beside", { capability: matchAction, spec: { entries: 4, keyBits: 8, match: "exact" } });
      beside.operations.add(1n, 8, 1);
      const rows = new Map<number, { action: number; hits: number }>();
      for (const one of events) {
        if ("key" in one) {
          const { kind, key, action } = one;
          if (placed.device === undefined) {
            t.throws(() => placed.operations.lookup(BigInt(key)), { code: "ERR_HAL_NO_DEVICE" });
            continue;
          }
          if (kind === "remove") {
            if (placed.operations.remove(BigInt(key), 8) !== rows.delete(key)) return false;
          } else if (kind === "lookup") {
            const row = rows.get(key);
            if (row !== undefined) row.hits++;
            if (placed.operations.lookup(BigInt(key)) !== row?.action) return false;
          } else
            try {
              placed.operations.add(BigInt(key), 8, action);
              rows.set(key, { action, hits: rows.get(key)?.hits ?? 0 });
            } catch (error) {
              // Nothing has more room, and so it is said.
              if ((error as { code?: string }).code !== "ERR_HAL_FULL" || rows.has(key)) throw error;
            }
        } else if ("entries" in one) devices[one.device]!.setEntries(matchAction, one.entries);
        else if (one.kind === "improve") placement.improve();
        else devices[one.device]!.setGone(one.kind === "gone");
        if (placed.device !== undefined)
          for (const [key, row] of rows) if (placed.operations.hits(BigInt(key), 8) !== row.hits) return false;
        if (beside.device !== undefined && beside.operations.hits(1n, 8) !== 0) return false;
        const installed = devices.reduce((sum, device) => sum + device.counters()["match-action.installed"]!, 0);
        if (installed !== [placed, beside].filter(({ device }) => device !== undefined).length) return false;
      }
      moves += placement.report().work[0]!.moves;
      return true;
    }),
    { seed: 8, numRuns: 300 },
  );
  t.true(moves > 100, `${moves} moves`);
});
