/** Rules files: what is read, what is refused, and that nothing else happens. @module */

import type { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { parseRules } from "../../src/rules/parse-rules.ts";
import { random } from "./random-rules.ts";

const faults = (text: string): string[] => {
  try {
    parseRules(text, "rules.yaml");
  } catch (error) {
    const { code, exit, message } = error as MitsuError;
    if (code !== "ERR_RULES_INVALID" || exit !== 2) throw error;
    return message.split("\n");
  }
  return [];
};

const whole = `version: 1
services: [web]
default: { deny: 404 }
rules:
  - name: all-fields
    match:
      host: [Shop.example, "*.example"]
      path: [/a/, { exact: /b }]
      method: get
      header: { X-Version: "2", x-debug: { present: true } }
      from: [cart, "spiffe://mesh.local/ns/mesh/sa/pay"]
      source: [10.0.0.0/8, "fd00::1"]
      port: [80, 443]
    do: { set: { X-A: b }, remove: x-old, route: canary, limit: { requests: 100, per: 1s, burst: 5 }, count: true, sample: 0.25 }
  - do: deny
  - match: { path: /, host: "*" }
    do: { deny: 418, count: true }
`;

test("parseRules() fills defaults in and writes everything in one form", (t) => {
  const set = parseRules(whole, "rules.yaml");
  t.deepEqual(set.services, ["web"]);
  t.deepEqual(
    set.rules.map(({ name, acts: { deny } }) => [name, deny]),
    [
      ["all-fields", null],
      ["rule-2", 0],
      ["rule-3", 418],
      ["default", 404],
    ],
  );
  t.deepEqual(set.rules[0]!.match, {
    hosts: ["shop.example", "*.example"],
    paths: [
      { kind: "prefix", value: "/a" },
      { kind: "exact", value: "/b" },
    ],
    methods: ["GET"],
    headers: [
      { name: "x-version", value: "2" },
      { name: "x-debug", value: null },
    ],
    from: ["cart", "spiffe://mesh.local/ns/mesh/sa/pay"],
    sources: [
      { bytes: Uint8Array.of(10, 0, 0, 0), length: 8 },
      { bytes: Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), length: 128 },
    ],
    ports: [80, 443],
  });
  t.deepEqual(set.rules[0]!.acts, {
    deny: null,
    headers: [
      ["x-old", null],
      ["x-a", "b"],
    ],
    route: "canary",
    limit: { intervalNs: 10_000_000n, burst: 5 },
    count: true,
    sample: 2 ** 30,
  });
  t.deepEqual(set.rules[2]!.match.hosts, []);
  t.deepEqual(set.rules[2]!.match.paths, []);
});

test("parseRules() names all faults at once, with line, column, field and what is allowed", (t) => {
  t.deepEqual(
    faults(`version: 2
defalt: deny
rules:
  - match: { pth: /x, port: 99999, host: a b, header: { ":path": x }, source: 10.0.0.1/8 }
    do: { dny: true }
  - do: { deny: 99 }
  - do: dney
  - { name: A, match: { method: [], from: "spiffe:/x" }, do: { limit: { requests: 0, per: 1x }, set: { host: x, x-mitsu-route: y } } }
`),
    [
      "rules.yaml:1:10: version: is not known here; write version: 1",
      'rules.yaml:2:1: defalt: unknown field "defalt"; did you mean "default"? allowed are version, services, default, rules',
      'rules.yaml:4:14: rules[0].match.pth: unknown field "pth"; did you mean "path"? allowed are host, path, method, header, from, source, port',
      "rules.yaml:4:29: rules[0].match.port: 99999 is not a port; use 1 to 65535, or a list of them",
      'rules.yaml:4:42: rules[0].match.host: "a b" is not a host; use a name without scheme and port, such as shop.example, or *.example.com for all below it',
      'rules.yaml:4:57: rules[0].match.header[":path"]: ":path" is not the name of a header; use letters, digits and hyphens, such as x-version; of host, path and method there are fields of their own',
      'rules.yaml:4:79: rules[0].match.source: "10.0.0.1/8" is not a source; use an address or a prefix without bits after it, such as 10.0.0.0/8 or fd00::/8',
      'rules.yaml:5:11: rules[0].do.dny: unknown field "dny"; did you mean "deny"? allowed are allow, deny, set, remove, route, limit, count, sample',
      "rules.yaml:6:17: rules[1].do.deny: 99 is not a status; use true, or an HTTP status from 400 to 599",
      'rules.yaml:7:9: rules[2].do: "dney" is not what to do; use allow, deny, or a map of acts such as {set: {x-a: b}}',
      'rules.yaml:8:13: rules[3].name: "A" is not a name; use 1 to 63 lower-case letters, digits and hyphens',
      "rules.yaml:8:33: rules[3].match.method: is empty; leave it out to match all",
      'rules.yaml:8:43: rules[3].match.from: "spiffe:/x" is not a caller; use the name of a service, or a SPIFFE id such as spiffe://mesh.local/ns/mesh/sa/cart',
      "rules.yaml:8:83: rules[3].do.limit.requests: 0 is not a number of requests; use a whole number from 1 to 1000000000",
      'rules.yaml:8:91: rules[3].do.limit.per: "1x" is not a duration; use a number with ms, s, m or h, such as 250ms or 1s, at most 24 days',
      'rules.yaml:8:104: rules[3].do.set.host: "host" is not a header that a rule may change; leave out what belongs to the connection or the framing, host, and what begins with : or x-mitsu-',
      'rules.yaml:8:113: rules[3].do.set.x-mitsu-route: "x-mitsu-route" is not a header that a rule may change; leave out what belongs to the connection or the framing, host, and what begins with : or x-mitsu-',
    ],
  );
});

test("parseRules() refuses rules that contradict themselves or each other", (t) => {
  t.deepEqual(
    faults(`version: 1
rules:
  - { name: a, do: { deny: true, set: { x: y }, allow: true } }
  - { name: a, do: {} }
  - { do: { set: { x: b, X: c }, remove: x } }
  - { name: default, match: { header: { x-a: "1", X-A: "2" } }, do: allow }
  - { name: rule-6, do: allow }
  - { do: allow }
  - { name: rule-8, do: allow }
  - { do: allow, match: { path: { exact: /a, prefix: /b } } }
`)
      .concat(faults("version: 1\nrules:\n  - { do: allow }\n  - { name: rule-1, do: allow }\n"))
      .map((line) => line.replace("rules.yaml:", "")),
    [
      "10:33: rules[7].match.path: give exact or prefix, one of them",
      "3:5: rules[0]: has no name, and rule-1, which it would get, is another's; name it",
    ],
  );
  t.deepEqual(
    faults(`version: 1
rules:
  - { name: a, do: { deny: true, set: { x: y }, allow: true } }
  - { name: a, do: {} }
  - { do: { set: { x: b, X: c }, remove: x } }
  - { name: default, match: { header: { x-a: "1", X-A: "2" } }, do: allow }
`),
    [
      "rules.yaml:3:34: rules[0].do.set: cannot be done to a request that is refused; leave set or deny out",
      "rules.yaml:3:49: rules[0].do.allow: cannot be done to a request that is refused; leave allow or deny out",
      'rules.yaml:4:13: rules[1].name: "a" is already the name of rules[0]',
      "rules.yaml:4:20: rules[1].do: is empty; say allow, deny or what else to do",
      "rules.yaml:5:20: rules[2].do.set.x: is removed too; set replaces what was there",
      "rules.yaml:5:26: rules[2].do.set.X: is removed too; set replaces what was there",
      "rules.yaml:5:26: rules[2].do.set.X: x is given twice; case does not matter",
      "rules.yaml:6:13: rules[3].name: default is what happens to all else; choose another name",
      "rules.yaml:6:51: rules[3].match.header.X-A: x-a is given twice; case does not matter",
    ],
  );
});

test("parseRules() refuses what is no rules file", (t) => {
  t.deepEqual(faults(""), ["rules.yaml:1:1: is empty; give version: 1 and rules"]);
  t.deepEqual(faults("[]"), ["rules.yaml:1:1: a list is not a map; give a map"]);
  t.deepEqual(faults("version: 1\n"), ["rules.yaml:1:1: rules: is missing; give a list, each with match and do"]);
  t.regex(faults("version: 1\nversion: 1\nrules: []\n")[0]!, /2:1: version: "version" is given twice/);
  t.regex(faults("a: [")[0]!, /not valid YAML/);
});

test("parseRules() throws nothing but its own error, whatever the text (fixed seed)", (t) => {
  const next = random(41);
  const parts = [
    ...whole.split(/\b/),
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "\n  ",
    "\0",
    "&a",
    "*a",
    "!!binary",
    "null",
    "__proto__",
    "1e999",
    "\u{1f600}",
    "constructor",
  ];
  for (let round = 0; round < (process.env.MITSU_TEST_ALL === "1" ? 5000 : 120); round++) {
    const words = whole.split(/\b/);
    for (let change = 0; change < 1 + next() * 5; change++) {
      const at = Math.floor(next() * words.length);
      const word = parts[Math.floor(next() * parts.length)]!;
      if (next() < 0.4) words[at] = word;
      else if (next() < 0.5) words.splice(at, 0, word);
      else words.splice(at, 1 + Math.floor(next() * 6));
    }
    t.notThrows(() => faults(words.join("")), words.join(""));
  }
});
