/**
 * Does with the store that its first argument names what its second one says, and tells on stdout how that ended, as a line of JSON; store-errors.test.ts starts it where
 * a test needs another process, another user or a limit.
 *
 *     node failing-child.ts <path> hold     opens it and stays
 *     node failing-child.ts <path> open     opens it as nobody when it may change its user
 *     node failing-child.ts <path> fill     opens it, then for each line on stdin puts 1 MiB more, commits and tells
 * @module
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { MitsuError } from "@mitsu/cli/error";
import { openStore } from "../../src/store/open-store.ts";
import { delivery, message, session } from "./sample.ts";

const [path = "", how = ""] = process.argv.slice(2);

function tell(act: () => void): void {
  try {
    act();
    writeSync(1, `${JSON.stringify({ ok: true })}\n`);
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    writeSync(1, `${JSON.stringify({ ok: false, code: error.code, message: error.message, hint: error.hint })}\n`);
  }
}

if (how === "open") {
  if (process.getuid?.() === 0) process.setuid?.(65_534);
  tell(() => openStore(path, { sync: false }).close());
} else {
  const store = openStore(path, { sync: false });
  tell(() => store.putSession(session("a")));
  let sequence = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "put")
      store.putDelivery("a", delivery(++sequence, { message: message({ payload: Buffer.alloc(1024 * 1024, sequence) }) }));
    tell(() => store.commit());
  }
}
