import { type AuthorisationRule, defaultRoute, type PolicyActionOfRequests, type RequestMatch } from "@mitsu/catalog";
import test from "ava";
import fc from "fast-check";
import { Authorise } from "../../src/filters/authorise.ts";
import { DenialLog } from "../../src/filters/denial-log.ts";
import { flag, verdict } from "../../src/live-exchange.ts";
import { ExchangeDouble } from "./exchange-double.ts";
import { RequestDouble } from "./head-double.ts";

const all = defaultRoute().match;

function rule(
  name: string,
  action: PolicyActionOfRequests,
  { match = {}, ...rest }: Partial<Omit<AuthorisationRule, "match">> & { match?: Partial<RequestMatch> } = {},
): AuthorisationRule {
  return { name, action, to: ["web"], from: ["*"], dryRun: false, match: { ...all, ...match }, ...rest };
}

/** Lines of the log. */
function recorder() {
  const lines: [level: string, message: string, fields: Record<string, unknown>][] = [];
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push([level, message, fields]);
  return { lines, log: new DenialLog({ warn: at("warn"), info: at("info") }) };
}

function authorise(rules: readonly AuthorisationRule[], authorisation: PolicyActionOfRequests, log = recorder().log): Authorise {
  return new Authorise(
    rules,
    [
      { name: "web", authorisation },
      { name: "cart", authorisation: "allow" },
    ],
    log,
  );
}

/** Name of what denies a request; empty when it passes. */
function denier(filter: Authorise, x = new ExchangeDouble()): string {
  const said = filter.onRequestHead(x);
  return said === verdict.respond ? x.deniedBy : "";
}

test("Authorise looks at deny rules, then allow rules, then the default", (t) => {
  const allow = rule("friends", "allow", { from: ["shop"] });
  const deny = rule("no shop", "deny", { from: ["shop"] });
  t.is(denier(authorise([allow, deny], "allow")), "no shop");
  t.is(denier(authorise([allow], "deny")), "");
  t.is(denier(authorise([rule("others", "allow", { from: ["pay"] })], "deny")), "default");
  t.is(denier(authorise([rule("others", "deny", { from: ["pay"] })], "allow")), "");
  t.is(denier(authorise([], "deny")), "default");
  t.is(denier(authorise([], "allow")), "");
});

test("Authorise answers 403 as Envoy does, with the flag and the rule's name", (t) => {
  const x = new ExchangeDouble();
  t.is(authorise([rule("closed", "deny")], "allow").onRequestHead(x), verdict.respond);
  t.deepEqual(x.answers, [{ status: 403, flag: flag.unauthorised, body: "RBAC: access denied" }]);
  t.is(x.deniedBy, "closed");
});

test("Authorise takes a program of no service for none that a rule names, only for *", (t) => {
  const stranger = new ExchangeDouble();
  stranger.caller = { service: "", address: "10.0.0.9", port: 1, by: "nobody" };
  t.is(denier(authorise([rule("named", "allow", { from: ["", "shop"] })], "deny"), stranger), "default");
  t.is(denier(authorise([rule("anyone", "allow")], "deny"), stranger), "");
});

test("Authorise asks also the service that the route leads to", (t) => {
  const x = new ExchangeDouble();
  x.target = "cart";
  t.is(denier(authorise([rule("cart closed", "deny", { to: ["cart"] })], "allow"), x), "cart closed");
  t.is(denier(authorise([rule("web closed", "deny", { to: ["web"] })], "allow"), x), "web closed");
  t.is(denier(authorise([rule("all closed", "deny", { to: ["*"] })], "allow"), x), "all closed");
  t.is(denier(authorise([rule("cart closed", "deny", { to: ["cart"] })], "allow")), "");
});

for (const [what, match, x, matches] of [
  ["path", { path: { kind: "prefix", value: "/admin" } }, new RequestDouble("/admin/x"), true],
  ["another path", { path: { kind: "prefix", value: "/admin" } }, new RequestDouble("/administrator"), false],
  ["method", { methods: ["DELETE"] }, new RequestDouble("/", { method: "DELETE" }), true],
  ["another method", { methods: ["DELETE"] }, new RequestDouble(), false],
  [
    "header",
    { headers: [{ name: "x-debug", match: { kind: "present" }, invert: false }] },
    new RequestDouble("/", { fields: [["x-debug", ""]] }),
    true,
  ],
  ["host", { hosts: ["*.internal"] }, new RequestDouble("/", { authority: "A.internal:80" }), true],
  ["another host", { hosts: ["*.internal"] }, new RequestDouble(), false],
  ["port", { ports: [80] }, new RequestDouble(), true],
  ["another port", { ports: [81] }, new RequestDouble(), false],
  ["parameter", { query: [{ name: "q", match: { kind: "exact", value: "1" }, invert: false }] }, new RequestDouble("/?q=1"), true],
] satisfies [string, Partial<RequestMatch>, RequestDouble, boolean][]) {
  test(`Authorise ${matches ? "matches" : "does not match"} by ${what}`, (t) => {
    t.is(denier(authorise([rule("r", "deny", { match })], "allow"), new ExchangeDouble(x)), matches ? "r" : "");
    t.is(denier(authorise([rule("r", "allow", { match })], "deny"), new ExchangeDouble(x)), matches ? "" : "default");
  });
}

const admin: Partial<RequestMatch> = { path: { kind: "prefix", value: "/admin" } };
const open: Partial<RequestMatch> = { path: { kind: "prefix", value: "/public" } };
for (const path of [
  "/x/../admin",
  "//admin",
  "/%2e%2e/admin",
  "/%61dmin",
  "\\admin",
  "/public/..\\admin",
  "/public%2f..%2fadmin",
  "/public/..;/admin",
  "/public/%2e%2e;a/admin",
]) {
  test(`Authorise is not led past a rule on /admin by ${path}`, (t) => {
    const spelled = path.startsWith("/") ? path : `/${path}`;
    t.is(denier(authorise([rule("admin", "deny", { match: admin })], "allow"), new ExchangeDouble(new RequestDouble(spelled))), "admin");
    t.is(denier(authorise([rule("open", "allow", { match: open })], "deny"), new ExchangeDouble(new RequestDouble(spelled))), "default");
  });
}

test("Authorise sends on the path that it judged", (t) => {
  const x = new ExchangeDouble(new RequestDouble("/admin/../public?a"));
  t.is(denier(authorise([rule("open", "allow", { match: open })], "deny"), x), "");
  t.is(x.request.path, "/public?a");
});

test("Authorise only counts and logs what a rule in dry run would do", (t) => {
  const { lines, log } = recorder();
  const filter = authorise([rule("try deny", "deny", { dryRun: true }), rule("try allow", "allow", { dryRun: true })], "deny", log);
  t.is(denier(filter), "default");
  t.deepEqual(
    filter.counts().map(({ rule: name, hits, dryRun }) => [name, hits, dryRun]),
    [
      ["try deny", 1, true],
      ["try allow", 1, true],
    ],
  );
  t.deepEqual(
    lines.map(([level, message, { rule: name }]) => [level, message, name]),
    [
      ["info", "request would be denied (dry run)", "try deny"],
      ["info", "request would be allowed (dry run)", "try allow"],
      ["warn", "request denied", "default"],
    ],
  );
});

test("Authorise logs each denial with the rule and who asked what, without the query", (t) => {
  const { lines, log } = recorder();
  denier(authorise([rule("closed", "deny")], "allow", log), new ExchangeDouble(new RequestDouble("/a?password=x")));
  t.deepEqual(lines, [["warn", "request denied", { rule: "closed", from: "shop", to: "web", port: 80, method: "GET", path: "/a" }]]);
});

test("DenialLog writes no flood, and says how many lines are missing", (t) => {
  const { lines, log } = recorder();
  const filter = authorise([], "deny", log);
  for (let n = 0; n < 500; n++) denier(filter);
  t.is(lines.length, 100);
  const later = new ExchangeDouble();
  later.startNs = 1e9;
  denier(filter, later);
  t.is(lines.at(-1)?.[2].notLogged, 400);
  denier(filter, later);
  t.is(lines.at(-1)?.[2].notLogged, undefined);
  t.is(filter.defaultDenials("web"), 502);
});

test("Authorise goes on counting after a reload", (t) => {
  const { log } = recorder();
  const services = [{ name: "web", authorisation: "deny" as const }];
  const rules = [rule("a", "allow", { from: ["shop"] }), rule("b", "deny", { from: ["pay"] })];
  const before = new Authorise(rules, services, log);
  denier(before);
  const stranger = new ExchangeDouble();
  stranger.caller = { service: "", address: "::1", port: 1, by: "nobody" };
  denier(before, stranger);
  const after = new Authorise([rule("b", "deny"), rule("a", "allow"), rule("b2", "allow")], services, log, before);
  t.deepEqual(
    after.counts().map(({ rule: name, hits }) => [name, hits]),
    [
      ["b", 0],
      ["a", 1],
      ["b2", 0],
    ],
  );
  t.is(after.defaultDenials("web"), 1);
});

test("Authorise.concerns() only services that have rules or are closed", (t) => {
  const filter = authorise([rule("cart", "deny", { to: ["cart"] })], "allow");
  t.false(filter.concerns(["web"]));
  t.true(filter.concerns(["web", "cart"]));
  t.false(filter.concerns(["unknown"]));
  t.true(authorise([], "deny").concerns(["web"]));
  t.true(authorise([rule("all", "allow", { to: ["*"] })], "allow").concerns(["web"]));
});

test("Authorise decides as asking all rules in turn does", (t) => {
  const anyRule = fc.record({
    action: fc.constantFrom("allow" as const, "deny" as const),
    to: fc.subarray(["web", "cart", "*"], { minLength: 1 }),
    from: fc.subarray(["shop", "pay", "*"], { minLength: 1 }),
    dryRun: fc.boolean(),
    methods: fc.subarray(["GET", "POST"]),
  });
  const asked = fc.record({
    from: fc.constantFrom("shop", "pay", ""),
    target: fc.constantFrom("web", "cart"),
    method: fc.constantFrom("GET", "POST"),
  });
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 6 }),
      fc.constantFrom("allow" as const, "deny" as const),
      asked,
      (entries, fallback, { from, target, method }) => {
        const rules = entries.map(({ methods, ...rest }, index) => rule(String(index), rest.action, { ...rest, match: { methods } }));
        const decide = (to: string, otherwise: PolicyActionOfRequests) => {
          const fitting = rules.filter(
            (one) =>
              !one.dryRun &&
              (one.to.includes("*") || one.to.includes(to)) &&
              (one.from.includes("*") || (from !== "" && one.from.includes(from))) &&
              (one.match.methods.length === 0 || one.match.methods.includes(method)),
          );
          const deny = fitting.find(({ action }) => action === "deny");
          if (deny) return deny.name;
          return fitting.length > 0 || otherwise === "allow" ? "" : "default";
        };
        const x = new ExchangeDouble(new RequestDouble("/", { method }));
        x.caller = { ...x.caller, service: from };
        x.target = target;
        const wanted = decide("web", fallback) || (target === "cart" ? decide("cart", "allow") : "");
        t.is(denier(authorise(rules, fallback), x), wanted);
      },
    ),
    { seed: 4, numRuns: 2000 },
  );
});
