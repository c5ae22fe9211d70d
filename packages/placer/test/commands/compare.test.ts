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
    `PLAN          STRATEGY  ON-NODE  MESSAGES [mcores]  IMBALANCE  OBJECTIVE  FULLEST NODE  MOVES  CARRYING  BROKEN
now           -            32 %               15.4      3.1 %     0.6459  n2 cpu 88 %       0       0 B  none
plan.json     unknown      55 %               12.4      3.1 %     0.4248  n1 cpu 88 %       3    1000 B  none
crowded.json  unknown     100 %               6.87       59 %     0.0297  n1 cpu 163 %      4    1000 B  capacity 1
`,
  );
});

test("placer compare has a column for each plan where a terminal is too narrow for rows", async (t) => {
  const { terminal } = planFolder(t, shop, { "plan.json": shopPlan, "crowded.json": crowded });
  const { out } = await terminal(80, "compare", "plan.json", "crowded.json", "--problem", "problem.yaml");
  t.is(
    out,
    `PLAN                       now    plan.json  crowded.json
STRATEGY                     -      unknown       unknown
ON-NODE                   32 %         55 %         100 %
MESSAGES [mcores]         15.4         12.4          6.87
IMBALANCE                3.1 %        3.1 %          59 %
OBJECTIVE               0.6459       0.4248        0.0297
FULLEST NODE       n2 cpu 88 %  n1 cpu 88 %  n1 cpu 163 %
MOVES                        0            3             4
CARRYING                   0 B       1000 B        1000 B
BROKEN                    none         none    capacity 1
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

test("placer compare, explain and draw believe no figure that a plan file tells of itself", async (t) => {
  const { placer, write, read } = planFolder(t, shop, { "plan.json": shopPlan });
  const lies = { onNode: 1, onNodeMessages: 1, messageCores: 0, imbalance: 0, objective: 0, moves: 0, moveBytes: 0, nodes: [], checks: [] };
  write("lying.json", JSON.stringify({ version: 1, assignment: shopPlan, report: lies }));
  const { out } = await placer("compare", "plan.json", "lying.json", "--problem", "problem.yaml", "--json");
  const [, honest, lying] = JSON.parse(out).plans as readonly Record<string, unknown>[];
  t.deepEqual({ ...lying, plan: "" }, { ...honest, plan: "" });
  const explained = async (plan: string): Promise<string> =>
    (await placer("explain", "cart-0", "--plan", plan, "-p", "problem.yaml", "--json")).out;
  t.is(await explained("lying.json"), await explained("plan.json"));
  for (const name of ["plan", "lying"])
    t.is((await placer("draw", `${name}.json`, "-p", "problem.yaml", "-o", `${name}.svg`)).status, 0, name);
  t.is(read("lying.svg"), read("plan.svg"));
});
