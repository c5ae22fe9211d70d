/** The audit log: lines, rotation, and a reader that does not read. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { openAuditLog } from "../../src/security/audit-log.ts";
import type { AuditEvent } from "../../src/security/security.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const event = (clientId: string): AuditEvent => ({ event: "connect", clientId, username: "ann", from: "192.0.2.1:5" });
const linesOf = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

test("write() appends a line of JSON, in order, readable by its owner and group", async (t) => {
  const path = temporaryFolder(t).file("audit", "");
  const log = await openAuditLog(path, () => 0);
  for (let index = 0; index < 1000; index++)
    log.write({ ...event(`c${index}\n`), event: "denied-publish", topic: "a/b", reason: "no line" });
  await log.flushed();
  const lines = linesOf(path);
  t.is(lines.length, 1000);
  t.deepEqual(lines[7], {
    time: "1970-01-01T00:00:00.000Z",
    event: "denied-publish",
    clientId: "c7\n",
    username: "ann",
    from: "192.0.2.1:5",
    topic: "a/b",
    reason: "no line",
  });
  log.close();
  log.write(event("late"));
  t.is(log.linesLost, 0);
});

test("prepareReopen() goes on in a new file after logrotate, losing nothing", async (t) => {
  const { path: folder } = temporaryFolder(t);
  const path = join(folder, "audit");
  const log = await openAuditLog(path, () => 0);
  t.is(statSync(path).mode & 0o007, 0);
  log.write(event("1"));
  await log.flushed();
  renameSync(path, `${path}.1`);
  log.write(event("2"));
  const reopened = await log.prepareReopen();
  reopened.swap();
  log.write(event("3"));
  await log.flushed();
  const [old, young] = [linesOf(`${path}.1`), linesOf(path)];
  t.deepEqual(
    [...old, ...young].map(({ clientId }) => clientId),
    ["1", "2", "3"],
  );
  t.true(young.length > 0);
  (await log.prepareReopen()).abandon();
  log.write(event("4"));
  log.close();
  log.close();
  await log.flushed();
  t.is(linesOf(path).at(-1).clientId, "4");
});

test("write() loses lines beyond its bound when nobody reads, counts them and says so", async (t) => {
  const path = join(temporaryFolder(t).path, "pipe");
  execFileSync("mkfifo", [path]);
  // Opening a named pipe for writing waits for a reader.
  const reader = createReadStream(path, { highWaterMark: 4096 });
  const log = await openAuditLog(path, () => 0, 100_000);
  t.teardown(() => log.close());
  const beforeNs = process.hrtime.bigint();
  const count = 5000;
  for (let index = 0; index < count; index++) log.write(event(`c${index}`));
  t.true(process.hrtime.bigint() - beforeNs < 500_000_000n, "write() holds nobody up");
  const lost = log.linesLost;
  t.true(lost > 3000 && lost < count, `${lost} were lost`);
  let read = 0;
  let said = 0;
  let asked = false;
  for await (const line of createInterface({ input: reader })) {
    const { event: kind, lines, clientId } = JSON.parse(line);
    if (kind === "lost") said = lines;
    else read++;
    if (read + lost === count && !asked) {
      asked = true;
      log.write(event("after"));
    }
    if (clientId === "after") break;
  }
  t.is(said, lost);
  t.is(read, count - lost + 1);
});

test("openAuditLog(-) writes to stdout, also when it is a full pipe, and lets the program go on", async (t) => {
  const module = new URL("../../src/security/audit-log.ts", import.meta.url).pathname;
  const program = `
    const { openAuditLog } = await import(${JSON.stringify(module)});
    const log = await openAuditLog("-", () => 0);
    for (let index = 0; index < 3000; index++) log.write({ event: "connect", clientId: "c" + index, username: undefined, from: "here" });
    setTimeout(() => process.stderr.write("alive"), 20);
    await log.flushed();
    log.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill());
  const [alive] = await once(child.stderr, "data");
  t.is(String(alive), "alive", "though 200 KB wait for a reader");
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) t.is(JSON.parse(line).clientId, `c${lines++}`);
  t.is(lines, 3000);
});

test("openAuditLog() says what file cannot be opened", async (t) => {
  const error = (await t.throwsAsync(
    openAuditLog("/none/audit", () => 0),
    { instanceOf: MitsuError },
  )) as MitsuError;
  t.is(error.code, "ERR_AUDIT_LOG");
  t.regex(error.message, /\/none\/audit/);
  t.false(existsSync("/none"));
});
