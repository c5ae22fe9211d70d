/** Makes the checks, and says which differ. @module */
import type { Ask } from "./ask.ts";
import type { Check } from "./check.ts";
import { bodyChecks } from "./checks/bodies.ts";
import { callChecks, grpcChecks, wasiChecks } from "./checks/calls.ts";
import { headerChecks } from "./checks/headers.ts";
import { stateChecks } from "./checks/state.ts";
import { streamChecks } from "./checks/streams.ts";
import { spinChecks, trapChecks } from "./checks/traps.ts";

/** One check, made. */
export interface Verdict {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly expected: string;
  readonly clause: string;
  readonly authority: Check["authority"];
}

const first = [...headerChecks, ...bodyChecks, ...streamChecks, ...stateChecks, ...callChecks, ...grpcChecks, ...wasiChecks, ...trapChecks];

/** All checks in the order they are made; those that may take the host for good are the last. */
export const checks: readonly Check[] = [...first, ...spinChecks];

async function make(check: Check, ask: Ask): Promise<Verdict> {
  const { name, expect, clause, authority } = check;
  const seen = await check.see(ask);
  return { name, passed: expect.includes(seen), seen, expected: expect[0]!, clause, authority };
}

/** One filter after the other would take a minute: those of different filters are made beside each other, those of one in order. */
async function makeAll(wanted: readonly Check[], ask: Ask): Promise<Verdict[]> {
  const byFilter = Map.groupBy(wanted, ({ filter }) => filter);
  const made = await Promise.all(
    [...byFilter.values()].map(async (group) => {
      const verdicts: Verdict[] = [];
      for (const check of group) verdicts.push(await make(check, ask));
      return verdicts;
    }),
  );
  return made.flat();
}

/**
 * Makes checks.
 *
 * @param match Only those whose names have this text.
 */
export async function judgeHost(ask: Ask, match = ""): Promise<readonly Verdict[]> {
  const wanted = (all: readonly Check[]): readonly Check[] => all.filter(({ name }) => name.includes(match));
  return [...(await makeAll(wanted(first), ask)), ...(await makeAll(wanted(spinChecks), ask))];
}
