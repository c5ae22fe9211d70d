import test from "ava";
import { shop, shopPlan } from "../plan/fixture.ts";
import { planFolder } from "./plan-files.ts";

test("placer explain says of one replica where it is, why, and what every other node would change", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan });
  const { status, out, err } = await placer("explain", "cart-0", "--problem", "problem.yaml");
  t.is(status, 0, err);
  t.is(
    out,
    `cart-0 of cart is on n1: beside db; it runs on n2 now
reserves cpu 1 core, memory 1.00 GiB

TRAFFIC WITH  MESSAGES      BYTES  STAYS ON n1
web              900/s  879 KiB/s          0 %
db               700/s  684 KiB/s        100 %

what a move would change (pt: points of percent)
NODE          OBJECTIVE  ON-NODE [pt]  IMBALANCE [pt]  MESSAGES [mcores]
n1    here
n2    better    -0.0878          +9.9           +12.5              -1.24

better: by the objective alone; a budget, the deadline or the strategy kept the plan from it
`,
  );
});

test("placer explain tells whole why other nodes are ruled out, however narrow the terminal", async (t) => {
  const { terminal } = planFolder(t, shop, { "plan.json": shopPlan });
  const { out } = await terminal(40, "explain", "db-0", "--problem", "problem.yaml");
  t.true(
    out.endsWith(`
where else it cannot be
NODE  WHY NOT
n2    no room: cpu: 2 cores wanted, 1 core free of 4 cores
`),
    out,
  );
});

test("placer explain tells traffic that has no unit as shares of all", async (t) => {
  const shares = { ...shop, resources: shop.resources.map((one) => ({ ...one, unit: "share" as const })) };
  const { placer } = planFolder(t, shares, { "plan.json": shopPlan });
  const { out } = await placer("explain", "cart-0", "--problem", "problem.yaml");
  t.regex(out, /\nTRAFFIC WITH +OF ALL \[%\] +STAYS ON n1\nweb +44\.6 +0 %\ndb +34\.7 +100 %\n/);
  t.regex(out, / MESSAGES \[pt\]\n/);
});

test("placer explain --json has every node with figures or what forbids it", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan });
  const { out } = await placer("explain", "db-0", "--problem", "problem.yaml", "--json");
  const { replica, node, reason, nodes } = JSON.parse(out);
  t.deepEqual([replica, node, reason], ["db-0", "n1", "beside cart"]);
  t.deepEqual(nodes[0], { node: "n1", verdict: "here", why: "", change: { objective: 0, onNode: 0, imbalance: 0, messageCores: 0 } });
  t.is(nodes[1].why, "no room: cpu: 2 cores wanted, 1 core free of 4 cores");
});

test("placer explain without a replica has a line for each", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan });
  const { out } = await placer("explain", "--problem", "problem.yaml");
  t.deepEqual(out.split("\n").slice(0, 3), [
    "REPLICA      NODE  NOW    REASON",
    "web-0        n2    n1     beside catalogue",
    "web-1        n2    there  beside catalogue",
  ]);
  const { out: text } = await placer("explain", "--problem", "problem.yaml", "--json");
  t.is(JSON.parse(text).replicas.length, 6);
});

test("placer explain refuses a replica that is not there, with the one that was meant", async (t) => {
  const { placer } = planFolder(t, shop, { "plan.json": shopPlan });
  const typo = await placer("explain", "crat-0", "--problem", "problem.yaml");
  t.is(typo.status, 2);
  t.is(typo.err, "placer: there is no replica 'crat-0'\n  hint: did you mean cart-0?\n");
  const named = await placer("explain", "web", "--problem", "problem.yaml");
  t.is(named.err, "placer: there is no replica 'web', it is a service\n  hint: did you mean web-0?\n");
});
