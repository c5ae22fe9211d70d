import { readFile } from "node:fs/promises";
import { Ajv2020 } from "ajv/dist/2020.js";
import test from "ava";
import { parse } from "yaml";
import { parseRun } from "../../src/simulate/measured-run.ts";
import { modelJsonSchema } from "../../src/simulate/model-schema.ts";
import { parseModel, writeModel } from "../../src/simulate/parse-model.ts";

const least = `version: 1
services:
  web: { workers: 8 }
operations:
  page: { service: web, cpu: { exponential: 1.5ms } }
requests:
  page: { share: 3, call: page }
`;
const faultOf = (text: string): string => {
  try {
    parseModel(text, "m.yaml");
  } catch (error) {
    const { message, code, exit } = error as { message: string; code: string; exit: number };
    return `${code} ${exit} ${message}`;
  }
  return "no fault";
};

test("parseModel() fills in what is not given", (t) => {
  const model = parseModel(least, "m.yaml");
  t.deepEqual(model.services, [{ name: "web", workers: 8, waits: "holding", scale: 1 }]);
  t.deepEqual(model.operations[0]!.cpu, { kind: "exponential", mean: 0.0015 });
  t.is(model.requests[0]!.share, 1);
  t.is(model.costs, null);
  t.is(model.calibrated, null);
  t.deepEqual(model.network, { local: 0, remote: 0 });
});

test("parseModel() reads back what writeModel() writes, for every distribution and field", async (t) => {
  const whole = `version: 1
name: whole
services: { a: { workers: 1, waits: free, scale: 1.25 } }
operations:
  a: { service: a, cpu: { deterministic: 20us }, wait: { lognormal: { mean: 2ms, cv: 1.5 } }, steps: [[{ call: b, times: 2 }, { call: c, probability: 0.25, requestBytes: 10, responseBytes: 0 }], [{ call: d }]] }
  b: { service: a, cpu: { gamma: { mean: 0.25ms, cv: 2 } } }
  c: { service: a, cpu: { samples: [1ms, 2ms, 3s] } }
  d: { service: a, cpu: { quantiles: [[0, 1us], [0.5, 5us], [1, 90us]] } }
requests: { r: { share: 1, call: a }, s: { share: 3, call: d } }
costs: { local: { message: 3.3us, byte: 0.1ns }, remote: { message: 9.2us, byte: 0.4ns } }
network: { local: 1us, remote: 50us }
scheduler: fifo
overhead: 0.2ms
nodes: { n1: { cores: 2, speed: 0.5 } }
calibrated: { rates: [100, 300.5], error: 0.08, runs: [low.json] }
`;
  const model = parseModel(whole, "m.yaml");
  t.deepEqual(parseModel(writeModel(model), "m.json"), model);
  const social = parseModel(await readFile(new URL("../corpus/simulate/social-network.yaml", import.meta.url), "utf8"), "m.yaml");
  const again = parseModel(writeModel(social), "m.json");
  t.deepEqual(again.operations, social.operations);
});

test("parseModel() names file, line, column and field of a fault, with exit status 2", (t) => {
  const cases: readonly [from: string, to: string, fault: RegExp][] = [
    [
      "1.5ms",
      "1.5",
      /^ERR_MODEL_INVALID 2 m\.yaml:5:\d+: operations\.page\.cpu\.exponential: .*not a duration; give a number and its unit/,
    ],
    ["1.5ms", "-1ms", /m\.yaml:5:.*"-1ms" is not a duration/],
    ["1.5ms", "NaN", /m\.yaml:5:.*not a duration/],
    ["{ exponential: 1.5ms }", "{ weibull: 1ms }", /m\.yaml:5:\d+: operations\.page\.cpu/],
    [
      "{ exponential: 1.5ms }",
      "{ lognormal: { mean: 1ms, cv: -1 } }",
      /m\.yaml:5:\d+: operations\.page\.cpu\.lognormal\.cv: -1 is not a coefficient/,
    ],
    [
      "{ exponential: 1.5ms }",
      "{ quantiles: [[0, 2ms], [1, 1ms]] }",
      /m\.yaml:5:\d+: operations\.page\.cpu\.quantiles\[1\]: .*must ascend/,
    ],
    ["{ exponential: 1.5ms }", "{ gamma: { mean: 0s, cv: 1 } }", /operations\.page\.cpu\.gamma\.mean: is 0/],
    ["workers: 8", "workers: 0", /m\.yaml:3:\d+: services\.web\.workers: 0 is not a number of workers/],
    ["workers: 8", "worker: 8", /m\.yaml:3:\d+: services\.web\.worker.*did you mean "workers"/],
    ["service: web", "service: shop", /m\.yaml:5:\d+: operations\.page\.service: "shop" is no service; there are web/],
    ["call: page", "call: home", /m\.yaml:7:\d+: requests\.page\.call: "home" is no operation/],
    ["share: 3", "share: 0", /m\.yaml:7:\d+: requests\.page\.share: 0 is not a share/],
    ["  page: { share: 3, call: page }\n", "  {}\n", /requests: there are no requests/],
    [
      "exponential: 1.5ms }",
      "exponential: 1.5ms }, steps: [[{ call: page }]]",
      /operations\.page\.steps: calls lead in a circle: page → page/,
    ],
    ["version: 1", "version: 2", /m\.yaml:1:\d+: version: 2 is not a version/],
    ["  web:", "  __proto__:", /m\.yaml:3:/],
    ["web: { workers: 8 }", "web: { workers: 8 }\n  web: { workers: 9 }", /m\.yaml:4:\d+: services\.web: "web" is given twice/],
  ];
  for (const [from, to, fault] of cases) {
    t.true(least.includes(from), from);
    t.regex(faultOf(least.replace(from, to)), fault, `${from} → ${to}`);
  }
  for (const text of ["", "# nothing\n", "[1, 2]", "7", "{", "\u0000"])
    t.regex(faultOf(text), /^ERR_MODEL_INVALID 2 m\.yaml:\d+:\d+: /, text);
});

test("parseModel() refuses requests whose calls branch without end", (t) => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `  o${i}: { service: web, cpu: { exponential: 1ms }${i > 0 ? `, steps: [[{ call: o${i - 1}, times: 2 }]]` : ""} }`,
  );
  const text = `version: 1\nservices: { web: { workers: 1 } }\noperations:\n${levels.join("\n")}\nrequests: { r: { share: 1, call: o29 } }\n`;
  t.regex(faultOf(text), /requests\.r: leads to 1\.07e\+9 calls/);
});

test("parseRun() wants rate, response times and assignment, and refuses a run that was saturated", (t) => {
  const run = { version: 1, rate: 100, responseMs: { mean: 3, p50: 2, p95: 8, p99: 12 }, assignment: { "web-0": "n1" } };
  const read =
    (change: object): (() => unknown) =>
    () =>
      parseRun(JSON.stringify({ ...run, ...change }), "run.json");
  t.is((read({}) as () => { throughput: number })().throughput, 100);
  t.throws(read({ throughput: 80 }), { code: "ERR_RUN_INVALID", message: /saturated/ });
  t.throws(read({ responseMs: { mean: 3, p50: 9, p95: 8, p99: 12 } }), { message: /responseMs: p50, p95 and p99 must ascend/ });
  t.throws(read({ rate: -1 }), { message: /^run\.json:1:\d+: rate: -1 is not a rate/ });
  t.throws(read({ cpu: { web: -1 } }), { message: /cpu\.web: -1 is not a number of cores/ });
  t.throws(read({ assignment: undefined }), { message: /assignment/ });
});

test("model.schema.json is what modelJsonSchema() emits; if not: node packages/placer/src/simulate/model-schema.ts > packages/placer/model.schema.json", async (t) => {
  t.is(await readFile(new URL("../../model.schema.json", import.meta.url), "utf8"), modelJsonSchema());
});

test("model.schema.json accepts what parseModel() does, and describes every field", async (t) => {
  const schema = JSON.parse(modelJsonSchema());
  const valid = new Ajv2020({ allowUnionTypes: true, strictTuples: false }).compile(schema);
  const social = await readFile(new URL("../corpus/simulate/social-network.yaml", import.meta.url), "utf8");
  for (const text of [least, social]) t.true(valid(parse(text)), JSON.stringify(valid.errors));
  for (const text of [least.replace("8", "0"), least.replace("1.5ms", "1.5"), least.replace("share: 3", "shares: 3")])
    t.false(valid(parse(text)));
  let fields = 0;
  const visit = (at: Record<string, unknown>, path: string): void => {
    for (const [name, field] of Object.entries((at.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      fields++;
      t.regex(String(field.description ?? ""), /^[A-Z].*\.$/, `${path}.${name}`);
    }
    for (const [name, inner] of Object.entries(at))
      if (typeof inner === "object" && inner !== null) visit(inner as Record<string, unknown>, `${path}.${name}`);
  };
  visit(schema, "");
  t.true(fields > 40);
});
