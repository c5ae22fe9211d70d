import test from "ava";
import { shop, shopPlan } from "../plan/fixture.ts";
import { planFolder } from "./plan-files.ts";

test("placer draw writes SVG or a page by the name's end, and SVG to stdout", async (t) => {
  const { placer, read } = planFolder(t, shop, { "plan.json": shopPlan });
  const draw = (output: string) => placer("draw", "plan.json", "--problem", "problem.yaml", "-o", output);
  t.is((await draw("plan.svg")).err, "");
  t.regex(read("plan.svg"), /^<svg .*<title id="title">shop: 55 % of traffic stays on its node, 32 % now<\/title>/s);
  t.is((await draw("plan.html")).status, 0);
  t.regex(read("plan.html"), /^<!doctype html>/);
  t.is((await draw("-")).out, read("plan.svg"));
});

test("placer draw refuses a name that says no form, before it reads anything", async (t) => {
  const { placer } = planFolder(t, shop, {});
  const { status, err } = await placer("draw", "plan.json", "-o", "plan.png");
  t.is(status, 2);
  t.is(err, "placer: --output plan.png: the name's end says the form, and must be .svg or .html\n  hint: such as --output plan.svg\n");
});
