/** Rule sets and requests by chance, from few enough words that they meet. @module */
import { ipBytes, masked } from "../../src/rules/ip-prefix.ts";
import { type Acts, allow, type Match, matchAll, type Rule, type RuleSet } from "../../src/rules/ir.ts";
import type { RuleRequest } from "../../src/rules/request.ts";

/** Mulberry32: numbers from 0 to 1. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mix = Math.imul(state ^ (state >>> 15), 1 | state);
    mix = (mix + Math.imul(mix ^ (mix >>> 7), 61 | mix)) ^ mix;
    return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hosts = ["shop.example", "api.shop.example", "a.b.shop.example", "example", "[fd00::1]", "web"];
const wildcards = ["*.example", "*.shop.example", "*.b.shop.example"];
const paths = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/admin", "/a%20b", "/a/"];
const methods = ["GET", "POST", "DELETE"];
const services = ["cart", "pay", "web"];
const spiffes = ["spiffe://mesh/ns/mesh/sa/cart", "spiffe://mesh/node/n1"];
const addresses = ["10.0.0.1", "10.1.2.3", "192.168.7.9", "fd00::1", "fd00:0:0:1::2", "2001:db8::ff", "::ffff:10.0.0.1"];
const headerNames = ["x-a", "x-b", "x-mitsu-route", "accept"];
const values = ["1", "two", "", "text/html"];
const ports = [80, 443, 8080];

/** What a rule set is made of. */
export interface RandomOptions {
  readonly rules: number;
  /** Rules that look only at who asks and the port, and allow or deny. */
  readonly connectionsOnly?: boolean;
}

/** A rule set. */
export function randomRules(next: () => number, { rules: count, connectionsOnly = false }: RandomOptions): RuleSet {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const some = <T>(list: readonly T[], share: number): readonly T[] =>
    next() < share ? [...new Set(Array.from({ length: 1 + Math.floor(next() * 2) }, () => pick(list)))] : [];
  const match = (): Match =>
    connectionsOnly
      ? { ...matchAll, from: some(services, 0.7), ports: some(ports, 0.5) }
      : {
          hosts: some([...hosts, ...wildcards], 0.4),
          paths: some(paths.slice(1, -1), 0.4).map((value) => ({ kind: next() < 0.5 ? "exact" : "prefix", value })),
          methods: some(methods, 0.3),
          headers: some(headerNames, 0.3).map((name) => ({ name, value: next() < 0.3 ? null : pick(values) })),
          from: some([...services, ...spiffes], 0.3),
          sources: some(addresses, 0.2).map((text) => {
            const bytes = ipBytes(text)!;
            const length = Math.floor(next() * (bytes.length * 8 + 1));
            return { bytes: masked(bytes, length), length };
          }),
          ports: some(ports, 0.3),
        };
  const acts = (): Acts => {
    if (connectionsOnly) return next() < 0.5 ? allow : { ...allow, deny: 0 };
    if (next() < 0.35) return { ...allow, deny: pick([0, 403, 451]), count: next() < 0.3 };
    return {
      deny: null,
      headers:
        next() < 0.4
          ? [
              ["x-b", null],
              ["x-set", pick(values)],
            ]
          : [],
      route: next() < 0.2 ? pick(services) : "",
      limit: next() < 0.15 ? { intervalNs: BigInt(1 + Math.floor(next() * 5)) * 1_000_000n, burst: 1 + Math.floor(next() * 3) } : null,
      count: next() < 0.3,
      sample: next() < 0.2 ? pick([2 ** 32, 2 ** 31, 1_431_655_765]) : 0,
    };
  };
  const rules = Array.from({ length: count }, (_, index): Rule => ({ name: `r${index}`, match: match(), acts: acts() }));
  return { services: [], rules: [...rules, { name: "default", match: matchAll, acts: next() < 0.5 ? allow : { ...allow, deny: 0 } }] };
}

/** A request. */
export function randomRequest(next: () => number): RuleRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  const host = pick([...hosts, "Shop.EXAMPLE:8080", "shop.example.", ".example", "x..example", "", "[fd00::1]:80", "[fd00", ":80"]);
  const path = pick([...paths, ...paths.map((one) => `${one}/b?x=/a`), "*", "", "a/b", "/a#b", "//a", "/admin/", "/a//b"]);
  const headers = Array.from({ length: Math.floor(next() * 5) }, () => [pick([...headerNames, "x-mitsu-sample"]), pick(values)] as const);
  return {
    headers: [[":authority", host], [":path", path], [":method", pick([...methods, "get"])], ...headers],
    service: pick([...services, "", "nobody"]),
    spiffe: pick([...spiffes, "", "spiffe://other/a"]),
    address: pick([
      ...addresses,
      ...addresses,
      "10.0.0.2",
      "1::",
      "::",
      "::1",
      "1:2:3:4:5:6:7:8",
      "1:2::7:8",
      "fe80::1:0:0:2",
      "::1.2.3.4",
    ]),
    port: pick([...ports, 81]),
  };
}
