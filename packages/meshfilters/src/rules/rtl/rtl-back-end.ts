/** Rules as rows of the match-action table of packages/hdl-bindings: who asks, the port, the IPv4 address. @module */
import { cycleCost } from "@mitsu/hal";
import { matchTableClockMhz, matchTableCycles, matchTableLimits } from "@mitsu/hdl-bindings/devices";
import { type BackEnd, backEnd, type Meter, rowMeter, type StagedRule } from "../back-end.ts";
import { beyondConnections } from "../connection-rule.ts";
import { rowCount } from "../rule-rows.ts";
import { ruleTable } from "./rule-table.ts";

const most = { rows: matchTableLimits.entries, prefixes: matchTableLimits.prefixes, rules: 32_767, services: 65_535 } as const;

/** The table. Host, path and headers do not fit into its keys of 120 bits but as hashes, and two texts of one hash would let someone through. */
export function rtlBackEnd(): BackEnd {
  return backEnd(1, {
    name: "rtl",
    kind: "hardware",
    entries: most.rows,
    limits: most,
    cost: cycleCost(matchTableCycles, matchTableClockMhz),
    meter: rtlMeter,
    emit: (rules) => ({
      suffix: ".table.json",
      bytes: new TextEncoder().encode(
        `${JSON.stringify(ruleTable(rules), (_key, value) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value), 1)}\n`,
      ),
      install: "rows of hal's match-action, for the driver of a NIC that has the table",
    }),
  });
}

function rtlMeter(): Meter {
  const services = new Set<string>();
  let [prefixes, rules] = [0, 0];
  const meter = rowMeter(
    most.rows,
    ({ rule }) => rowCount(rule.match),
    (staged) => {
      const { match } = staged.rule;
      const beyond = beyondConnections(staged, "by packets") ?? beyondKeys(staged);
      if (beyond !== undefined) return beyond;
      const shorter = match.sources.filter(({ length }) => length < 32).length;
      const more = shorter * Math.max(1, match.from.length) * Math.max(1, match.ports.length);
      if (prefixes + more > most.prefixes)
        return `has ${most.prefixes - prefixes} of ${most.prefixes} slots for prefixes left, not ${more}`;
      if (rules >= most.rules) return `numbers ${most.rules} rules at most`;
      const fresh = match.from.filter((who) => !services.has(who)).length;
      if (services.size + fresh > most.services) return `numbers ${most.services} services at most`;
      return undefined;
    },
  );
  return {
    add(staged) {
      const reason = meter.add(staged);
      if (reason !== undefined) return reason;
      const { match } = staged.rule;
      for (const who of match.from) services.add(who);
      prefixes +=
        match.sources.filter(({ length }) => length < 32).length * Math.max(1, match.from.length) * Math.max(1, match.ports.length);
      rules++;
      return undefined;
    },
    get rows() {
      return meter.rows;
    },
  };
}

function beyondKeys({ rule: { match } }: StagedRule): string | undefined {
  if (match.sources.some(({ bytes }) => bytes.length === 16)) return "its keys hold an IPv4 address, not one of IPv6";
  if (match.from.some((who) => who.startsWith("spiffe://"))) return "its keys hold the number of a service, not a SPIFFE id";
  return undefined;
}
