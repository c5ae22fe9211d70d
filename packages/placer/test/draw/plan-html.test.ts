import { createHash } from "node:crypto";
import test from "ava";
import { drawPlanPage } from "../../src/draw/plan-html.ts";
import { node, problem, service, shop, shopPlan } from "../plan/fixture.ts";
import { large, planOf } from "./plan-of.ts";
import { all, parseXml } from "./xml.ts";

const dataOf = (page: string) => JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1]!);

test("drawPlanPage() is one file that loads nothing: its policy allows its own script by hash, and there is no address in it", (t) => {
  const page = drawPlanPage(shop, planOf(shop, shopPlan));
  const script = /<script>(.*?)<\/script>/s.exec(page)![1]!;
  t.true(page.includes(`script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`));
  t.deepEqual(
    [...page.matchAll(/(?:src|href|url|import)\s*[=(]\s*["']?([^"'\s>)]+)/g)].map(([, address]) => address),
    [],
  );
  t.deepEqual(
    [...page.matchAll(/https?:\/\/[^"']+/g)].map(([address]) => address),
    ["http://www.w3.org/2000/svg"],
  );
  t.notThrows(() => new Function(script));
});

test("drawPlanPage() has a labelled search, and names every mark for screen readers", (t) => {
  const page = drawPlanPage(shop, planOf(shop, shopPlan));
  t.regex(page, /<label for="search">.*<input id="search"/);
  const svg = parseXml(/<svg.*<\/svg>/s.exec(page)![0]);
  const marks = all(svg).filter(({ attributes }) => ["service", "node"].includes(attributes.class ?? ""));
  t.is(marks.length, 2 + 6 + 2 + 5);
  for (const { attributes } of marks) t.regex(attributes["aria-label"] ?? "", /: /);
});

test("drawPlanPage() carries the figures of every service: replicas, partners before and after, nodes of each panel", (t) => {
  const { panels, services, nodes } = dataOf(drawPlanPage(shop, planOf(shop, shopPlan)));
  t.deepEqual(panels, ["now", "plan"]);
  t.deepEqual(services[1], {
    name: "cart",
    facts: "1 replica, each 1 core, 1.00 GiB",
    partners: [
      { name: "web", amount: "900 msg/s", kept: "50 % → 0 %" },
      { name: "db", amount: "700 msg/s", kept: "0 % → 100 %" },
    ],
    nodes: [[[1, 1]], [[0, 1]]],
  });
  t.deepEqual(nodes[0].facts, [
    "2 replicas, cpu 75 %, memory 38 %, 0 % of its traffic stays",
    "3 replicas, cpu 88 %, memory 38 %, 62 % of its traffic stays",
  ]);
});

test("drawPlanPage() lets no name out of the script's data or the markup", (t) => {
  const evil = `</script><script>alert(1)</script><!--\u2028"'&`;
  const of = problem({ name: evil, nodes: [node(evil)], services: [service(evil, 1)] });
  const page = drawPlanPage(of, planOf(of, { [`${evil}-0`]: evil }));
  t.is(page.match(/<script/g)?.length, 2);
  t.is(page.match(/<!--/g), null);
  t.is(dataOf(page).services[0].name, evil);
});

test("drawPlanPage() stays small at 96 nodes and 550 services", (t) => {
  const { problem: of, plan } = large(96, 550);
  const page = drawPlanPage(of, plan);
  t.true(page.length < 900_000, `${page.length} characters`);
});
