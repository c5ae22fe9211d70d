import { displayWidth, painter, testEnv } from "@mitsu/cli";
import test from "ava";
import { formatPlan } from "../../src/plan/format-plan.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { planReport } from "../../src/plan/plan-report.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { node, problem, service, shop, shopPlan } from "./fixture.ts";

function planOf(of: Problem, assignment: Readonly<Record<string, string>>, rest: Partial<Plan> = {}): Plan {
  const report = planReport(of, assignment, { weight: 0.05, maxUtilisation: 1, reserve: "requests", budget: null, proof: null });
  return {
    version: 1,
    assignment,
    problem: { name: of.name, file: "shop.yaml", sha256: "0".repeat(64) },
    strategy: "mitsu",
    options: { seed: 1, weight: 0.05, maxUtilisation: 1, reserve: "requests", workers: 1, budget: null },
    cut: false,
    seconds: 0.2134,
    notes: [],
    report,
    ...rest,
  };
}

test("formatPlan() says what a plan is worth, how full each node is, and each check", (t) => {
  const text = formatPlan(planOf(shop, shopPlan), shop, testEnv({ columns: 100 }).stdout);
  t.is(
    text,
    `shop: 6 replicas on 2 nodes, by mitsu in 0.21 s
  on-node traffic  55 % of what it can save; 55 % of messages, 55 % of bytes
  messages cost    12.4 mcores; 6.87 if all stayed on nodes, 19.4 if none did
  imbalance        3.1 % mean deviation from the cluster's utilisation
  objective        0.4248 at weight 0.05
  best possible    not known; --strategy exact finds it out
  moves            3 of 6 replicas, 1000 B

NODE  REPLICAS  CPU                      MEMORY                   MESSAGES [mcores]
n1           3  ██████████████··   88 %  ██████··········   38 %               6.77
n2           3  ████████████····   75 %  ██████··········   38 %               5.68

✓ placed        6 of 6
✓ capacity      4 of 4
✓ nodes         6 of 6
✓ pinned        nothing asked
✓ affinity      nothing asked
✓ anti-affinity nothing asked
✓ spread        nothing asked
✓ wishes        nothing asked
`,
  );
});

test("formatPlan() tells an optimum, a bound where it says something, and notes; exact only to small problems", (t) => {
  const { stdout } = testEnv();
  const plan = planOf(shop, shopPlan);
  const bound = formatPlan(
    { ...plan, report: { ...plan.report, proof: "bound", bound: 0.4, gap: 0.0586, boundBy: "pairs" } },
    shop,
    stdout,
  );
  t.regex(bound, /best possible +0\.4000 or more, a rough bound; --strategy exact finds it out\n/);
  const useless = formatPlan(
    { ...plan, report: { ...plan.report, proof: "bound", bound: 0.04, gap: 0.9, boundBy: "pairs" } },
    shop,
    stdout,
  );
  t.regex(useless, /best possible +not known; --strategy exact finds it out\n/);
  t.notRegex(useless, /90 %/);
  const cut = formatPlan({ ...plan, report: { ...plan.report, proof: "bound", bound: 0.4, gap: 0.0586, boundBy: "highs" } }, shop, stdout);
  t.regex(cut, /best possible +0\.4000 or more, by HiGHS: a gap of 5\.9 %\n/);
  const optimal = formatPlan(
    { ...plan, notes: ["cut short"], report: { ...plan.report, proof: "optimal", bound: 0.42, gap: 0, boundBy: "highs" } },
    shop,
    stdout,
  );
  t.regex(optimal, /best possible +this is the optimum, proven by HiGHS\n/);
  t.regex(optimal, /note: cut short\n$/);
});

test("formatPlan() says of moves what runs now, what starts, and what a budget allows", (t) => {
  const moves = (of: Problem, rest: Partial<Plan> = {}): string =>
    /moves +(.*)\n/.exec(formatPlan(planOf(of, shopPlan, rest), of, testEnv().stdout))![1]!;
  t.is(moves(shop), "3 of 6 replicas, 1000 B");
  t.is(moves({ ...shop, assignment: {} }), "none: nothing runs yet, all 6 start");
  const { "mail-0": _, ...others } = shop.assignment;
  t.is(moves({ ...shop, assignment: others }), "2 of 5 replicas that run, 0 B; 1 starts");
  t.is(moves({ ...shop, services: shop.services.map((one) => ({ ...one, moveBytes: 0 })) }), "3 of 6 replicas");
  const { options } = planOf(shop, shopPlan);
  t.is(moves(shop, { options: { ...options, budget: { moves: 4, bytes: 2048 } } }), "3 of 6 replicas, 1000 B; at most 4 and 2.00 KiB");
});

test("formatPlan() tells the cost of messages in shares where traffic has no unit, and in small units where it is small", (t) => {
  const shares = { ...shop, resources: shop.resources.map((one) => ({ ...one, unit: "share" as const })) };
  const text = formatPlan(planOf(shares, shopPlan), shares, testEnv().stdout);
  t.regex(text, /messages cost +64 % of what they would if all crossed nodes, 35 % if none did\n/);
  t.regex(text, /MESSAGES \[%\]\nn1 .* 34\.9\n/);
  const quiet = {
    ...shop,
    traffic: shop.traffic.map((one) => ({ ...one, messagesPerSecond: one.messagesPerSecond / 1e4, bytesPerSecond: 0 })),
  };
  t.regex(formatPlan(planOf(quiet, shopPlan), quiet, testEnv().stdout), /messages cost +\d\.\d+ µcores;/);
  const silent = { ...shop, traffic: [] };
  t.regex(formatPlan(planOf(silent, shopPlan), silent, testEnv().stdout), /messages cost +nothing: there is no traffic between services\n/);
});

test("formatPlan() shows what is broken, five of many, and wishes that gave way apart from it", (t) => {
  const many = problem({
    nodes: [node("n1", { capacity: { cpu: 100, memory: 1e12 } })],
    services: [service("a", 9, { nodes: [], antiAffinity: [{ service: "a", within: "node", weight: 5 }] })],
  });
  const text = formatPlan(
    planOf(many, Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`a-${at}`, "n1"]))),
    many,
    testEnv().stdout,
  );
  t.regex(text, /✗ nodes {9}9 broken\n {4}a-0 is on n1, which is not among the nodes of a\n(.*\n){4} {4}… and 4 more/);
  t.regex(text, /~ wishes {8}0 of 1 kept/);
});

test("formatPlan() shows the ten fullest and the ten emptiest of many nodes", (t) => {
  const nodes = Array.from({ length: 50 }, (_, at) => node(`n${at}`, { capacity: { cpu: 1 + at } }));
  const of = problem({ nodes, services: [service("a", 50, { requests: { cpu: 1 } })] });
  const text = formatPlan(planOf(of, Object.fromEntries(nodes.map(({ name }, at) => [`a-${at}`, name]))), of, testEnv().stdout);
  t.regex(text, /\nn0 .*100 %.*\n(n\d .*\n){9}… 30 nodes between the fullest and the emptiest\n(n4\d .*\n){10}\n/);
});

test("formatPlan() puts the gain curve and the front into small tables, thinned to twelve points with both ends", (t) => {
  const curve = Array.from({ length: 100 }, (_, at) => ({ moves: at, bytes: at * 1024, onNode: at / 99, objective: 1 - at / 99 }));
  const front = [0, 0.05, 1].map((weight) => ({ weight, onNode: 0.5, imbalance: 0.25, objective: 0.3, assignment: {} }));
  const text = formatPlan(planOf(shop, shopPlan, { curve, front }), shop, testEnv().stdout);
  t.is(text.match(/^ +\d+ .*(KiB| B) .*$/gm)?.length, 12);
  t.regex(text, /\n +0 +0 B +0 % +1\.0000\n/);
  t.regex(text, /\n +99 +99\.0 KiB +100 % +0\.0000\n/);
  t.regex(text, /\n +0\.05 +50 % +25 % +0\.3000 {2}← this plan\n/);
});

test("formatPlan() paints only when told, keeps to the terminal's width, and lets no name drive the terminal", (t) => {
  const evil = problem({ name: "\x1b[31mred", nodes: [node("n\x1b[2J1")], services: [service("a", 1)] });
  const plan = planOf(evil, { "a-0": "n\x1b[2J1" }, { notes: ["\x07bell"] });
  t.notRegex(formatPlan(plan, evil, testEnv().stdout), /[^\P{Cc}\n]/u);
  const terminal = testEnv({ isTTY: true, columns: 60 });
  const painted = formatPlan(planOf(shop, shopPlan), shop, terminal.stdout, painter(terminal.stdout, {}));
  t.true(painted.includes("\x1b[32m✓"));
  const nodes = painted
    .replace(/\p{Cc}\[\d+m/gu, "")
    .split("\n")
    .filter((line) => /^(NODE|n\d)/.test(line));
  t.is(nodes.length, 3);
  for (const line of nodes) t.true(line.length <= 60, line);
});

test("formatPlan() leaves bars out where they do not fit, and aligns wide names", (t) => {
  const resources = ["cpu", "memory", "disk", "gpu", "ports"].map((name) => ({ name, unit: "count" as const }));
  const capacity = Object.fromEntries(resources.map(({ name }) => [name, 10]));
  const many = problem({
    resources,
    nodes: [node("節点一", { capacity }), node("n2", { capacity })],
    services: [service("a", 2, { requests: capacity })],
  });
  const text = formatPlan(planOf(many, { "a-0": "節点一", "a-1": "n2" }), many, testEnv({ columns: 80 }).stdout);
  t.notRegex(text, /█/);
  const [head, one, two] = text.split("\n").filter((line) => /^(NODE|節点一|n2)/.test(line));
  t.is(head!.length, displayWidth(one!));
  t.is(displayWidth(one!), two!.length);
  t.true(head!.length <= 80, head);
});
