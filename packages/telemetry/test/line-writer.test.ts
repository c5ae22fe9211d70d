/** Lines into files that are slow, full, moved away. @module */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, read, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { type LineFiles, LineWriter, type LineWriterOptions } from "../src/line-writer.ts";

/** A disk whose every write waits until the test lets it go on, and timers that it runs. */
function disk() {
  const files = new Map<number, string>();
  const waiting: { readonly text: string; readonly done: (error: NodeJS.ErrnoException | null, written: number) => void; fd: number }[] =
    [];
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  const closed: number[] = [];
  const system: LineFiles = {
    open: (_path, _flags, _mode, done) => {
      files.set(files.size + 3, "");
      done(null, files.size + 2);
    },
    write: (fd, bytes, offset, length, _position, done) => {
      waiting.push({ fd, text: Buffer.from(bytes.subarray(offset, offset + length)).toString(), done });
    },
    close: (fd, done) => {
      closed.push(fd);
      done();
    },
  };
  return {
    waiting,
    timers,
    closed,
    files,
    open: (options: Partial<LineWriterOptions> = {}) =>
      LineWriter.open({ to: "/log", files: system, after: (ms, run) => void timers.push({ ms, run }), ...options }),
    tick: () => {
      for (const { run } of timers.splice(0)) run();
    },
    /** The disk takes so many bytes of the write under way, or all. */
    take: (bytes = Number.POSITIVE_INFINITY) => {
      const { fd, text, done } = waiting.shift()!;
      const part = Buffer.from(text).subarray(0, bytes);
      files.set(fd, (files.get(fd) ?? "") + part.toString());
      done(null, part.length);
    },
    refuse: (code: string) => waiting.shift()!.done(Object.assign(new Error(code), { code }), 0),
  };
}

test("LineWriter gathers lines, and writes them at once", async (t) => {
  const { open, tick, timers, take, files, waiting } = disk();
  const writer = await open({ delayMs: 50 });
  writer.write("a");
  writer.write("é✓");
  t.deepEqual(
    timers.map(({ ms }) => ms),
    [50],
  );
  t.is(waiting.length, 0);
  tick();
  t.is(waiting.length, 1);
  take();
  t.is(files.get(3), "a\né✓\n");
  t.deepEqual(writer.counts, { written: 2, lost: 0 });
});

test("LineWriter does not wait when half of its buffer is full", async (t) => {
  const { open, waiting } = disk();
  const writer = await open({ bufferBytes: 100 });
  writer.write("x".repeat(40));
  t.is(waiting.length, 0);
  writer.write("y".repeat(20));
  t.is(waiting.length, 1);
});

test("LineWriter on a disk that hangs: keeps what it has room for, counts the rest as lost, and goes on afterwards", async (t) => {
  const { open, tick, take, files, waiting } = disk();
  const writer = await open({ bufferBytes: 100 });
  writer.write("first");
  tick();
  for (let n = 0; n < 1000; n++) writer.write("123456789");
  t.is(waiting.length, 1, "one write is under way");
  t.deepEqual(writer.counts, { written: 0, lost: 990 });
  take();
  take();
  t.is(files.get(3), `first\n${"123456789\n".repeat(10)}`);
  t.deepEqual(writer.counts, { written: 11, lost: 990 });
  writer.write("z");
  tick();
  take();
  t.true(files.get(3)!.endsWith("\nz\n"));
});

test("LineWriter loses a line that is longer than its buffer, and no other", async (t) => {
  const { open, tick, take, files } = disk();
  const writer = await open({ bufferBytes: 20 });
  writer.write("é".repeat(10));
  writer.write("é".repeat(9));
  tick();
  take();
  t.is(files.get(3), `${"é".repeat(9)}\n`);
  t.deepEqual(writer.counts, { written: 1, lost: 1 });
});

test("LineWriter writes the rest of what the disk took in part", async (t) => {
  const { open, tick, take, files } = disk();
  const writer = await open();
  writer.write("abc");
  writer.write("def");
  tick();
  take(2);
  take(3);
  take();
  t.is(files.get(3), "abc\ndef\n");
  t.is(writer.counts.written, 2);
});

test("LineWriter on a full disk: counts the lines that are not whole, says why, and never joins two lines", async (t) => {
  const { open, tick, take, refuse, files } = disk();
  const writer = await open();
  for (const line of ["abc", "def", "ghi"]) writer.write(line);
  tick();
  take(5);
  refuse("ENOSPC");
  t.deepEqual(writer.counts, { written: 1, lost: 2 });
  t.is(writer.lastError, "ENOSPC");
  writer.write("jkl");
  tick();
  take();
  t.is(files.get(3), "abc\nd\njkl\n");
  t.is(writer.lastError, undefined);
});

test("LineWriter tries again when a pipe is full", async (t) => {
  const { open, tick, take, refuse, files } = disk();
  const writer = await open({ to: 1 });
  writer.write("abc");
  tick();
  refuse("EAGAIN");
  tick();
  take();
  t.is(files.get(1), "abc\n");
  t.deepEqual(writer.counts, { written: 1, lost: 0 });
});

test("LineWriter.reopen() in the middle of a write: what is under way goes to the old file whole, what comes to the new one", async (t) => {
  const { open, tick, take, files, closed } = disk();
  const writer = await open();
  writer.write("old");
  tick();
  take(1);
  await writer.reopen();
  writer.write("new");
  t.deepEqual(closed, []);
  take();
  t.deepEqual(closed, [3]);
  take();
  t.deepEqual([files.get(3), files.get(4)], ["old\n", "new\n"]);
});

test("LineWriter.close() writes what waits, and gives up after its limit", async (t) => {
  const good = disk();
  const writer = await good.open({ bufferBytes: 100 });
  writer.write("a");
  const closing = writer.close(1000);
  good.take();
  await closing;
  t.is(good.files.get(3), "a\n");
  t.deepEqual(good.closed, [3]);
  writer.write("too late");
  t.deepEqual(writer.counts, { written: 1, lost: 1 });

  const hanging = disk();
  const stuck = await hanging.open({ bufferBytes: 100 });
  stuck.write("a");
  hanging.tick();
  stuck.write("b");
  const giving = stuck.close(1000);
  hanging.tick();
  await giving;
  t.deepEqual(stuck.counts, { written: 0, lost: 1 });
  hanging.take();
  t.deepEqual(stuck.counts, { written: 1, lost: 1 });
});

test("LineWriter: whatever the disk does, each line is whole in the file or counted as lost", async (t) => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 30 }).map((line) => ({ line })) },
    { weight: 2, arbitrary: fc.constant({ tick: true }) },
    { weight: 3, arbitrary: fc.nat(40).map((bytes) => ({ take: bytes + 1 })) },
    { weight: 1, arbitrary: fc.constantFrom("ENOSPC", "EAGAIN", "EPIPE").map((code) => ({ code })) },
    { weight: 1, arbitrary: fc.constant({ reopen: true }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const { open, tick, take, refuse, files, waiting, timers } = disk();
      const writer = await open({ bufferBytes: 64 });
      let told = 0;
      for (const one of steps) {
        if ("line" in one) writer.write(`<${++told}${one.line}>`);
        else if ("tick" in one) tick();
        else if ("reopen" in one) await writer.reopen();
        else if (waiting.length > 0) "take" in one ? take(one.take) : refuse(one.code);
      }
      while (waiting.length > 0 || timers.length > 0) {
        tick();
        if (waiting.length > 0) take();
      }
      const found = [...files.values()].flatMap((text) => text.split("\n")).filter((line) => /^<.*>$/.test(line));
      const { written, lost } = writer.counts;
      const numbers = found.map((line) => Number.parseInt(line.slice(1), 10));
      t.is(written + lost, told);
      t.is(found.length, written);
      t.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
      t.true([...files.values()].every((text) => text.split("\n").every((line) => (line.match(/</g)?.length ?? 0) <= 1)));
    }),
    { seed: 6, numRuns: 500 },
  );
});

/** A file that is gone after the test. */
function logFile(t: ExecutionContext): string {
  const folder = mkdtempSync("/tmp/mitsu-lines-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  return `${folder}/access.log`;
}

test("LineWriter appends to a real file that others cannot read, and follows logrotate on reopen()", async (t) => {
  const to = logFile(t);
  for (const line of ["1", "2"]) {
    const writer = await LineWriter.open({ to });
    writer.write(line);
    await writer.close(5000);
  }
  t.is(readFileSync(to, "utf8"), "1\n2\n");
  t.is(statSync(to).mode & 0o007, 0);

  const writer = await LineWriter.open({ to, delayMs: 1 });
  writer.write("3");
  renameSync(to, `${to}.1`);
  await writer.reopen();
  writer.write("4");
  await writer.close(5000);
  t.is(readFileSync(`${to}.1`, "utf8") + readFileSync(to, "utf8"), "1\n2\n3\n4\n");
  t.deepEqual(writer.counts, { written: 2, lost: 0 });
});

test("LineWriter.open() and reopen() say what to do when the file cannot be opened, and lines go on to the old one", async (t) => {
  const folder = logFile(t);
  const error = await t.throwsAsync(LineWriter.open({ to: `${folder}/no/such` }), { instanceOf: MitsuError });
  t.is(error?.code, "ERR_LOG_FILE");
  t.truthy(error?.hint);
  mkdirSync(folder);
  const writer = await LineWriter.open({ to: `${folder}/log` });
  renameSync(folder, `${folder}-moved`);
  await t.throwsAsync(writer.reopen(), { code: "ERR_LOG_FILE" });
  writer.write("still here");
  await writer.close(5000);
  t.is(readFileSync(`${folder}-moved/log`, "utf8"), "still here\n");
});

test("LineWriter into a pipe that nobody reads holds nothing up, and loses what is beyond its buffer", async (t) => {
  const pipe = logFile(t);
  execFileSync("mkfifo", [pipe]);
  const fd = openSync(pipe, "r+"); // both ends, so that neither opening nor writing waits for the other
  const writer = await LineWriter.open({ to: fd, bufferBytes: 256 * 1024, delayMs: 1 });
  const line = "x".repeat(1023);
  for (let n = 0; n < 1000; n++) {
    writer.write(line);
    // Were the write on this thread, it would hang here: a pipe takes 64 KiB.
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.is(writer.counts.written, 0);
  t.true(writer.counts.lost >= 1000 - 2 * 256, `${writer.counts.lost} lost`);
  const kept = 1000 - writer.counts.lost;
  const closing = writer.close(60_000);
  const chunk = Buffer.alloc(64 * 1024);
  for (let bytes = 0; bytes < kept * 1024; ) bytes += await new Promise<number>((resolve) => read(fd, chunk, (_error, n) => resolve(n)));
  await closing;
  t.is(writer.counts.written, kept);
  closeSync(fd);
});
