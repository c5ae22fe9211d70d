import test from "ava";
import fc from "fast-check";
import { loosePath } from "../../src/routes/loose-path.ts";
import { normalPath } from "../../src/routes/normal-path.ts";

for (const [path, normal] of [
  ["/", "/"],
  ["/a/b", "/a/b"],
  ["/a/../admin", "/admin"],
  ["/a/./b", "/a/b"],
  ["/..", "/"],
  ["/../../x", "/x"],
  ["/a/b/..", "/a/"],
  ["/a/b/.", "/a/b/"],
  ["/a/", "/a/"],
  ["//admin", "/admin"],
  ["/a///b//", "/a/b/"],
  ["/a//../b", "/a/b"],
  ["/%2e%2E/admin", "/admin"],
  ["/a/%2e/b", "/a/b"],
  ["/%61dmin%7e", "/admin~"],
  ["/a%2f..%2Fadmin", "/a%2f..%2Fadmin"],
  ["/a\\..\\admin", "/admin"],
  ["/a%5c..%5cadmin", "/a%5c..%5cadmin"],
  ["/%2561", "/%2561"],
  ["/%%361", "/%2561"],
  ["/100%", "/100%25"],
  ["/a%zz", "/a%25zz"],
  ["/public#/../admin", "/public"],
  ["/a?b=1#c", "/a?b=1"],
  ["/a?next=//x/../y\\%61", "/a?next=//x/../y\\%61"],
  ["/a/../b?c=/../d", "/b?c=/../d"],
  ["/.well-known/x", "/.well-known/x"],
  ["/...", "/..."],
  ["/a..b/.c", "/a..b/.c"],
  ["*", "*"],
  ["admin/x", "/admin/x"],
  ["\\admin", "/admin"],
  ["?a", "/?a"],
  ["..#a", "/"],
  ["", ""],
] as const) {
  test(`normalPath() makes ${JSON.stringify(normal)} of ${JSON.stringify(path)}`, (t) => {
    t.is(normalPath(path), normal);
  });
}

for (const [path, loose] of [
  ["/public%2f..%2fadmin", "/admin"],
  ["/public/..;/admin", "/admin"],
  ["/public/..;x=1/admin", "/admin"],
  ["/a%5C..%5cb", "/b"],
  ["/a;v=1/b", "/a/b"],
  ["/a/b", "/a/b"],
] as const) {
  test(`loosePath() makes ${JSON.stringify(loose)} of ${JSON.stringify(path)}`, (t) => {
    t.is(loosePath(path), loose);
  });
}

/** Paths made of the pieces that matter. */
const hostile = fc
  .array(
    fc.constantFrom(
      "/",
      "//",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "\\",
      "%",
      "%2",
      "2",
      "e",
      "6",
      "1",
      "a",
      "admin",
      ";",
      "?",
      "#",
      "é",
    ),
  )
  .map((pieces) => pieces.join(""));

test("normalPath() changes nothing the second time, and leaves neither dot segments, nor double slashes, nor backslashes", (t) => {
  fc.assert(
    fc.property(hostile, (path) => {
      const normal = normalPath(path);
      t.is(normalPath(normal), normal);
      const [plain = ""] = normal.split("?");
      t.true(plain === "" || plain.startsWith("/"));
      t.notRegex(plain, /\/\/|\/\.\.?(\/|$)|\\|#|%2e/i);
    }),
    { seed: 4, numRuns: 5000 },
  );
  t.pass();
});

test("normalPath() and loosePath() agree with the URL of WHATWG on the dot segments of plain paths", (t) => {
  const plain = fc.array(fc.constantFrom("a", "b", ".", "..", "%2e", "%2e."), { maxLength: 8 }).map((segments) => `/${segments.join("/")}`);
  fc.assert(
    fc.property(plain, (path) => {
      const { pathname } = new URL(`http://host${path}`);
      t.is(normalPath(path), pathname.replace(/\/{2,}/g, "/"));
      t.is(loosePath(normalPath(path)), normalPath(path));
    }),
    { seed: 4, numRuns: 2000 },
  );
});
