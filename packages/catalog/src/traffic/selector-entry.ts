/** `selector` of a cluster: a name, or a map of a name and options, as written and as parsed. @module */
import { type OptionRange, type SelectorName, type SelectorOptions, selectorNames, selectorOptions } from "@mitsu/selector";
import { z } from "zod";
import { didYouMean } from "../did-you-mean.ts";
import { wrong } from "../fields.ts";
import { show } from "../problem.ts";

/** A selector as written. */
export type SelectorEntry = SelectorName | ({ name: SelectorName } & Record<string, number | string>);

const names = selectorNames.join(", ");

function unknownName(input: unknown): string {
  const near = typeof input === "string" ? didYouMean(input, selectorNames) : undefined;
  return `${show(input)} is not a selector; ${near === undefined ? "" : `did you mean ${JSON.stringify(near)}? `}use ${names}`;
}

function option({ default: usual, least, most, whole, about }: OptionRange): z.ZodType<number | undefined> {
  const allowed = `use ${whole ? "a whole number, " : ""}${least} to ${most}; ${Number(usual.toPrecision(3))} unless told`;
  const not = wrong(whole ? "a whole number in range" : "a number in range", allowed);
  return (whole ? z.int(not) : z.number(not))
    .min(least, not)
    .max(most, not)
    .describe(`${about[0]!.toUpperCase()}${about.slice(1)}; ${Number(usual.toPrecision(3))} unless told.`)
    .optional();
}

const maps = selectorNames.map((name) =>
  z.strictObject({
    name: z.literal(name).describe("Its name; its options stand beside it."),
    ...Object.fromEntries(Object.entries(selectorOptions[name]).map(([field, range]) => [field, option(range)])),
  }),
);

/** Schema of `selector`. */
export const selectorEntry: z.ZodType<SelectorEntry> = z.union(
  [
    z.enum(selectorNames, { error: ({ input }) => unknownName(input) }),
    z.discriminatedUnion("name", maps as unknown as [(typeof maps)[number], ...(typeof maps)[number][]], {
      error: ({ input }) => {
        const name = (input as { name?: unknown } | undefined)?.name;
        return name === undefined ? `is missing; use ${names}` : unknownName(name);
      },
    }),
  ],
  {
    error: ({ input }) =>
      typeof input === "string"
        ? unknownName(input)
        : `${show(input)} is not a selector; use one of ${names}, or {name: mitsu, stale-ms: 150}`,
  },
) as unknown as z.ZodType<SelectorEntry>;

/** The name and the options that the file gives. */
export function normaliseSelector(entry: SelectorEntry): { readonly selector: SelectorName; readonly selectorOptions: SelectorOptions } {
  if (typeof entry === "string") return { selector: entry, selectorOptions: {} };
  const { name, ...options } = entry;
  return { selector: name, selectorOptions: options as SelectorOptions };
}
