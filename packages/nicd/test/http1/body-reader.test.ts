import test from "ava";
import fc from "fast-check";
import { BodyReader, framing } from "../../src/http1/body-reader.ts";

const seed = 20_261_126;

/** Reads `bytes` in pieces that end at `ends`. @returns The body, and where it ended; -1 while it has not. */
function read(reader: BodyReader, bytes: Buffer, ends: readonly number[]): { body: string; end: number } {
  let body = "";
  let at = 0;
  for (const end of ends)
    while (at < end && !reader.done && !reader.failed) {
      at = reader.step(bytes, at, end);
      body += bytes.toString("latin1", reader.dataStart, reader.dataEnd);
    }
  return { body, end: reader.done ? at : -1 };
}

test("BodyReader follows a body with a length to its last byte", (t) => {
  const reader = new BodyReader();
  const bytes = Buffer.from("hello, next");
  for (let split = 0; split <= bytes.length; split++) {
    reader.begin(framing.length, 5);
    t.deepEqual(read(reader, bytes, [split, bytes.length]), { body: "hello", end: 5 });
  }
  reader.begin(framing.length, 0);
  t.true(reader.done);
  reader.begin(framing.none, 0);
  t.true(reader.done);
});

test("BodyReader ends one without framing with its connection, and no other", (t) => {
  const reader = new BodyReader();
  reader.begin(framing.untilClose, 0);
  t.deepEqual(read(reader, Buffer.from("abc"), [1, 3]), { body: "abc", end: -1 });
  t.true(reader.close());
  reader.begin(framing.length, 4);
  read(reader, Buffer.from("abc"), [3]);
  t.false(reader.close());
  reader.begin(framing.chunked, 0);
  t.false(reader.close());
});

test("BodyReader begins chunks anew whatever it read before, and whatever length is given with them", (t) => {
  const reader = new BodyReader();
  reader.begin(framing.chunked, 0);
  read(reader, Buffer.from("zz"), [2]);
  t.true(reader.failed);
  reader.begin(framing.chunked, -1);
  t.deepEqual(read(reader, Buffer.from("2\r\nok\r\n0\r\n\r\n"), [13]), { body: "ok", end: 12 });
});

const piece = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
const hexCase = fc.constantFrom("lower", "upper");
const blank = fc.constantFrom("", " ", "\t ");
const extension = fc.constantFrom("", ";a", ";a=b", ';a="b c"', ";a;b=1");
const trailer = fc.constantFrom("X: 1\r\n", "Y:\r\n", "Z: \xe9\t \r\n");

test("BodyReader gives back what was put into chunks, at every split, and ends where they end", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(piece, hexCase, blank, extension, fc.nat(3)), { maxLength: 6 }),
      fc.array(trailer, { maxLength: 3 }),
      fc.string(),
      (chunks, trailers, behind) => {
        const framed = chunks
          .map(([data, letters, spaces, more, zeros]) => {
            const size = "0".repeat(zeros) + data.length.toString(16);
            return `${letters === "upper" ? size.toUpperCase() : size}${spaces}${more}\r\n${data}\r\n`;
          })
          .join("");
        const whole = `${framed}0\r\n${trailers.join("")}\r\n`;
        const bytes = Buffer.from(whole + behind, "latin1");
        const body = chunks.map(([data]) => data).join("");
        const reader = new BodyReader();
        for (let split = 0; split <= bytes.length; split++) {
          reader.begin(framing.chunked, 0);
          t.deepEqual(read(reader, bytes, [split, bytes.length]), { body, end: whole.length });
        }
        reader.begin(framing.chunked, 0);
        t.deepEqual(
          read(
            reader,
            bytes,
            Array.from(bytes, (_, index) => index + 1),
          ),
          { body, end: whole.length },
        );
      },
    ),
    { seed, numRuns: 300 },
  );
});

test("BodyReader's judgement of any bytes does not depend on how they come", (t) => {
  const byte = fc.constantFrom(..."01afx;:= \t\r\n\0\x7f\xe9");
  fc.assert(
    fc.property(fc.array(fc.oneof(byte, fc.constantFrom("\r\n", "2\r\nok\r\n", "0\r\n")), { maxLength: 30 }), (parts) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      const reader = new BodyReader();
      reader.begin(framing.chunked, 0);
      const atOnce = { ...read(reader, bytes, [bytes.length]), failed: reader.failed };
      reader.begin(framing.chunked, 0);
      const byBytes = {
        ...read(
          reader,
          bytes,
          Array.from(bytes, (_, index) => index + 1),
        ),
        failed: reader.failed,
      };
      t.deepEqual(byBytes, atOnce);
    }),
    { seed, numRuns: 3000 },
  );
});
