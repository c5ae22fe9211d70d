/** Affinity, anti-affinity and spread as rows; what each means is said by `brokenShare` of objective.ts. @module */
import type { Rule } from "../solve/instance.ts";
import type { CountRows } from "./count-model.ts";
import type { Term } from "./mip.ts";

const minus = (terms: readonly Term[], factor: number): Term[] => terms.map(([column, coefficient]) => [column, -factor * coefficient]);

/** Rows by which a rule holds. */
export function must(rows: CountRows, rule: Rule): void {
  const { instance, mip, count, replicas } = rows;
  const { domainOf, domains } = instance.topologies[rule.topology]!;
  const a = rule.service;
  const unlabelled = (m: number): boolean => domainOf[m] === -1;
  if (rule.kind === "spread" || rule.kind === "affinity") mip.row(count(a, unlabelled).terms, { upper: 0 });
  if (rule.kind === "spread") {
    const { most, least } = extremes(rows, rule.service, rule.topology);
    mip.row(
      [
        [most, 1],
        [least, -1],
      ],
      { upper: rule.maxSkew },
    );
    return;
  }
  const b = rule.other;
  const chosen: Term[] = [];
  for (let d = 0; d < domains; d++) {
    const here = (m: number): boolean => domainOf[m] === d;
    const own = count(a, here);
    if (own.terms.length === 0) continue;
    if (rule.kind === "affinity" && a === b) {
      const all = mip.column({ upper: 1, integer: true });
      chosen.push([all, 1]);
      mip.row([...own.terms, [all, -replicas(a)]], { upper: 0 });
    } else if (rule.kind === "affinity") {
      mip.row([...own.terms, ...minus(count(b, here).terms, own.most)], { upper: 0 });
    } else if (a === b) {
      mip.row(own.terms, { upper: 1 });
    } else {
      const other = count(b, here);
      if (other.terms.length === 0) continue;
      const first = mip.column({ upper: 1, integer: true });
      mip.row([...own.terms, [first, -own.most]], { upper: 0 });
      mip.row([...other.terms, [first, other.most]], { upper: other.most });
    }
  }
  if (rule.kind === "affinity" && a === b) mip.row(chosen, { upper: 1 });
}

/** Columns and rows that charge `cost` times the share of replicas for which a rule does not hold. */
export function wish(rows: CountRows, rule: Rule, cost: number): void {
  const { instance, mip, count, replicas } = rows;
  const { domainOf, domains } = instance.topologies[rule.topology]!;
  const a = rule.service;
  const each = cost / Math.max(1, replicas(a));
  if (rule.kind === "spread") {
    const { most, least } = extremes(rows, rule.service, rule.topology);
    const over = mip.column({ cost: each });
    mip.row(
      [
        [most, 1],
        [least, -1],
        [over, -1],
      ],
      { upper: rule.maxSkew },
    );
    return;
  }
  const b = rule.other;
  if (rule.kind === "affinity") mip.offset += cost;
  const chosen: Term[] = [];
  for (let d = 0; d < domains; d++) {
    const here = (m: number): boolean => domainOf[m] === d;
    const own = count(a, here);
    if (own.terms.length === 0) continue;
    if (rule.kind === "affinity") {
      // Counted where the domain has the other (or is the one chosen for all): what is kept is bounded by both.
      const there = mip.column({ upper: 1, integer: a === b });
      const kept = mip.column({ upper: own.most, cost: -each });
      mip.row([[kept, 1], ...minus(own.terms, 1)], { upper: 0 });
      mip.row(
        [
          [kept, 1],
          [there, -own.most],
        ],
        { upper: 0 },
      );
      if (a === b) chosen.push([there, 1]);
      else mip.row([[there, 1], ...minus(count(b, here).terms, 1)], { upper: 0 });
    } else if (a === b) {
      const over = mip.column({ cost: each });
      mip.row([...own.terms, [over, -1]], { upper: 1 });
    } else {
      const other = count(b, here);
      if (other.terms.length === 0) continue;
      const there = mip.column({ upper: 1, integer: true });
      const over = mip.column({ cost: each });
      mip.row([...other.terms, [there, -other.most]], { upper: 0 });
      mip.row([...own.terms, [there, own.most], [over, -1]], { upper: own.most });
    }
  }
  if (chosen.length > 0) mip.row(chosen, { upper: 1 });
}

/** Columns at least as large, and at most as small, as the count in every domain that has an allowed node. */
function extremes({ instance, mip, count, replicas }: CountRows, service: number, topology: number): { most: number; least: number } {
  const { domainOf, domains } = instance.topologies[topology]!;
  const { nodes, allowed } = instance;
  const eligible = new Uint8Array(domains);
  for (let m = 0; m < nodes; m++) if (domainOf[m]! >= 0 && allowed[service * nodes + m] === 1) eligible[domainOf[m]!] = 1;
  const most = mip.column({ upper: replicas(service) });
  const least = mip.column({ upper: replicas(service) });
  for (let d = 0; d < domains; d++) {
    if (eligible[d] === 0) continue;
    const { terms } = count(service, (m) => domainOf[m] === d);
    mip.row([...terms, [most, -1]], { upper: 0 });
    mip.row([...terms, [least, -1]], { lower: 0 });
  }
  return { most, least };
}
