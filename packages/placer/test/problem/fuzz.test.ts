import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { stringify } from "yaml";
import { parseProblem } from "../../src/problem/parse-problem.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

const corpus = new URL("../corpus/problem/", import.meta.url);
const files = readdirSync(corpus)
  .filter((name) => name !== "bad-brackets.json")
  .map((name) => ({ name, text: readFileSync(new URL(name, corpus), "utf8") }));

/** Parses; anything but a problem that can be written again, or a ProblemError with places in it, is a bug. Tells whether the text was good. */
function survives(text: string, file = "p.yaml"): boolean {
  try {
    const problem = parseProblem(text, file);
    parseProblem(writeProblem(problem, "json"), "again.json");
    return true;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    for (const line of error.message.split("\n"))
      if (!/^(p\.\w+:[1-9]\d*:[1-9]\d*: .|and \d+ more$)/.test(line)) throw new TypeError(`no place in: ${line}`);
    return false;
  }
}

test("parseProblem() throws nothing but ProblemError on any bytes", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void survives(Buffer.from(bytes).toString())),
    { seed: 1, numRuns: 1000 },
  );
  const punctuation = fc.string({ unit: fc.constantFrom(..."abc: \n-[]{}#&*!|>'\"%@`,?0 9\t\r", "\ufeff", "é"), maxLength: 60 });
  fc.assert(
    fc.property(punctuation, fc.constantFrom("p.yaml", "p.json"), (text, file) => void survives(text, file)),
    { seed: 1, numRuns: 1500 },
  );
  t.pass();
});

const word = fc.constantFrom(
  ..."version name resources cpu memory gpu unit nodes services n1 web cart replicas requests demand mean p95 labels pinned affinity service within weight".split(
    " ",
  ),
  ..."antiAffinity spread over traffic from to messages bytes assignment costs local message nodeSelector key operator values __proto__ constructor <<".split(
    " ",
  ),
);
const scalar = fc.oneof(
  word,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom("1/s", "5MiB", "500m", "In", "1us", "web-0", 1, 50),
);
const tree = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie("value"), { maxLength: 4 }), fc.dictionary(word, tie("value"), { maxKeys: 5 })),
})).value;

test("parseProblem() throws nothing but ProblemError on any tree of familiar words", (t) => {
  fc.assert(
    fc.property(tree, tree, (nodes, services) => {
      survives(stringify({ nodes, services }));
      survives(JSON.stringify({ nodes: [nodes], services: [services], traffic: nodes }), "p.json");
    }),
    { seed: 2, numRuns: 700 },
  );
  t.pass();
});

test("parseProblem() throws nothing but ProblemError on damaged files of the corpus, and finds most damage", (t) => {
  let refused = 0;
  const all = fc.constantFrom(...files.filter(({ name }) => name.startsWith("good")));
  const insert = fc.oneof(scalar.map(String), fc.string({ maxLength: 3 }), fc.constantFrom("[", "}", ":", '"', "\n", " - "));
  fc.assert(
    fc.property(all, fc.nat(4000), fc.nat(6), insert, ({ name, text }, at, remove, more) => {
      const place = at % text.length;
      if (!survives(text.slice(0, place) + more + text.slice(place + remove), `p.${name.split(".").at(-1)}`)) refused++;
    }),
    { seed: 3, numRuns: 600 },
  );
  t.true(refused > 300, `only ${refused} of 600 were refused`);
});
