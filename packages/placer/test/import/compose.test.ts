// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Compose look like templates
import { readFileSync } from "node:fs";
import { formatProblem } from "@mitsu/catalog/document";
import test from "ava";
import { importCompose, projectFolder } from "../../src/import/compose.ts";
import { interpolate, merge } from "../../src/import/compose-merge.ts";
import { parseNodes, parseProblem } from "../../src/problem/parse-problem.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";

const corpus = new URL("../corpus/import/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, corpus), "utf8");
const nodes = parseNodes(read("compose-nodes.yaml"), "nodes.yaml");
const options = { nodes, vars: {}, folder: "folder" };
const files = (...names: string[]) => names.map((file) => ({ file, text: read(file) }));

test("importCompose() reads the shop of corpus/import, with its override, as compose-shop.expected.yaml has it", (t) => {
  const { problem, warnings } = importCompose(files("compose-shop.yaml", "compose-override.yaml"), options);
  t.deepEqual(problem, parseProblem(read("compose-shop.expected.yaml"), "expected.yaml"));
  t.deepEqual(warnings.map(formatProblem), [
    "compose-shop.yaml:29:30: services.db.environment.PASSWORD: DB_PASSWORD is not set; taken as empty",
    "compose-shop.yaml:33:5: services.debug: debug runs only in profiles (debug); left out",
    "compose-shop.yaml:8:17: services.web.depends_on: depends_on, links and networks say who may talk, not how much: no traffic is read from them; measure it with placer profile",
    "compose-shop.yaml:18:32: services.web.deploy.placement.max_replicas_per_node: more than one on a node at most is not taken over; spread keeps them even",
    "compose-shop.yaml:16:69: services.web.deploy.placement.constraints[2]: only node.labels and node.hostname are known here; left out: node.role",
  ]);
});

test("importCompose() names replicas as Compose does, by the folder where the file has no name", (t) => {
  const text = "services: { web: { scale: 2 }, db: {} }";
  const { problem } = importCompose([{ file: "compose.yaml", text }], { ...options, folder: "My Shop!" });
  t.deepEqual(
    problem.services.map(({ replicas }) => replicas),
    [["myshop-web-1", "myshop-web-2"], ["myshop-db-1"]],
  );
  t.deepEqual([projectFolder("/a/shop/compose.yaml", "/x"), projectFolder("-", "/home/blog")], ["shop", "blog"]);
});

test("importCompose() takes variables, and deploy.replicas before scale", (t) => {
  const text = "services: { web: { scale: 2, image: 'web:${TAG}', deploy: { replicas: '${N}' } } }";
  const { problem } = importCompose([{ file: "compose.yaml", text }], { ...options, vars: { TAG: "v2", N: "4" } });
  t.is(problem.services[0]?.replicas.length, 4);
  t.is(problem.services[0]?.images[0]?.name, "web:v2");
});

test("importCompose() tells all faults of corpus/import/compose-bad.yaml", (t) => {
  const error = t.throws(() => importCompose(files("compose-bad.yaml"), options), { instanceOf: ProblemError })!;
  const lines = [
    "3:21: services.web.container_name: one name cannot be that of 2 replicas",
    '6:42: services.web.deploy.resources.reservations.cpus: "many" is no number of CPUs',
    '6:56: services.web.deploy.resources.reservations.memory: "5x" is no size',
    '7:34: services.web.deploy.placement.constraints[0]: "disk=ssd" is no constraint',
    "8:19: services.web.environment[0]: MUST is not set: set it",
    "9:18: services.cart.scale: -1 cannot stand here",
    "9:30: services.cart.labels: 7 is not a map",
  ];
  const said = error.message.split("\n");
  t.is(said.length, lines.length, error.message);
  for (const [index, line] of lines.entries()) t.true(said[index]?.startsWith(`compose-bad.yaml:${line}`), said[index]);
});

test("importCompose() places a fault in the file whose value it is", (t) => {
  const over = { file: "over.yaml", text: "services:\n  web:\n    scale: lots\n" };
  const error = t.throws(() => importCompose([{ file: "base.yaml", text: "services: { web: { scale: 2 } }" }, over], options))!;
  t.regex(error.message, /^over\.yaml:3:12: services\.web\.scale: /);
});

for (const [text, filled] of [
  ["$A ${A}", "1 1"],
  ["$$A", "$A"],
  ["${B:-x}${E:-x}${E-x}", "xx"],
  ["${B-${A}}", "1"],
  ["${A:+y}${B:+y}${E+y}", "yy"],
  ["${B}|$B", "|"],
  ["100$", "100$"],
] as const) {
  test(`interpolate() of ${text}`, (t) => {
    t.is(interpolate(text, { values: { A: "1", E: "" }, unset: () => {} }), filled);
  });
}

test("interpolate() tells of what is not set, and of what must be", (t) => {
  const told: unknown[] = [];
  interpolate("${A} ${B:?give it} ${C?}", { values: {}, unset: (name, must) => told.push([name, must]) });
  t.deepEqual(told, [
    ["A", undefined],
    ["B", "give it"],
    ["C", "it must be set"],
  ]);
});

test("merge() merges maps, joins lists, and lets the later scalar win", (t) => {
  t.deepEqual(merge({ a: { b: 1, c: [1] }, d: 2 }, { a: { b: 3, c: [2] }, e: null }), { a: { b: 3, c: [1, 2] }, d: 2, e: undefined });
});
