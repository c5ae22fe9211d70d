/** The scalar fields of `mesh.yaml`, each with a message that names the offending value and what is allowed. @module */
import { z } from "zod";
import { isUnicast, parseIp, parsePrefix, prefixStart } from "./ip.ts";
import { show } from "./problem.ts";

/** A zod `error` option that names the offending value and what is allowed. */
export function wrong(what: string, allowed: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? `is missing; ${allowed}` : `${show(input)} is not ${what}; ${allowed}`) };
}

const notName = wrong("a name", "use 1 to 63 lower-case letters, digits and hyphens, as in DNS");
/** A DNS label. */
export const name: z.ZodString = z.string(notName).regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, notName);

/** Names what a port is not. */
export const notPort: ReturnType<typeof wrong> = wrong("a port", "use 1 to 65535");
/** A port number, 1 to 65535. */
export const port: z.ZodNumber = z.int(notPort).min(1, notPort).max(65535, notPort);

/** Names what an address is not. */
export const notAddress: ReturnType<typeof wrong> = wrong(
  "an address",
  'use a unicast IPv4 or IPv6 address, such as 10.0.0.1 or "fd00::1"',
);
/** A unicast address of either family. */
export const address: z.ZodString = z.string(notAddress).refine((text) => {
  const ip = parseIp(text);
  return ip !== undefined && isUnicast(ip);
}, notAddress);

/** A prefix of one family without host bits, at most `longest` bits long. */
export function prefix(family: 4 | 6, longest: number, example: string): z.ZodString {
  const not = wrong(
    `an IPv${family} prefix`,
    `use <address>/<length> with a length up to ${longest} and no bits after it, such as ${example}`,
  );
  return z.string(not).refine((text) => {
    const parsed = parsePrefix(text);
    return parsed !== undefined && parsed.family === family && parsed.length <= longest && prefixStart(parsed).bits === parsed.bits;
  }, not);
}

/** A `when` of zod's `refine`: a map is looked at as a whole only when its fields are well. */
export function noOtherFault({ issues }: { readonly issues: readonly unknown[] }): boolean {
  return issues.length === 0;
}

/** A whole number from `least` to `most`; `what` and `allowed` word the error. */
export function count(least: number, most: number, what: string, allowed: string): z.ZodNumber {
  const not = wrong(what, allowed);
  return z.int(not).min(least, not).max(most, not);
}

const notShare = wrong("a share", "use a number from 0 (none) to 1 (all)");
/** A part of a whole, 0 to 1. */
export const share: z.ZodNumber = z.number(notShare).min(0, notShare).max(1, notShare);

/** One word of a fixed list. */
export function oneOf<const T extends string>(...values: T[]): z.ZodType<T> {
  return z.enum(values, {
    error: ({ input }) => `${input === undefined ? "is missing" : `${show(input)} is not allowed here`}; use ${values.join(", ")}`,
  });
}

const party = z.union([z.literal("*"), name], wrong("a service", 'use the name of a service, or "*" for all'));
/** Services, or `*` for all. */
export const parties: z.ZodType<string | string[]> = z.union(
  [party, z.array(party).min(1, { error: 'is empty; name a service, or "*" for all' })],
  wrong("a list of services", 'use names, or "*" for all'),
);
