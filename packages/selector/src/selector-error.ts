/** What is wrong with a selector's name or options. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type OptionRange, type OptionRanges, type SelectorOptions, selectorNames } from "./selector.ts";

/**
 * Every option of a selector, with defaults for those that are missing.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION` for an option that `ranges` does not have, or a value out of its range.
 * @example
 * ```ts
 * readOptions("least-request", { bias: 2 }, leastRequestOptions); // { choices: 2, bias: 2 }
 * ```
 */
export function readOptions<Name extends string>(
  selector: string,
  options: SelectorOptions,
  ranges: OptionRanges<Name>,
): Record<Name, number> {
  const known = Object.keys(ranges) as Name[];
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(ranges, option)) {
      const hint = known.length === 0 ? `leave it out; ${selector} takes no options` : `use ${known.join(", ")}`;
      throw optionError(`selector ${selector} has no option ${option}`, hint);
    }
  }
  const values = {} as Record<Name, number>;
  for (const option of known) {
    const range: OptionRange = ranges[option];
    const value = options[option] ?? range.default;
    const within = typeof value === "number" && value >= range.least && value <= range.most;
    if (!within || (range.whole && !Number.isInteger(value))) {
      throw optionError(
        `option ${option} of selector ${selector} is ${value}, out of its range`,
        `use ${range.whole ? "a whole number, " : ""}${range.least} to ${range.most}; ${range.default} unless told`,
      );
    }
    values[option] = value;
  }
  return values;
}

/** An `ERR_SELECTOR_OPTION`. */
export function optionError(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_SELECTOR_OPTION", hint, exit: exitStatus.config });
}

/** An `ERR_SELECTOR_NAME`: there is no such selector; the hint has those that there are. */
export function unknownSelector(name: string): MitsuError {
  return new MitsuError(`no selector is called ${JSON.stringify(name)}`, {
    code: "ERR_SELECTOR_NAME",
    hint: `use one of ${selectorNames.join(", ")}`,
    exit: exitStatus.config,
  });
}
