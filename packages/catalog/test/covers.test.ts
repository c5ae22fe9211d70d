import test from "ava";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { parseCatalog, type RequestMatch, type TextMatch } from "../src/mod.ts";
import { covers } from "../src/traffic/covers.ts";

function match(text: string): RequestMatch {
  return parseCatalog(`version: 1\nservices: { a: { routes: [ { match: { ${text} } } ] } }\n`).services[0]!.traffic.routes[0]!.match;
}

for (const [outer, inner, expected] of [
  ["", "", true],
  ["", "path: /a, method: GET", true],
  ["path: /a", "", false],
  ["path: /", "", true],
  ["path: /a", "path: /a/b", true],
  ["path: /a", "path: /ab", false],
  ["path: /a", "path: { exact: /a }", true],
  ["path: { exact: /a }", "path: /a", false],
  ["path: { regex: '/a+' }", "path: { exact: /aaa }", true],
  ["path: { regex: '/a+' }", "path: { regex: '/a+' }", true],
  ["path: { regex: '/.*' }", "path: { regex: '/a+' }", false],
  ["host: '*.b'", "host: [a.b, '*.a.b']", true],
  ["host: '*.b'", "host: b", false],
  ["host: a.b", "", false],
  ["host: '*'", "", true],
  ["method: [GET, PUT]", "method: GET", true],
  ["method: GET", "method: [GET, PUT]", false],
  ["port: 80", "port: 80", true],
  ["port: 80", "", false],
  ["header: { a: b }", "header: { a: b, c: d }", true],
  ["header: { a: b, c: d }", "header: { a: b }", false],
  ["header: { a: { present: true } }", "header: { a: b }", true],
  ["header: { a: { present: true } }", "header: { a: { exact: b, not: true } }", false],
  ["header: { a: { present: true, not: true } }", "header: { a: { present: true } }", false],
  ["query: { a: b }", "header: { a: b }", false],
] as const) {
  test(`covers() says ${expected} of { ${outer} } in front of { ${inner} }`, (t) => {
    t.is(covers(match(outer), match(inner)), expected);
  });
}

interface Request {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly header: string | null;
  readonly port: number;
}

/** What a match means, in the plainest words. */
function matches({ hosts, path, methods, headers, ports }: RequestMatch, request: Request): boolean {
  const textMatches = (one: TextMatch, text: string, prefix: (start: string) => boolean) =>
    one.kind === "present" ||
    (one.kind === "exact" && text === one.value) ||
    (one.kind === "prefix" && prefix(one.value)) ||
    (one.kind === "regex" && RE2JS.compile(one.value).matches(text));
  return (
    (hosts.length === 0 ||
      hosts.some((host) => host === "*" || host === request.host || (host[0] === "*" && request.host.endsWith(host.slice(1))))) &&
    (path === null ||
      textMatches(path, request.path, (start) => start === "/" || request.path === start || request.path.startsWith(`${start}/`))) &&
    (methods.length === 0 || methods.includes(request.method)) &&
    (ports.length === 0 || ports.includes(request.port)) &&
    headers.every(({ match, invert }) => {
      const { header } = request;
      return (header !== null && textMatches(match, header, (start) => header.startsWith(start))) !== invert;
    })
  );
}

test("a request that the covered match takes, the covering one takes too", (t) => {
  const text = (...values: string[]) =>
    fc.oneof(
      fc.record({ kind: fc.constantFrom("exact", "prefix"), value: fc.constantFrom(...values) }),
      fc.constant({ kind: "regex", value: ".*b" }),
    ) as fc.Arbitrary<TextMatch>;
  const some = <T>(...values: T[]) => fc.subarray(values, { maxLength: 2 });
  const anyMatch: fc.Arbitrary<RequestMatch> = fc.record({
    hosts: some("*", "a.b", "*.b", "*.a.b"),
    path: fc.option(text("/", "/a", "/a/b", "/ab")),
    methods: some("GET", "PUT"),
    headers: fc.array(
      fc.record({
        name: fc.constant("h"),
        match: fc.oneof(text("a", "ab"), fc.constant({ kind: "present" } as const)),
        invert: fc.boolean(),
      }),
      { maxLength: 1 },
    ),
    query: fc.constant([]),
    ports: some(80, 81),
  });
  const request: fc.Arbitrary<Request> = fc.record({
    host: fc.constantFrom("b", "a.b", "c.a.b", "c"),
    path: fc.constantFrom("/", "/a", "/a/b", "/a/c", "/ab", "/abc"),
    method: fc.constantFrom("GET", "PUT"),
    header: fc.constantFrom(null, "a", "ab", "c"),
    port: fc.constantFrom(80, 81),
  });
  const pairs = process.env.MITSU_TEST_ALL === "1" ? 20_000 : 5000;
  let covered = 0;
  fc.assert(
    fc.property(anyMatch, anyMatch, fc.array(request, { minLength: 20, maxLength: 20 }), (outer, inner, requests) => {
      if (!covers(outer, inner)) return;
      covered++;
      for (const one of requests) if (matches(inner, one) && !matches(outer, one)) throw new Error(`not ${JSON.stringify(one)}`);
    }),
    { seed: 21, numRuns: pairs },
  );
  t.true(covered > pairs / 40, `only ${covered} of ${pairs} pairs`);
});
