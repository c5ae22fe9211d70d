/** test.yaml: what is wrong with it is told by line and field; HAR. @module */
import test from "ava";
import { casesOf } from "../../src/run/cases.ts";
import { casesOfHar } from "../../src/run/har.ts";
import { matches, matchesText } from "../../src/run/pattern.ts";
import { parseTestFile } from "../../src/run/test-file.ts";

for (const [text, said] of [
  ["", /test\.yaml:1:1/],
  ["tests: []", /tests: has no tests/],
  ["tests:\n  - name: a\n", /test\.yaml:2:5: tests\[0\]: has neither a request nor a connection/],
  ["tests:\n  - name: a\n    request: {}\n    expct: {}\n", /test\.yaml:4:5: .*unknown field "expct"; did you mean "expect"/],
  ["tests:\n  - name: a\n    request: { metod: GET }\n", /metod/],
  ["tests:\n  - name: a\n    request: {}\n    connection: []\n", /a request and a connection/],
  ["tests:\n  - name: a\n    request: {}\n    steps: [{ request: {} }]\n", /stands beside a request/],
  ["tests:\n  - name: a\n    request: {}\n    expect: { response: { body: '/[/' } }\n", /expect.*Invalid regular expression/],
  ["tests:\n  - name: a\n    request: { body: { hex: abc } }\n", /not hexadecimal/],
  ["tests:\n  - name: a\n    request: {}\n    after: soon\n", /"soon" is not a duration|is not a duration/],
  ["tests:\n  - name: a\n    request: {}\n    capabilities: [fly]\n", /is no capability/],
  ["tests:\n  - name: a\n    request: {}\n    expect: { trap: badly }\n", /none of fuel, trap, memory, host/],
  ["now: noon\ntests: [{ name: a, request: {} }]", /is no time/],
  ["tests: [", /test\.yaml:1/],
  ["a: 1\na: 2", /given twice/],
] as const)
  test(`parseTestFile() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseTestFile(text, "test.yaml"), { code: "ERR_FILTER_TEST_FILE", message: said });
  });

test("casesOf() makes messages as a client sends them", (t) => {
  const [one] = casesOf(
    parseTestFile(
      `config: { a: 1 }
properties: { source.address: "10.0.0.1:1", connection.mtls: true }
tests:
  - name: a
    after: 1.5s
    request: { method: POST, path: /ü, host: shop.test, headers: { X-A: [1, b], "x-ü": ö }, body: "grüße" }
`,
      "test.yaml",
    ),
  );
  t.is(Buffer.from(one!.settings.configuration).toString(), '{"a":1}');
  const [step] = one!.steps;
  t.is(step!.afterMs, 1500);
  t.deepEqual(step!.http!.request.headers, [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/Ã¼"],
    [":authority", "shop.test"],
    ["x-a", "1"],
    ["x-a", "b"],
    ["x-ü", "Ã¶"],
    ["content-length", "7"],
  ]);
  t.deepEqual([...step!.http!.properties.get("connection.mtls")!], [1]);
});

test("patterns: texts as they stand, expressions between slashes, none, any, several", (t) => {
  t.true(matchesText("/a", "/a"));
  t.true(matchesText("abc", "/^a.c$/"));
  t.true(matchesText("ABC", "/b/i"));
  t.false(matchesText("abc", "a.c"));
  t.true(matches([], null));
  t.false(matches(["a"], null));
  t.true(matches(["a"], true));
  t.true(matches(["a", "1"], ["a", 1]));
  t.false(matches(["a", "b"], "a"));
});

const entry = {
  request: {
    method: "POST",
    url: "https://shop.test/cart?id=1",
    headers: [
      { name: "Cookie", value: "a=1" },
      { name: "Host", value: "shop.test" },
    ],
    postData: { text: "x=1" },
  },
  response: {
    status: 201,
    headers: [
      { name: "Content-Encoding", value: "gzip" },
      { name: "X-B", value: "2" },
    ],
    content: { text: "aGk=", encoding: "base64" },
  },
};

test("casesOfHar() takes what was sent, without what belongs to the connection", (t) => {
  const [one] = casesOfHar(JSON.stringify({ log: { entries: [entry] } }), "a.har");
  t.is(one!.name, "POST https://shop.test/cart?id=1");
  const { request, answer } = one!.steps[0]!.http!;
  t.deepEqual(request.headers, [
    [":method", "POST"],
    [":scheme", "https"],
    [":path", "/cart?id=1"],
    [":authority", "shop.test"],
    ["cookie", "a=1"],
    ["content-length", "3"],
  ]);
  t.deepEqual(answer.headers, [
    [":status", "201"],
    ["x-b", "2"],
    ["content-length", "2"],
  ]);
  t.is(Buffer.concat(answer.body).toString(), "hi");
});

for (const [text, said] of [
  ["{", /JSON/],
  ["{}", /log/],
  ['{"log":{"entries":[]}}', /no requests/],
  [JSON.stringify({ log: { entries: [{ ...entry, request: { ...entry.request, url: "//" } }] } }), /is no URL/],
] as const)
  test(`casesOfHar() refuses ${text.slice(0, 30)}`, (t) => {
    t.throws(() => casesOfHar(text, "a.har"), { code: "ERR_FILTER_TEST_FILE", message: said });
  });
