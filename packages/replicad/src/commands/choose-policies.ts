/** `--policies` and `--option`: which selectors are simulated, with which options. @module */
import { didYouMean } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { createSelector, type SelectorName } from "@mitsu/selector";
import { parseFigure, wrongUsage } from "../simulate/spec.ts";
import { policies } from "./policies.ts";

/** A selector with its options. */
export interface Choice {
  readonly selector: SelectorName | "jsq";
  readonly options: Readonly<Record<string, number>>;
}

/**
 * Reads names between commas, and options as `prequal.quantile=0.6`.
 *
 * @throws {MitsuError} `ERR_USAGE`, `ERR_SELECTOR_OPTION`; exit status 2.
 */
export function choosePolicies(names: string, settings: readonly string[]): readonly Choice[] {
  const chosen = new Map<string, Record<string, number>>();
  for (const name of names.split(",").map((one) => one.trim())) {
    if (!policies.some((one) => one.name === name)) throw unknownPolicy(name);
    if (chosen.has(name)) throw wrongUsage(`--policies ${names}: ${name} is given twice`);
    chosen.set(name, {});
  }
  for (const text of settings) {
    const match = /^([^.=]+)\.([^=]+)=(.*)$/.exec(text);
    if (!match) throw wrongUsage(`--option ${text}: not policy.option=number`, "such as --option prequal.quantile=0.6");
    const [, name = "", option = "", value = ""] = match;
    const options = chosen.get(name);
    if (!options)
      throw policies.some((one) => one.name === name)
        ? wrongUsage(`--option ${text}: ${name} is not among --policies`)
        : unknownPolicy(name);
    if (Object.hasOwn(options, option)) throw wrongUsage(`--option ${text}: given twice`);
    options[option] = parseFigure(`--option ${name}.${option}`, value);
  }
  return [...chosen].map(([selector, options]) => {
    check(selector, options);
    return { selector: selector as Choice["selector"], options };
  });
}

function unknownPolicy(name: string): MitsuError {
  const names = policies.map((one) => one.name);
  const near = didYouMean(name, names);
  return wrongUsage(`unknown policy '${name}'`, near ? `did you mean '${near}'?` : `choose among ${names.join(", ")}`);
}

/** A wrong option is told before the first run, and is wrong usage here, not a wrong configuration. */
function check(name: string, options: Readonly<Record<string, number>>): void {
  if (name === "jsq") {
    if (Object.keys(options).length > 0) throw wrongUsage("jsq takes no options");
    return;
  }
  try {
    createSelector(name, options);
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    throw new MitsuError(error.message, {
      code: error.code,
      exit: exitStatus.usage,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
