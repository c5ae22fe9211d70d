/** How rules are split over devices, and that the parts decide as the whole does. @module */
import test from "ava";
import { backEndsOf } from "../../src/rules/build-rules.ts";
import { matches, RuleEvaluator } from "../../src/rules/evaluate.ts";
import { matchAll, type RuleSet } from "../../src/rules/ir.ts";
import { overlaps } from "../../src/rules/overlap.ts";
import { parseRules } from "../../src/rules/parse-rules.ts";
import { placeRules, type RulePlacement } from "../../src/rules/place-rules.ts";
import type { RuleRequest } from "../../src/rules/request.ts";
import { random, randomRequest, randomRules } from "./random-rules.ts";

const rulesOf = (rules: string, rest = ""): RuleSet => parseRules(`version: 1\n${rest}\nrules:\n${rules}\n`, "rules.yaml");
const placed = async (set: RuleSet, names?: readonly string[]): Promise<RulePlacement> => placeRules(set, await backEndsOf(set, names));
/** `name → device (passes)`. */
const shown = ({ rules }: RulePlacement): string[] =>
  rules.map(({ rule, device, passes }) => `${rule} → ${device ?? "-"}${passes.length > 0 ? ` (${passes.join()} passes)` : ""}`);

test("placeRules() gives the kernel what only refuses by caller and port, and the module the rest", async (t) => {
  const set = rulesOf(`
  - { name: no-cart, match: { from: cart, port: 5432 }, do: deny }
  - { name: admin, match: { path: /admin }, do: { deny: 403 } }
  - { name: tag, match: { host: shop.example }, do: { set: { x-a: b } } }`);
  const placement = await placed(set);
  t.deepEqual(shown(placement), ["no-cart → kernel", "admin → wasm", "tag → wasm", "default → wasm"]);
  t.regex(placement.rules[1]!.reason, /kernel: decides at connect, before there is a request: it sees no path/);
});

test("placeRules() keeps a rule late that comes after one of requests, and lets a rule of connections pass early", async (t) => {
  const late = await placed(
    rulesOf("  - { name: health, match: { path: /health }, do: allow }\n  - { name: no-cart, match: { from: cart }, do: deny }"),
  );
  t.deepEqual(shown(late), ["health → wasm", "no-cart → wasm", "default → wasm"]);
  t.regex(late.rules[1]!.reason, /kernel: rule "health" comes first, may match the same, and acts later/);
  const early = await placed(
    rulesOf(
      "  - { name: cart-http, match: { from: cart, port: 80 }, do: { count: true } }\n  - { name: no-cart, match: { from: cart }, do: deny }",
    ),
  );
  t.deepEqual(shown(early), ["cart-http → wasm (kernel passes)", "no-cart → kernel", "default → wasm"]);
  const apart = await placed(
    rulesOf("  - { name: pay, match: { from: pay, path: /x }, do: allow }\n  - { name: no-cart, match: { from: cart }, do: deny }"),
  );
  t.deepEqual(shown(apart)[1], "no-cart → kernel");
});

test("placeRules() needs no module where all rules are about connections", async (t) => {
  const placement = await placed(rulesOf("  - { name: a, match: { from: cart }, do: allow }", "default: deny"));
  t.deepEqual(shown(placement), ["a → kernel", "default → kernel"]);
  t.deepEqual(
    placement.devices.map(({ device }) => device),
    ["kernel"],
  );
  t.is(
    Buffer.from(placement.devices[0]!.artifact.bytes)
      .toString()
      .replace(/^#.*\n/, ""),
    'version: 1\nservices:\n  cart: {}\npolicies:\n  - name: a\n    from:\n      - cart\n    to: "*"\n    action: allow\n  - name: default\n    from: "*"\n    to: "*"\n    action: deny\n',
  );
  t.deepEqual((await placed(rulesOf("  - { do: allow }"))).devices, []);
});

test("placeRules() names each rule that no device can do, with each device's reason", async (t) => {
  const set = rulesOf(
    "  - { name: admin, match: { path: /admin }, do: deny }\n  - { name: teapot, match: { from: cart }, do: { deny: 418 } }\n  - { match: { source: 10.0.0.0/8 }, do: deny }",
  );
  const error = await t.throwsAsync(placed(set, ["kernel"]), { code: "ERR_RULES_DEVICE" });
  t.deepEqual(error.message.split("\n"), [
    'rule "admin": no device can do it: kernel: decides at connect, before there is a request: it sees no path',
    'rule "teapot": no device can do it: kernel: decides at connect: it cannot answer with status 418',
    'rule "rule-3": no device can do it: kernel: knows callers by their services, not by addresses',
  ]);
  t.is((error as { exit?: number }).exit, 2);
  await t.throwsAsync(backEndsOf(set, ["wsam"]), { code: "ERR_USAGE", message: /no back end "wsam"/ });
});

test("placeRules() puts rules by address into the table in RTL while it has room", async (t) => {
  const rules = Array.from({ length: 70 }, (_, at) => `  - { name: net-${at}, match: { source: 10.${at}.0.0/16 }, do: deny }`).join("\n");
  const placement = await placed(rulesOf(rules), ["kernel", "rtl", "wasm"]);
  t.deepEqual(
    [...Map.groupBy(placement.rules, ({ device }) => device)].map(([device, list]) => [device, list.length]),
    [
      ["rtl", 64],
      ["wasm", 7],
    ],
  );
  t.regex(placement.rules[64]!.reason, /rtl: has 0 of 64 slots for prefixes left, not 1/);
});

test("overlaps() is false only where no request matches both", (t) => {
  const next = random(5);
  let [apart, together] = [0, 0];
  const requests = Array.from({ length: 60 }, () => randomRequest(next));
  const rules = Array.from({ length: 8 }, () => randomRules(next, { rules: 25 }).rules.slice(0, -1)).flat();
  for (const one of rules)
    for (const other of rules.slice(0, 30)) {
      if (overlaps(one.match, other.match)) {
        together++;
        continue;
      }
      apart++;
      const both = requests.find((request) => matches(one.match, request) && matches(other.match, request));
      if (both !== undefined) return t.deepEqual([one.match, other.match, both], []);
      if (overlaps(other.match, one.match)) return t.fail("it is not symmetric");
    }
  t.true(apart > 500 && together > 500);
  t.true(overlaps(matchAll, matchAll));
});

/** Rule sets tried. */
const rounds = process.env.MITSU_TEST_ALL === "1" ? 1000 : 60;

/** What a stage before the last says: the first of its rules. */
function refusedEarly({ devices }: RulePlacement, last: string, request: RuleRequest): string | undefined {
  for (const { device, rules } of devices) {
    if (device === last) continue;
    const first = rules.find(({ rule }) => matches(rule.match, request));
    if (first !== undefined && !first.pass && first.rule.acts.deny !== null) return first.rule.name;
  }
  return undefined;
}

test("placeRules() splits random rule sets so that the stages, one after the other, decide as the one list does", async (t) => {
  const next = random(77);
  const used = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const requests = randomRules(next, { rules: Math.floor(next() * 6) });
    const connections = randomRules(next, { rules: 1 + Math.floor(next() * 12), connectionsOnly: true });
    // Rules of both kinds, shuffled, under names of their own; without limits and samples, which would remember.
    const mixed = [...requests.rules.slice(0, -1), ...connections.rules.slice(0, -1)]
      .map((rule, at) => ({ ...rule, name: `m${at}`, acts: { ...rule.acts, limit: null, sample: 0 } }))
      .map((rule) => ({ rule, order: next() }))
      .sort((one, other) => one.order - other.order)
      .map(({ rule }) => rule);
    const set = { services: [], rules: [...mixed, connections.rules.at(-1)!] };
    const placement = await placed(set, round % 2 === 0 ? ["kernel", "wasm"] : ["kernel", "rtl", "wasm"]);
    for (const { device } of placement.rules) used.add(device ?? "none");
    const whole = new RuleEvaluator(set);
    const module = placement.devices.find(({ device }) => device === "wasm");
    const rest = module?.rules.map(({ rule }) => rule) ?? [];
    const late = new RuleEvaluator({
      services: [],
      rules: [...rest, { name: "passed", match: matchAll, acts: { ...connections.rules.at(-1)!.acts, deny: null } }],
    });
    for (let turn = 0; turn < 30; turn++) {
      const request = randomRequest(next);
      const expected = whole.judge(request, 0n);
      const early = refusedEarly(placement, "wasm", request);
      const got = early === undefined ? late.judge(request, 0n) : { rule: early, status: 403, headers: [] };
      if (expected.status !== got.status || (expected.status === null && expected.headers.join() !== got.headers.join())) {
        t.deepEqual(got, expected, JSON.stringify({ round, rules: set.rules, request, placed: shown(placement) }));
        return;
      }
      if (expected.status !== null && got.rule !== expected.rule) return t.is(got.rule, expected.rule);
    }
  }
  t.deepEqual([...used].sort(), ["kernel", "none", "rtl", "wasm"]);
});
