import test from "ava";
import { distinctParts, escaped, fitted, fittedName, textWidth } from "../../src/draw/svg-text.ts";

test("escaped() escapes markup and replaces what XML cannot hold and what turns text around", (t) => {
  t.is(escaped(`<a b="c">'&`), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;");
  t.is(escaped("a\u0000b\u001bc\u202ed\ud800e\ufffe"), "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFD");
});

test("fitted() leaves what fits, and cuts the rest to an ellipsis without splitting a character", (t) => {
  t.is(fitted("web", 100, 12), "web");
  for (const name of ["user-timeline-service", "写真写真写真写真", "😀😀😀😀😀😀😀", "MMMMMMMMMMMM"]) {
    const text = fitted(name, 60, 12);
    t.true(text.endsWith("…") && text.isWellFormed(), text);
    t.true(textWidth(text, 12) <= 60, text);
  }
});

test("fittedName() keeps both ends of a long name, and is never wider than it may be", (t) => {
  t.is(fittedName("web", 100, 12), "web");
  for (const width of [30, 60, 90, 120]) {
    const text = fittedName("user-timeline-service-12", width, 12);
    t.regex(text, /^u.*….*2$/);
    t.true(textWidth(text, 12) <= width, `${text} at ${width}`);
  }
  t.true(fittedName("😀".repeat(30), 60, 12).isWellFormed());
});

test("distinctParts() drops what all names share, at separators, and never leaves an empty name", (t) => {
  t.deepEqual(distinctParts(["rack1-n7.example.org", "rack2-n8.example.org"]), ["rack1-n7", "rack2-n8"]);
  t.deepEqual(distinctParts(["10.0.1.17", "10.0.2.17"]), ["1", "2"]);
  t.deepEqual(distinctParts(["node-1", "node-12"]), ["1", "12"]);
  t.deepEqual(distinctParts(["a.b", "a.b.c.b"]), ["a.b", "a.b.c.b"]);
  t.deepEqual(distinctParts(["alone.example.org"]), ["alone.example.org"]);
  t.deepEqual(distinctParts([]), []);
});
