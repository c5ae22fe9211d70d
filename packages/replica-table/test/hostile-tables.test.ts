import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { LoadReader, LoadWriter, noCounts, ReportReader, ReportWriter } from "../src/mod.ts";
import { headerBytes, word } from "../src/table-layout.ts";
import { report, tablePath } from "./fixture.ts";

/** Reads everything that can be read; only a refusal may come of it. */
function readAll(path: string): "read" | "refused" {
  try {
    using loads = LoadReader.open(path);
    const counts = noCounts();
    for (let row = -1; row <= loads.rows; row++) {
      loads.key(row);
      loads.moves(row);
      loads.counts(row, counts);
    }
    loads.alive(0);
    return "read";
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_TABLE") throw error;
  }
  try {
    using reports = ReportReader.open(path);
    const into = report();
    reports.rowOf("10.0.0.1:80");
    for (let row = -1; row < 100; row++) reports.read(row, into);
    return "read";
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_TABLE") throw error;
    return "refused";
  }
}

/** A whole table of four rows, three of them in use. */
function wholeTable(path: string, kind: "loads" | "reports"): Buffer {
  using writer = (kind === "loads" ? LoadWriter : ReportWriter).create(path, { capacity: 4 });
  for (let port = 1; port <= 3; port++) writer.row(`10.0.0.1:${port}`);
  return readFileSync(path);
}

const put = (path: string, bytes: Uint8Array): void => writeFileSync(path, bytes, { mode: 0o640 });

test("readers refuse files of random bytes, and of any length", (t) => {
  const path = tablePath(t);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
      put(path, bytes);
      t.is(readAll(path), "refused");
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("readers never read outside of a table whose header or length is another one", (t) => {
  const path = tablePath(t);
  const whole = { loads: wholeTable(path, "loads"), reports: wholeTable(path, "reports") };
  const extreme = fc.oneof(fc.constantFrom(0, 1, 4, 5, 65_536, 65_537, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat());
  let read = 0;
  fc.assert(
    fc.property(
      fc.constantFrom("loads" as const, "reports" as const),
      fc.array(fc.tuple(fc.integer({ min: 3, max: headerBytes / 4 - 1 }), extreme), { maxLength: 3 }),
      fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1.5, noNaN: true })),
      fc.option(fc.uint8Array({ minLength: 96, maxLength: 96 }), { nil: undefined }),
      (kind, words, share, keys) => {
        const length = Math.floor(whole[kind].length * share);
        const bytes = Buffer.alloc(length);
        whole[kind].copy(bytes);
        for (const [index, value] of words) if (4 * index + 4 <= length) bytes.writeUInt32LE(value >>> 0, 4 * index);
        if (keys && length >= headerBytes + keys.length) bytes.set(keys, headerBytes);
        put(path, bytes);
        if (readAll(path) === "read") read++;
      },
    ),
    { seed: 1, numRuns: 500 },
  );
  t.true(read > 100 && read < 450, `${read} were read`);
});

test("open() says why a file is refused", (t) => {
  const path = tablePath(t);
  const whole = wholeTable(path, "loads");
  const refused = (change: (bytes: Buffer) => Buffer | undefined, why: RegExp): void => {
    const bytes = Buffer.from(whole);
    put(path, change(bytes) ?? bytes);
    const { message, hint } = t.throws(() => LoadReader.open(path), { code: "ERR_TABLE" }) as Error & { hint: string };
    t.regex(message, why);
    t.truthy(hint);
  };
  refused((bytes) => bytes.subarray(0, 63), /63 bytes are less than a header$/);
  refused((bytes) => bytes.subarray(0, -1), /bytes do not hold the 4 rows that it says to have$/);
  refused((bytes) => void bytes.writeUInt32LE(1, 4 * word.magic), /it does not begin as one$/);
  refused((bytes) => void bytes.writeUInt32LE(2, 4 * word.layout), /its layout is version 2, ours is 1$/);
  refused((bytes) => void bytes.writeUInt32LE(2, 4 * word.kind), /it holds other figures$/);
  refused((bytes) => void bytes.writeUInt32LE(9, 4 * word.columns), /it holds other figures$/);
  refused((bytes) => void bytes.writeUInt32LE(0, 4 * word.capacity), /do not hold the 0 rows/);
  refused((bytes) => void bytes.writeUInt32LE(0xffffffff, 4 * word.capacity), /do not hold the 4294967295 rows/);
  put(path, whole);
  chmodSync(path, 0o660);
  t.throws(() => LoadReader.open(path), { code: "ERR_TABLE", message: /others than its owner may write it$/ });
});

test("open() refuses folders and pipes, and does not wait for a writer", (t) => {
  const path = tablePath(t);
  mkdirSync(`${path}-folder`);
  execFileSync("mkfifo", [`${path}-pipe`]);
  for (const one of ["folder", "pipe"]) {
    t.throws(() => ReportReader.open(`${path}-${one}`), { code: "ERR_TABLE", message: /it is not a file$/ });
  }
});
