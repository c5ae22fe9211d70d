/**
 * Splits rules over devices so that together they decide as the one list does.
 *
 * A request passes stages (connect in the kernel, a NIC's table, the module). What a stage refuses does not get further, what it lets pass is looked at by the next.
 * So a rule that only refuses may act at an earlier stage, where that is cheaper, unless a rule before it in the list might match the same request and acts later.
 * Where the earlier stage can tell the requests of that one, it lets them pass first ("passes"), and all is well again.
 *
 * @module
 */

import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Cost } from "@mitsu/hal";
import { type BackEnd, filter, type Meter, type RuleArtifact, type StagedRule } from "./back-end.ts";
import { EarlierRules } from "./earlier-rules.ts";
import { onlyAllows, onlyDenies, type Rule, type RuleSet } from "./ir.ts";
import { rowCount } from "./rule-rows.ts";

/** Where one rule is, and why. */
export interface PlacedRule {
  readonly rule: string;
  /** Device that does it; undefined for one that needs none: it only lets pass what nothing after it would refuse. */
  readonly device: string | undefined;
  readonly reason: string;
  /** Of one look-up there. */
  readonly cost: Cost | undefined;
  /** Rows there. */
  readonly rows: number;
  /** Earlier devices that let its requests pass. */
  readonly passes: readonly string[];
}

/** Rules of one device. */
export interface DeviceRules {
  readonly device: string;
  readonly rules: readonly StagedRule[];
  readonly artifact: RuleArtifact;
}

/** All of it. */
export interface RulePlacement {
  readonly rules: readonly PlacedRule[];
  readonly devices: readonly DeviceRules[];
}

interface Stage {
  readonly backEnd: BackEnd;
  readonly name: string;
  readonly meter: Meter;
  /** Rules by their places in the list. */
  readonly rules: Map<number, boolean>;
  /** Earlier rules that act at a later stage and that this one cannot tell, and those that it could. */
  readonly unknown: EarlierRules<number>;
  readonly passable: EarlierRules<number>;
}

interface Draft {
  stage: Stage;
  readonly reason: string;
  readonly cost: Cost;
}

/** Longer lists of rules that no device can do are cut. */
const mostShown = 20;

/**
 * Places every rule.
 *
 * @param backEnds In any order.
 * @throws {MitsuError} `ERR_RULES_DEVICE`, exit status 2, naming each rule that no device can do, and each device's reason.
 */
export function placeRules({ rules }: RuleSet, backEnds: readonly BackEnd[]): RulePlacement {
  const stages = backEnds
    .toSorted((one, other) => one.stage - other.stage)
    .map((backEnd): Stage => {
      const { device, meter } = backEnd;
      return {
        backEnd,
        name: device.identity.name,
        meter: meter(),
        rules: new Map(),
        unknown: new EarlierRules(),
        passable: new EarlierRules(),
      };
    });
  const drafts: Draft[] = [];
  const homeless: string[] = [];
  for (const [index, rule] of rules.entries()) {
    const reasons = new Map<string, string>();
    const draft = placeRule(rules, index, stages, reasons);
    if (draft === undefined) {
      homeless.push(
        `rule ${JSON.stringify(rule.name)}: no device can do it: ${[...reasons].map(([name, why]) => `${name}: ${why}`).join("; ")}`,
      );
      continue;
    }
    drafts.push(draft);
    draft.stage.rules.set(index, false);
    for (const stage of stages) {
      if (stage.backEnd.stage >= draft.stage.backEnd.stage) break;
      (refusal(stage, { rule, pass: true }).reason === undefined ? stage.passable : stage.unknown).add(rule.match, index);
    }
  }
  if (homeless.length > 0) {
    const more = homeless.length > mostShown ? [`and ${homeless.length - mostShown} more`] : [];
    throw new MitsuError([...homeless.slice(0, mostShown), ...more].join("\n"), {
      code: "ERR_RULES_DEVICE",
      hint: "let more devices in (--back-end), or change the rule",
      exit: exitStatus.usage,
    });
  }
  leaveOutIdle(rules, stages);
  return {
    rules: rules.map((rule, index) => placedRule(rule, index, drafts[index]!, stages)),
    devices: stages.filter(({ rules: own }) => own.size > 0).map((stage) => deviceRules(rules, stage)),
  };
}

/** Finds a rule's device. @param reasons Filled with those of the devices that do not take it. */
function placeRule(rules: readonly Rule[], index: number, stages: readonly Stage[], reasons: Map<string, string>): Draft | undefined {
  const rule = rules[index]!;
  const staged = { rule, pass: false };
  const last = stages.at(-1)!;
  const able = stages.flatMap((stage) => {
    const { reason, cost } = refusal(stage, staged);
    if (reason !== undefined) reasons.set(stage.name, reason);
    return reason === undefined ? [{ stage, cost: cost! }] : [];
  });
  // What lets pass belongs to the last stage: an earlier one cannot keep the rules of later ones from a request.
  const tried = able.filter(({ stage }) => stage === last || onlyDenies(rule.acts)).toSorted((one, other) => one.cost.ns - other.cost.ns);
  if (!onlyDenies(rule.acts))
    for (const { stage } of able)
      if (stage !== last) reasons.set(stage.name, "may only refuse, as what it lets pass goes on to the next device");
  for (const { stage, cost } of tried) {
    const obstacle = stage === last ? undefined : obstacleTo(rules, index, stage);
    const full = obstacle ?? stage.meter.add(staged);
    if (full !== undefined) {
      reasons.set(stage.name, full);
      continue;
    }
    const others = [...reasons].map(([name, why]) => `${name}: ${why}`);
    return { stage, cost, reason: others.length === 0 ? "the cheapest" : others.join("; ") };
  }
  return undefined;
}

/** Why a rule that refuses cannot act as early as that; lets earlier rules pass there where that helps. */
function obstacleTo(rules: readonly Rule[], index: number, stage: Stage): string | undefined {
  const { match } = rules[index]!;
  for (const other of stage.unknown.overlapping(match))
    return `rule ${JSON.stringify(rules[other]!.name)} comes first, may match the same, and acts later`;
  const passing = [...stage.passable.overlapping(match)];
  for (const other of passing) {
    const full = stage.meter.add({ rule: rules[other]!, pass: true });
    if (full !== undefined) return `rule ${JSON.stringify(rules[other]!.name)} comes first and would have to pass there: ${full}`;
    stage.rules.set(other, true);
    stage.passable.delete(rules[other]!.match, other);
  }
  return undefined;
}

/** What a device says of a rule alone. */
function refusal({ backEnd: { device } }: Stage, staged: StagedRule): { readonly reason?: string; readonly cost?: Cost } {
  const verdict = device.validate({ capability: filter, spec: { entries: Math.max(1, rowCount(staged.rule.match)) } }, [staged]);
  return verdict.ok ? { cost: verdict.cost } : { reason: verdict.reason };
}

/** The last device is not needed where all that is left for it is to let pass. */
function leaveOutIdle(rules: readonly Rule[], stages: readonly Stage[]): void {
  const last = stages.at(-1)!;
  if (stages.length > 1 && [...last.rules.keys()].every((index) => onlyAllows(rules[index]!.acts))) last.rules.clear();
}

function placedRule(rule: Rule, index: number, { stage, reason, cost }: Draft, stages: readonly Stage[]): PlacedRule {
  const passes = stages.filter((one) => one.rules.get(index) === true).map(({ name }) => name);
  const rows = rowCount(rule.match);
  if (stage.rules.has(index)) return { rule: rule.name, device: stage.name, reason, cost, rows, passes };
  const [first] = stages.filter((one) => one.rules.has(index));
  if (first === undefined)
    return { rule: rule.name, device: undefined, reason: "lets pass what nothing after it would refuse", cost: undefined, rows: 0, passes };
  return {
    rule: rule.name,
    device: first.name,
    reason: "lets pass what later rules there would refuse",
    cost: refusal(first, { rule, pass: true }).cost,
    rows,
    passes: [],
  };
}

function deviceRules(rules: readonly Rule[], { backEnd: { device }, name, rules: own, meter }: Stage): DeviceRules {
  const staged = [...own].sort(([one], [other]) => one - other).map(([index, pass]): StagedRule => ({ rule: rules[index]!, pass }));
  const installed = device.install({ capability: filter, spec: { entries: Math.max(1, meter.rows, staged.length) } }, staged);
  return { device: name, rules: staged, artifact: installed.operations.emit() };
}
