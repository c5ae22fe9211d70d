/** The quick reader reads nothing that the whole parser reads otherwise. @module */
import { readYaml } from "@mitsu/catalog/document";
import test from "ava";
import { plainYaml } from "../../src/rules/plain-yaml.ts";
import { random } from "./random-rules.ts";

const seeds = [
  `version: 1
# a comment
services: [web, "a b"]
rules:
  - name: one
    match:
      host: [shop.example, '*.example']
      path: /a/b
      header: { X-A: "1", x-b: { present: true } }
      from: spiffe://mesh/ns/x
      source: [10.0.0.0/8, "fd00::1", fd00::/8]
      port: 80
    do: { set: { x-a: b }, sample: 0.25, limit: { requests: 100, per: 1s } }

  - { match: {}, do: deny, count: [] }
  - do:
      deny: 403
`,
  "rules:\n- a\n- b: c\n  d:\n  - e\n  - f: g\nh: i\n",
  "a: 007\nb: 1e3\nc: 0x1f\nd: 1.50\ne: -1\nf: .5\ng: 1_000\nh: 12345678901234567890\ni: 1.\nj: 2026-01-01\nk: 12:30:45\nl: 0o17\n",
  "a: yes\nb: 'null'\nc: ~\nd: No\ne: a b\nf: a #b\ng: a#b\nh: {a: b}\ni: {a: b,c: d}\nj: {a:b}\nk: [a,b]\nl: a:b\nm: [a:, b]\n",
];

test("plainYaml() agrees with the whole parser wherever it answers: texts, changed by chance (fixed seed)", (t) => {
  const next = random(23);
  const bits = [
    "\n",
    " ",
    "  ",
    ":",
    ": ",
    "- ",
    "-",
    ",",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "#",
    " #",
    "a",
    "0",
    "1.",
    "/",
    "*",
    "&a",
    "!",
    "|",
    ">",
    "%",
    "@",
    "?",
    "? ",
    "---",
    "...",
    "null",
    "true",
    "__proto__",
    "\t",
    "\r",
    "\\",
    "~",
    "e5",
    ".",
  ];
  let [answers, rounds] = [0, process.env.MITSU_TEST_ALL === "1" ? 60_000 : 2500];
  for (; rounds > 0; rounds--) {
    let text = seeds[Math.floor(next() * seeds.length)]!;
    // A few lines of it, so that what is left out is seldom what is beyond.
    const lines = text.split("\n");
    const begin = Math.floor(next() * lines.length);
    if (next() < 0.7) text = lines.slice(begin, begin + 1 + Math.floor(next() * 6)).join("\n");
    for (let change = Math.floor(next() * 3); change > 0; change--) {
      const at = Math.floor(next() * (text.length + 1));
      text = text.slice(0, at) + bits[Math.floor(next() * bits.length)]! + text.slice(at + Math.floor(next() * 3));
    }
    const plain = plainYaml(text);
    if (plain === undefined) continue;
    answers++;
    const { value, problems } = readYaml(text, "text");
    if (problems.length > 0 || JSON.stringify(value) !== JSON.stringify(plain)) {
      t.deepEqual({ plain, problems: [] }, { plain: value, problems: problems as never }, text);
      return;
    }
  }
  t.true(answers > 100, `${answers}`);
});

test("plainYaml() reads a usual rules file", (t) => {
  const text = seeds[0]!.replace("{ present: true }", '"x"').replace(", fd00::/8", "");
  t.deepEqual(plainYaml(text), readYaml(text, "text").value);
  t.is(plainYaml(""), undefined);
});
