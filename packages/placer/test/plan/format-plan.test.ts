import { painter, testEnv } from "@mitsu/cli";
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
  const text = formatPlan(planOf(shop, shopPlan), testEnv({ columns: 100 }).stdout);
  t.is(
    text,
    `shop: 6 replicas on 2 nodes, by mitsu in 0.21 s
  on-node traffic  55 % of what it can save; 55 % of messages, 55 % of bytes
  messages cost    0.01245 cores; all on their nodes 0.006868, all between nodes 0.01939
  imbalance        3.1 % mean deviation from the cluster's utilisation
  objective        0.4248 at weight 0.05; no bound known
  moves            3 of 6 replicas, 1000 B

NODE  REPLICAS  CPU                      MEMORY                   MESSAGES [cores]
n1           3  ██████████████··   88 %  ██████··········   38 %           0.00677
n2           3  ████████████····   75 %  ██████··········   38 %           0.00568

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

test("formatPlan() tells the bound and the gap, an optimum, and a search that was cut short", (t) => {
  const { stdout } = testEnv();
  const plan = planOf(shop, shopPlan);
  const bound = formatPlan({ ...plan, report: { ...plan.report, proof: "bound", bound: 0.4, gap: 0.0586, boundBy: "pairs" } }, stdout);
  t.regex(bound, /no placement is below 0\.4000 \(by pairs\), gap 5\.9 %/);
  const optimal = formatPlan(
    { ...plan, cut: true, report: { ...plan.report, proof: "optimal", bound: 0.42, gap: 0, boundBy: "highs" } },
    stdout,
  );
  t.regex(optimal, /the optimum, proven by highs/);
  t.regex(optimal, /note: the deadline cut the search short/);
});

test("formatPlan() shows what is broken, five of many, and wishes that gave way apart from it", (t) => {
  const many = problem({
    nodes: [node("n1", { capacity: { cpu: 100, memory: 1e12 } })],
    services: [service("a", 9, { nodes: [], antiAffinity: [{ service: "a", within: "node", weight: 5 }] })],
  });
  const text = formatPlan(planOf(many, Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`a-${at}`, "n1"]))), testEnv().stdout);
  t.regex(text, /✗ nodes {9}9 broken\n {4}a-0 is on n1, which is not among the nodes of a\n(.*\n){4} {4}… and 4 more/);
  t.regex(text, /~ wishes {8}0 of 1 kept/);
});

test("formatPlan() shows the ten fullest and the ten emptiest of many nodes", (t) => {
  const nodes = Array.from({ length: 50 }, (_, at) => node(`n${at}`, { capacity: { cpu: 1 + at } }));
  const of = problem({ nodes, services: [service("a", 50, { requests: { cpu: 1 } })] });
  const text = formatPlan(planOf(of, Object.fromEntries(nodes.map(({ name }, at) => [`a-${at}`, name]))), testEnv().stdout);
  t.regex(text, /\nn0 .*100 %.*\n(n\d .*\n){9}… 30 nodes between the fullest and the emptiest\n(n4\d .*\n){10}\n/);
});

test("formatPlan() puts the gain curve and the front into small tables, thinned to twelve points with both ends", (t) => {
  const curve = Array.from({ length: 100 }, (_, at) => ({ moves: at, bytes: at * 1024, onNode: at / 99, objective: 1 - at / 99 }));
  const front = [0, 0.05, 1].map((weight) => ({ weight, onNode: 0.5, imbalance: 0.25, objective: 0.3, assignment: {} }));
  const text = formatPlan(planOf(shop, shopPlan, { curve, front }), testEnv().stdout);
  t.is(text.match(/^ +\d+ .*(KiB| B) .*$/gm)?.length, 12);
  t.regex(text, /\n +0 +0 B +0 % +1\.0000\n/);
  t.regex(text, /\n +99 +99\.0 KiB +100 % +0\.0000\n/);
  t.regex(text, /\n +0\.05 +50 % +25 % +0\.3000 {2}← this plan\n/);
});

test("formatPlan() paints only when told, keeps to the terminal's width, and lets no name drive the terminal", (t) => {
  const evil = problem({ name: "\x1b[31mred", nodes: [node("n\x1b[2J1")], services: [service("a", 1)] });
  const plan = planOf(evil, { "a-0": "n\x1b[2J1" }, { notes: ["\x07bell"] });
  t.notRegex(formatPlan(plan, testEnv().stdout), /[^\P{Cc}\n]/u);
  const terminal = testEnv({ isTTY: true, columns: 60 });
  const painted = formatPlan(planOf(shop, shopPlan), terminal.stdout, painter(terminal.stdout, {}));
  t.true(painted.includes("\x1b[32m✓"));
  const nodes = painted
    .replace(/\p{Cc}\[\d+m/gu, "")
    .split("\n")
    .filter((line) => /^(NODE|n\d)/.test(line));
  t.is(nodes.length, 3);
  for (const line of nodes) t.true(line.length <= 60, line);
});
