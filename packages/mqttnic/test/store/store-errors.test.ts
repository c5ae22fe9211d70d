/** What a store says when its file is not what it should be, or the disk not what it needs. @module */
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { openStore } from "../../src/store/open-store.ts";
import { delivery, everything, message, session, storePath } from "./sample.ts";

const program = fileURLToPath(new URL("failing-child.ts", import.meta.url));

interface Answer {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

/** The error with which opening, or opening and reading, fails; and a check that no byte of the file has changed. */
function refusal(t: ExecutionContext, path: string, read = false): MitsuError {
  const before = statSync(path).isFile() ? readFileSync(path) : undefined;
  const error = t.throws(
    () => {
      const store = openStore(path, { sync: false });
      try {
        if (read) everything(store);
      } finally {
        store.close();
      }
    },
    { instanceOf: MitsuError },
  );
  t.is(error?.code, "ERR_STORE");
  t.true(error?.message.includes(path));
  t.truthy(error?.hint);
  if (before !== undefined) t.deepEqual(readFileSync(path), before);
  return error!;
}

/** A process with the store, and what it answers, line by line. */
function start(
  t: ExecutionContext,
  path: string,
  how: string,
): { child: ChildProcessByStdio<Writable, Readable, null>; answer: () => Promise<Answer> } {
  const child = spawn(process.execPath, [program, path, how], { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, answer: async () => JSON.parse(String((await lines.next()).value)) as Answer };
}

/** A store with a session and some queued messages. */
function filled(path: string): void {
  const store = openStore(path, { sync: false });
  store.putSession(session("a"));
  for (let sequence = 0; sequence < 200; sequence++) {
    store.putDelivery("a", delivery(sequence, { message: message({ topic: `t/${sequence}`, payload: Buffer.alloc(300, sequence) }) }));
    store.putRetained(message({ topic: `r/${sequence}` }));
  }
  store.close();
}

test("openStore() refuses a store that another process has open, and says which", async (t) => {
  const path = storePath(t);
  const { child, answer } = start(t, path, "hold");
  t.true((await answer()).ok);
  const error = t.throws(() => openStore(path, { sync: false }), { instanceOf: MitsuError });
  t.is(error?.code, "ERR_STORE");
  t.is(error?.message, `cannot open the store ${path}: another process has it open`);
  child.stdin.end();
  await new Promise((resolve) => child.once("close", resolve));
  openStore(path, { sync: false }).close();
});

test("openStore() refuses a store that this process has open, which stays locked for others", (t) => {
  const path = storePath(t);
  const store = openStore(path, { sync: false });
  t.throws(() => openStore(path, { sync: false }), { code: "ERR_STORE", message: /has it open/ });
  chmodSync(dirname(path), 0o777);
  chmodSync(path, 0o666);
  chmodSync(`${path}-wal`, 0o666);
  const { stdout } = spawnSync(process.execPath, [program, path, "open"], { encoding: "utf8" });
  t.regex((JSON.parse(stdout) as Answer).message ?? "", /has it open/);
  store.putSession(session("a"));
  store.commit();
  store.close();
  openStore(path, { sync: false }).close();
});

test("openStore() refuses a file that is no SQLite file", (t) => {
  const path = storePath(t);
  writeFileSync(path, "# mosquitto.conf\nlistener 1883\n".repeat(200));
  t.regex(refusal(t, path).message, /no store of mqttnic/);
});

test("openStore() refuses an SQLite file of another program", (t) => {
  const path = storePath(t);
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE session (anything); INSERT INTO session VALUES (1)");
  other.close();
  t.regex(refusal(t, path).message, /of another program/);
});

test("openStore() refuses a store of a newer mqttnic, and names both versions", (t) => {
  const path = storePath(t);
  filled(path);
  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 7");
  newer.close();
  t.regex(refusal(t, path).message, /of version 7, .* up to 1/);
});

test("openStore() refuses a folder, and a path in no folder", (t) => {
  const path = storePath(t);
  mkdirSync(path);
  t.regex(refusal(t, path).message, /it is a folder/);
  const nowhere = join(dirname(path), "none", "mqttnic.db");
  t.throws(() => openStore(nowhere, { sync: false }), {
    code: "ERR_STORE",
    message: `cannot open the store ${nowhere}: there is no folder ${dirname(nowhere)}`,
  });
});

test("openStore() refuses a file and a folder that it must not write", (t) => {
  const path = storePath(t);
  filled(path);
  chmodSync(dirname(path), 0o755);
  chmodSync(path, 0o444);
  const { stdout } = spawnSync(process.execPath, [program, path, "open"], { encoding: "utf8" });
  const answer = JSON.parse(stdout) as Answer;
  t.is(answer.code, "ERR_STORE");
  t.is(answer.message, `cannot open the store ${path}: this user must not write it`);
  t.truthy(answer.hint);
});

test("Store.sessions() and retained() refuse a damaged file, whichever page it is, and change nothing", (t) => {
  const path = storePath(t);
  filled(path);
  const whole = readFileSync(path);
  let refused = 0;
  const pages = whole.length / 4096;
  for (let page = 0; page < pages; page += 3) {
    const file = openSync(path, "w");
    writeSync(file, whole);
    writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
    closeSync(file);
    // Pages of SQLite's own book-keeping and free ones hold nothing that is read.
    if (page === 1 || isFree(whole, page)) continue;
    refusal(t, path, true);
    refused++;
  }
  t.true(refused >= 8, `${refused}`);
});

/** Nothing but zeros. */
function isFree(file: Buffer, page: number): boolean {
  return file.subarray(page * 4096, (page + 1) * 4096).every((byte) => byte === 0);
}

test("Store.sessions() refuses a message that it cannot decode", (t) => {
  const path = storePath(t);
  filled(path);
  const database = new DatabaseSync(path);
  database.exec("UPDATE message SET body = x'63' WHERE number = 100");
  database.close();
  t.regex(refusal(t, path, true).message, /a message of version 99; it is damaged/);
  const again = new DatabaseSync(path);
  again.exec("DELETE FROM message WHERE number = 100");
  again.close();
  t.regex(refusal(t, path, true).message, /a delivery of message 100, which is not there; it is damaged/);
});

test("Store.commit() says that the disk takes no more, keeps what it gathered, and writes it when there is room", async (t) => {
  const path = storePath(t);
  const { child, answer } = start(t, path, "fill");
  t.true((await answer()).ok);
  const send = async (line: string): Promise<Answer> => {
    child.stdin.write(`${line}\n`);
    return await answer();
  };
  t.true((await send("put")).ok);
  limit(child.pid!, String(statSync(`${path}-wal`).size + 300_000));
  const failed = await send("put");
  t.is(failed.code, "ERR_STORE");
  t.true(failed.message?.startsWith(`cannot write the store ${path}: `));
  t.regex(failed.hint ?? "", /is kept and tried again/);
  t.false((await send("put")).ok);
  limit(child.pid!, "unlimited");
  t.true((await send("commit")).ok);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  const store = openStore(path, { sync: false });
  t.teardown(() => store.close());
  const deliveries = everything(store).sessions.get("a")?.deliveries;
  t.deepEqual(
    deliveries?.map(({ sequence, message: { payload } }) => [sequence, payload.length, payload[7]]),
    [1, 2, 3].map((sequence) => [sequence, 1024 * 1024, sequence]),
  );
});

/** A file of the process may have so many bytes from now on. */
function limit(pid: number, bytes: string): void {
  execFileSync("prlimit", [`--pid=${pid}`, `--fsize=${bytes}:`]);
}

test("node:sqlite says nothing on stderr under the Node of the lockfile", (t) => {
  const { stderr, status } = spawnSync(process.execPath, [program, storePath(t), "hold"], { encoding: "utf8", input: "" });
  t.is(stderr, "");
  t.is(status, 0);
});
