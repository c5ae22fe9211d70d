import test from "ava";
import { shop, shopPlan } from "../plan/fixture.ts";
import { planFolder } from "./plan-files.ts";

const crowded = Object.fromEntries(Object.keys(shopPlan).map((replica) => [replica, "n1"]));

test("placer compare puts the present placement first, then each plan, judged anew", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan, "crowded.json": crowded });
  const { status, out, err } = await placer("compare", "plan.json", "crowded.json", "--problem", "problem.yaml");
  t.is(status, 0, err);
  t.is(
    out,
    `PLAN          STRATEGY  ON-NODE  MESSAGES [cores]  IMBALANCE  OBJECTIVE  FULLEST NODE  MOVES  CARRYING  BROKEN
now           -            32 %            0.0154      3.1 %     0.6459  n2 cpu 88 %       0       0 B  none
plan.json     mitsu        55 %            0.0124      3.1 %     0.4248  n1 cpu 88 %       3    1000 B  none
crowded.json  mitsu       100 %           0.00687       59 %     0.0297  n1 cpu 163 %      4    1000 B  capacity 1
`,
  );
});

test("placer compare --json tells what is broken and how much moves", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan, "crowded.json": crowded });
  const { out } = await placer("compare", "plan.json", "crowded.json", "--problem", "problem.yaml", "--json");
  const { plans } = JSON.parse(out);
  t.deepEqual(
    plans.map(({ plan, moves, moveBytes, broken }: Record<string, unknown>) => [plan, moves, moveBytes, broken]),
    [
      ["now", 0, 0, {}],
      ["plan.json", 3, 1000, {}],
      ["crowded.json", 4, 1000, { capacity: ["n1: cpu: 6.5 cores reserved of 4 cores, 2.5 cores too much"] }],
    ],
  );
});

test("placer compare has no row for a present placement when nothing runs", async (t) => {
  const { placer } = planFolder(t, { ...shop, assignment: {} }, { "plan.json": shopPlan });
  const { out } = await placer("compare", "plan.json", "--problem", "problem.yaml", "--json");
  t.deepEqual(
    JSON.parse(out).plans.map(({ plan }: { plan: string }) => plan),
    ["plan.json"],
  );
});
